"""An image source that holds photos in memory."""

from collections.abc import Mapping

from facepass.domain.errors import NotFound, PayloadTooLarge
from facepass.domain.photo_key import key_parts
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
            raise NotFound(f"No photo is stored under {key!r}.")
        if len(self._photos[key]) > self._max_bytes:
            raise PayloadTooLarge(f"The photo {key!r} has more than {self._max_bytes} bytes.")
        return self._photos[key]
