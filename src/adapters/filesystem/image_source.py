"""An image source over a folder: a key is a relative path, and never leads out of the root."""

import asyncio
import errno
import os
import stat
from pathlib import Path

from facepass.domain.errors import DependencyUnavailable, NotFound, PayloadTooLarge
from facepass.domain.photo_key import key_parts
from facepass.domain.ports import ImageSource


class FolderImageSource(ImageSource):
    """Reads photos below one folder. Symbolic links are not followed, so no key reaches a file outside."""

    def __init__(self, root: Path, *, max_bytes: int) -> None:
        self._root = root
        self._max_bytes = max_bytes

    async def read(self, key: str) -> bytes:
        """See `ImageSource.read`."""
        return await asyncio.to_thread(self._read, key, key_parts(key))

    def _read(self, key: str, parts: tuple[str, ...]) -> bytes:
        try:
            descriptor = self._open(parts)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound(f"No photo is stored under {key!r}.") from error
        except OSError as error:
            # A link on the way, or a name the file system has no place for: nothing is stored under such a key.
            if error.errno in {errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO}:
                raise NotFound(f"No photo is stored under {key!r}.") from error
            raise DependencyUnavailable("photos", "The photo folder cannot be read.") from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise NotFound(f"No photo is stored under {key!r}.")
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(self._max_bytes + 1)
        if len(data) > self._max_bytes:
            raise PayloadTooLarge(f"The photo {key!r} has more than {self._max_bytes} bytes.")
        return data

    def _open(self, parts: tuple[str, ...]) -> int:
        """Open component by component below the root, so that no link swapped in meanwhile is followed."""
        folder = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in parts[:-1]:
                deeper = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                os.close(folder)
                folder = deeper
            # Non-blocking, or a named pipe in the folder would hold the thread until somebody wrote to it.
            return os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        finally:
            os.close(folder)
