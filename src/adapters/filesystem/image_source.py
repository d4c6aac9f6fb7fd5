"""An image source over a folder: a key is a relative path, and never leads out of the root."""

import asyncio
import errno
import os
import stat
from collections.abc import AsyncGenerator, Iterator
from itertools import islice
from pathlib import Path

from facepass.adapters.filesystem.folder_walk import keys_below, opened_folder
from facepass.domain.errors import DependencyUnavailable
from facepass.domain.photo_key import check_prefix, key_parts, no_photo, photo_too_large
from facepass.domain.ports import ImageSource

_NOTHING_THERE = frozenset({errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO})
"""A link on the way, a name the file system has no place for, something that was a file when it was looked at."""


PAGE_KEYS = 1000
"""Listed by one visit to a thread."""


class FolderImageSource(ImageSource):
    """Reads photos below one folder. Symbolic links are not followed, so no key reaches a file outside."""

    def __init__(self, root: Path, *, max_bytes: int) -> None:
        self._root = root
        self._max_bytes = max_bytes

    async def read(self, key: str) -> bytes:
        """See `ImageSource.read`."""
        return await asyncio.to_thread(self._read, key, key_parts(key))

    async def keys(self, prefix: str) -> AsyncGenerator[str, None]:
        """See `ImageSource.keys`. Links are passed over: `read` would not follow them."""
        check_prefix(prefix)
        found = keys_below(self._root, prefix)
        while page := await asyncio.to_thread(_next_page, found):
            for key in page:
                yield key

    def _read(self, key: str, parts: tuple[str, ...]) -> bytes:
        try:
            descriptor = self._open(parts)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise no_photo(key) from error
        except OSError as error:
            if error.errno in _NOTHING_THERE:
                raise no_photo(key) from error
            raise DependencyUnavailable("photos", "The photo folder cannot be read.") from error
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise no_photo(key)
        with os.fdopen(descriptor, "rb") as file:
            if status.st_size > self._max_bytes:
                raise photo_too_large(key, self._max_bytes)
            data = file.read(self._max_bytes + 1)
        if len(data) > self._max_bytes:  # it has grown since, or is longer than its size says
            raise photo_too_large(key, self._max_bytes)
        return data

    def _open(self, parts: tuple[str, ...]) -> int:
        """Open component by component below the root, so that no link swapped in meanwhile is followed."""
        folder = opened_folder(self._root, parts[:-1])
        try:
            # Opening alone can stir up a device: it is looked at first, and after opening once more, for swaps between.
            if not stat.S_ISREG(os.stat(parts[-1], dir_fd=folder, follow_symlinks=False).st_mode):
                raise FileNotFoundError(parts[-1])
            # Non-blocking, or a named pipe swapped in would hold the thread until somebody wrote to it.
            return os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        finally:
            os.close(folder)


def _next_page(found: Iterator[str]) -> list[str]:
    try:
        return list(islice(found, PAGE_KEYS))
    except OSError as error:
        raise DependencyUnavailable("photos", "The photo folder cannot be read.") from error
