"""From untrusted bytes to an upright RGB picture, within limits known before a pixel is decoded.

Pillow's own size guard is turned off here: it warns at a fixed size and raises at twice that, while ours is a setting
and always refuses. Only the accepted formats' plugins are ever tried.
"""

import io
import warnings
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import ExifTags
from PIL import Image as Pillow

from facepass.application.detection_profile import PROFILES, DetectionProfile, ProfileName
from facepass.application.ports import ImageDecoder, ImageLimits, Workers
from facepass.domain.errors import PayloadTooLarge, UnsupportedImage
from facepass.domain.face import Image, ImageSize

FORMATS: Final = ("JPEG", "PNG", "WEBP", "BMP")
"""What is accepted, by Pillow's names. A multi-picture JPEG (MPO) counts as JPEG: its first picture is taken."""

ENOUGH_SIDE_PX: Final = 2048
"""A JPEG whose long side is at least twice this is decoded at 1/2, 1/4 or 1/8, never below this long side: enough to
recognise faces by, unless the detection profile wants to look closer."""

_BACKGROUND: Final = (255, 255, 255)
"""What shows through transparent pixels."""

_QUARTER_TURNS: Final = frozenset({5, 6, 7, 8})
"""EXIF orientations that swap width and height."""

Pillow.MAX_IMAGE_PIXELS = None
# Remarks on damaged metadata would fill the log of a service that reads strangers' files.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


class PillowImageDecoder(ImageDecoder):
    """Decodes in worker threads."""

    def __init__(self, workers: Workers, *, profile: ProfileName = "balanced") -> None:
        self._workers = workers
        self._profile = PROFILES[profile]

    async def decode(self, data: bytes, limits: ImageLimits) -> Image:
        """See `ImageDecoder.decode`."""
        return await self._workers.run(lambda: decode_image(data, limits, profile=self._profile))


def decode_image(data: bytes, limits: ImageLimits, *, profile: DetectionProfile = PROFILES["balanced"]) -> Image:
    """Decode one picture.

    Args:
        data: the file.
        limits: what it may cost.
        profile: how closely it will be looked at; it is not reduced below that.

    Returns:
        `(height, width, 3)` uint8 RGB, upright by EXIF orientation; alpha composed on white, 16-bit reduced to its
        upper 8 bits, CMYK and palettes converted.

    Raises:
        PayloadTooLarge: more bytes or pixels than the limits.
        UnsupportedImage: not decodable, not an accepted format, or animated.
    """
    if len(data) > limits.max_bytes:
        raise PayloadTooLarge(f"The picture has {len(data)} bytes; at most {limits.max_bytes} are accepted.")
    # Pillow's decoders raise many types for damaged input, some of them by accident (struct.error, IndexError, …):
    # whatever they raise, the cause is the picture. MemoryError and interrupts are not Exceptions of that kind.
    try:
        with Pillow.open(io.BytesIO(data), formats=FORMATS) as picture:
            return _decode_opened(picture, limits, profile)
    except (PayloadTooLarge, UnsupportedImage, MemoryError):
        raise
    except Exception as error:
        raise UnsupportedImage(
            "The file is not a complete picture in an accepted format (JPEG, PNG, WebP, BMP)."
        ) from error


def _decode_opened(picture: Pillow.Image, limits: ImageLimits, profile: DetectionProfile) -> Image:
    width, height = picture.size
    _check_size(width, height, limits)
    if getattr(picture, "is_animated", False) and picture.format != "MPO":
        raise UnsupportedImage("The file is an animation; send a still picture.")
    orientation = _orientation(picture)
    picture.draft("RGB", _draft_size(width, height, profile))
    picture.load()
    upright = _upright(_as_rgb(picture), orientation)
    size = ImageSize(height, width) if orientation in _QUARTER_TURNS else ImageSize(width, height)
    return Image(pixels=np.asarray(upright, dtype=np.uint8), size=size)


def _check_size(width: int, height: int, limits: ImageLimits) -> None:
    if limits.max_side is not None and max(width, height) > limits.max_side:
        raise PayloadTooLarge(
            f"The picture is {width}×{height} pixels; at most {limits.max_side} pixels a side are accepted."
        )
    if width * height > limits.max_pixels:
        raise PayloadTooLarge(
            f"The picture is {width}×{height} pixels; at most {limits.max_pixels} pixels in all are accepted."
        )


def _draft_size(width: int, height: int, profile: DetectionProfile) -> tuple[int, int]:
    """The size that Pillow must not go below when it decodes a JPEG at a reduced scale."""
    longest = max(width, height)
    factor = max(ENOUGH_SIDE_PX, profile.long_side_px(longest)) / longest
    if factor >= 1:
        return width, height
    return max(1, round(width * factor)), max(1, round(height * factor))


def _orientation(picture: Pillow.Image) -> int:
    """EXIF orientation 1 to 8; 1 where there is none or it cannot be read: damaged EXIF does not spoil a picture."""
    try:
        orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001 - whatever damaged EXIF makes Pillow raise
        return 1
    return orientation if orientation in range(1, 9) else 1


def _as_rgb(picture: Pillow.Image) -> Pillow.Image:
    if picture.mode.startswith("I"):
        # Pillow clips 16-bit samples when it converts them; the upper byte is what the eye sees.
        wide: npt.NDArray[np.int64] = np.asarray(picture).astype(np.int64)
        return Pillow.fromarray((wide >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
    if picture.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in picture.info:
        with_alpha = picture.convert("RGBA")
        background = Pillow.new("RGBA", with_alpha.size, (*_BACKGROUND, 255))
        return Pillow.alpha_composite(background, with_alpha).convert("RGB")
    return picture.convert("RGB")


_TRANSPOSITIONS: Final = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}


def _upright(picture: Pillow.Image, orientation: int) -> Pillow.Image:
    transposition = _TRANSPOSITIONS.get(orientation)
    return picture if transposition is None else picture.transpose(transposition)
