"""The photos below an address such as `s3://bucket/prefix`, as a job names them."""

from typing import Final

from facepass.domain.errors import InvalidRequest
from facepass.entrypoints.photo_names import IdFrom
from facepass.entrypoints.settings import Settings
from facepass.entrypoints.source_photos import bucket_source, source_limits

SCHEME: Final = "s3://"
MAX_LISTED: Final = 1_000_000
"""Photos of one address: their names are held in memory."""


def prefix_in(settings: Settings, address: str) -> str:
    """What an address names below the configured bucket and `S3_PREFIX`: the beginning of keys.

    Raises:
        InvalidRequest: it is not in there.
    """
    bucket, _, path = address.removeprefix(SCHEME).partition("/")
    store = settings.object_store
    if bucket != store.s3_bucket:
        here = f"is {store.s3_bucket!r}" if store.s3_bucket else "is not set"
        raise InvalidRequest.field("TARGET", f"names the bucket {bucket!r}, but S3_BUCKET {here}")
    root = f"{store.s3_prefix.strip('/')}/" if store.s3_prefix and store.s3_prefix.strip("/") else ""
    if not path.startswith(root) and f"{path}/" != root:
        raise InvalidRequest.field("TARGET", f"is not below S3_PREFIX, {root!r}")
    return path[len(root) :]


async def photos_below(settings: Settings, address: str, *, id_from: IdFrom) -> list[tuple[str, str]]:
    """Photo id and key of every photo, in order of key.

    Args:
        settings: of the bucket.
        address: `s3://bucket/prefix`; all keys that begin with the prefix count.
        id_from: what photos are called; a path counts from the last `/` of the prefix.

    Raises:
        InvalidRequest: the address is outside of the bucket, there are too many photos, or two would have one id.
        ConfigurationError, DependencyUnavailable: the object store.
    """
    prefix = prefix_in(settings, address)
    start = prefix.rfind("/") + 1
    source = bucket_source(settings, source_limits(settings))
    key_of: dict[str, str] = {}
    try:
        async for key in source.keys(prefix):
            photo_id = id_from.of(key[start:])
            if (other := key_of.setdefault(photo_id, key)) != key:
                raise InvalidRequest.field("--id-from", f"{other} and {key} would both be called {photo_id!r}")
            if len(key_of) > MAX_LISTED:
                raise InvalidRequest.field("TARGET", f"names more than {MAX_LISTED} photos: choose longer prefixes")
    finally:
        await source.close()
    return list(key_of.items())
