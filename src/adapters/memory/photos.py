"""An image source that holds photos in memory."""

from collections.abc import AsyncGenerator, Mapping

from facepass.domain.photo_key import check_prefix, is_listed, key_parts, no_photo, photo_too_large
from facepass.domain.ports import ImageSource


class MemoryImageSource(ImageSource):
    """Photos by key, for tests and trials."""

    def __init__(self, photos: Mapping[str, bytes], *, max_bytes: int) -> None:
        self._photos = photos
        self._max_bytes = max_bytes

    async def read(self, key: str) -> bytes:
        """See `ImageSource.read`."""
        key_parts(key)
        if key not in self._photos:
            raise no_photo(key)
        if len(self._photos[key]) > self._max_bytes:
            raise photo_too_large(key, self._max_bytes)
        return self._photos[key]

    async def keys(self, prefix: str) -> AsyncGenerator[str, None]:
        """See `ImageSource.keys`."""
        check_prefix(prefix)
        for key in sorted(self._photos):
            if key.startswith(prefix) and is_listed(key):
                yield key
