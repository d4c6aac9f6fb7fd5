"""Photos that lie where the service or an operator can read them: what they may cost, and how one is decoded."""

from pathlib import Path

from facepass.adapters.imaging.decode import decode_image
from facepass.application.detection_profile import DetectionProfile
from facepass.application.ports import ImageLimits
from facepass.domain.face import Image
from facepass.entrypoints.settings import Settings


def source_limits(settings: Settings) -> ImageLimits:
    """What such a photo may cost; beside uploads, whose limits are narrower."""
    photos = settings.photos
    return ImageLimits(max_bytes=photos.max_source_bytes, max_side=None, max_pixels=photos.max_source_pixels)


def decode_photo(path: Path, settings: Settings, *, profile: DetectionProfile) -> Image:
    """Read and decode one photo, never more of it than its limits allow.

    Raises:
        OSError: it cannot be read.
        UnsupportedImage, PayloadTooLarge: see `decode_image`.
    """
    limits = source_limits(settings)
    with path.open("rb") as file:
        return decode_image(file.read(limits.max_bytes + 1), limits, profile=profile)
