"""Photos that lie where the service or an operator can read them: what they may cost, and how one is decoded."""

import os
from pathlib import Path

from facepass.adapters.imaging.decode import decode_image
from facepass.adapters.s3.bucket import Bucket
from facepass.adapters.s3.image_source import S3ImageSource
from facepass.adapters.s3.object_list import ObjectList
from facepass.adapters.s3.object_reader import ObjectReader
from facepass.application.detection_profile import DetectionProfile
from facepass.application.ports import ImageLimits
from facepass.domain.errors import ConfigurationError
from facepass.domain.face import Image
from facepass.entrypoints.object_store import address_of
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


def bucket_source(settings: Settings, limits: ImageLimits) -> S3ImageSource:
    """The configured bucket as a source of photos. Connects with the first one.

    Raises:
        ConfigurationError: no bucket or no key to it is configured, or one of the settings is malformed.
    """
    store = settings.object_store
    address, name = address_of(store, needed_for="S3_BUCKET"), store.s3_bucket or ""
    reader = ObjectReader(Bucket(address, name))
    return S3ImageSource(reader, ObjectList(address, name), store.s3_prefix or "", max_bytes=limits.max_bytes)


async def check_photos(settings: Settings) -> str:
    """Where photos named by key are, once it is clear that they could be read there.

    Raises:
        ConfigurationError: there is no such folder or bucket, or it refuses this service.
        DependencyUnavailable: the object store is out of reach.
    """
    store = settings.object_store
    if store.s3_bucket is not None:
        source = bucket_source(settings, source_limits(settings))
        try:
            await source.check()
        finally:
            await source.close()
        return f"bucket {store.s3_bucket}, {f'below {store.s3_prefix}' if store.s3_prefix else 'all of it'}"
    folder = settings.photo_root.absolute()
    if settings.photos.photo_root is None and not folder.exists():
        return f"folder {folder}, not made yet: until it is, photos are sent along instead of named"
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
        raise ConfigurationError(f"folder {folder}: it does not exist, or may not be read")
    return f"folder {folder}"
