"""An image source over a bucket: a key names an object below one prefix of it, and can name no other."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import structlog

from facepass.adapters.s3.object_list import ObjectList
from facepass.adapters.s3.object_reader import DEPENDENCY, ObjectReader
from facepass.domain.errors import (
    ConfigurationError,
    DependencyRefused,
    DependencyUnavailable,
    InvalidRequest,
    NotFound,
    PayloadTooLarge,
)
from facepass.domain.photo_key import check_prefix, is_listed, key_parts, no_photo, photo_too_large
from facepass.domain.ports import ImageSource

MAX_NAME_BYTES = 1024
"""Of an object's whole name, prefix included: S3's limit."""
PROBE = "facepass-doctor"

_log = structlog.get_logger(__name__)


class S3ImageSource(ImageSource):
    """Reads photos below a prefix of a bucket. Why the store fails is for the log; callers learn that it does.

    Args:
        objects: of the bucket.
        listing: of the same bucket.
        prefix: a folder of the bucket such as `photos/2026`; empty for the whole bucket.
        max_bytes: of a photo.

    Raises:
        ConfigurationError: the prefix is malformed.
    """

    def __init__(self, objects: ObjectReader, listing: ObjectList, prefix: str, *, max_bytes: int) -> None:
        self._objects = objects
        self._listing = listing
        self._prefix = _folder(prefix)
        self._max_bytes = max_bytes

    async def close(self) -> None:
        """Let go of the connections."""
        await self._objects.close()

    async def read(self, key: str) -> bytes:
        """See `ImageSource.read`."""
        name = self._name(key)
        try:
            return await self._objects.read(name, max_bytes=self._max_bytes)
        except NotFound as error:
            raise no_photo(key) from error
        except PayloadTooLarge as error:
            raise photo_too_large(key, self._max_bytes) from error
        except ConfigurationError as error:
            _log.error("photo_store_refuses", reason=error.detail)
            detail = "The photo store refuses this service; the log of the service says why."
            raise DependencyRefused(DEPENDENCY, detail) from error
        except DependencyUnavailable as error:
            raise _out_of_reach(error) from error

    async def keys(self, prefix: str) -> AsyncGenerator[str, None]:
        """See `ImageSource.keys`."""
        check_prefix(prefix)
        if len(f"{self._prefix}{prefix}".encode()) > MAX_NAME_BYTES:
            return
        try:
            async with aclosing(self._listing.names(self._prefix + prefix)) as names:
                async for name in names:
                    key = name.removeprefix(self._prefix)
                    if is_listed(key):
                        yield key
        except ConfigurationError as error:
            _log.error("photo_store_refuses", reason=error.detail)
            raise
        except DependencyUnavailable as error:
            raise _out_of_reach(error) from error

    async def check(self) -> None:
        """Return when photos can be read; asks for one that is not there.

        Raises:
            ConfigurationError, DependencyUnavailable: see `ObjectReader.read`; the details are for operators.
        """
        try:
            await self._objects.read(self._prefix + PROBE, max_bytes=self._max_bytes)
        except (NotFound, PayloadTooLarge):
            return

    def _name(self, key: str) -> str:
        key_parts(key)
        most = MAX_NAME_BYTES - len(self._prefix.encode("utf-8"))
        if len(key.encode("utf-8")) > most:
            raise InvalidRequest.field("s3_key", f"must have at most {most} bytes in UTF-8")
        return self._prefix + key


def _out_of_reach(error: DependencyUnavailable) -> DependencyUnavailable:
    """What callers learn; the rest is for the log."""
    _log.warning("photo_store_out_of_reach", reason=error.detail)
    return DependencyUnavailable(DEPENDENCY, "The photo store is out of reach.", retry_after_s=error.retry_after_s)


def _folder(prefix: str) -> str:
    """The prefix with a slash at its end, unless it is empty; one slash there may be the operator's."""
    if not prefix:
        return ""
    folder = prefix.removesuffix("/")
    try:
        key_parts(folder, "S3_PREFIX")
    except InvalidRequest as error:
        raise ConfigurationError(f"S3_PREFIX {error.errors[0].message}") from error
    return f"{folder}/"
