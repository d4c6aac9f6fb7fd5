"""Names of the photos below a folder in order, however many there are, without leaving it.

A folder's names come unordered, and of a folder with a million files they would fill memory: they are looked through
once for each `BATCH_NAMES` of them, for those that come next. Folders are open only while they are looked through.
"""

import errno
import os
from collections.abc import Iterator
from heapq import nsmallest
from pathlib import Path

from facepass.domain.photo_key import MAX_KEY_LENGTH, is_listed

BATCH_NAMES = 20_000
"""Of one folder, in memory at a time."""

_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
"""What was a folder when it was seen: it has gone since, or something else has its name."""


def opened_folder(root: Path, parts: tuple[str, ...]) -> int:
    """A descriptor of a folder below `root`, opened component by component, so that no link is followed on the way.

    Raises:
        OSError: it is not there, is no folder, or cannot be opened.
    """
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts:
            deeper = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = deeper
    except OSError:
        os.close(folder)
        raise
    return folder


def keys_below(root: Path, prefix: str, *, batch_names: int = BATCH_NAMES) -> Iterator[str]:
    """The keys that `ImageSource.keys` is to tell of. Blocks; holds nothing open between two of them.

    Raises:
        OSError: a folder on the way cannot be read; a part of the photos would be missing in silence.
    """
    folders = [_names(root, "", prefix, batch_names)]
    while folders:
        key = next(folders[-1], None)
        if key is None:
            folders.pop()
        elif key.endswith("/"):
            folders.append(_names(root, key, prefix, batch_names))
        elif is_listed(key):
            yield key


def _names(root: Path, folder: str, prefix: str, batch_names: int) -> Iterator[str]:
    """Files and folders that lie directly in one, as beginnings of keys in order: a slash ends those of folders."""
    after = ""
    while True:
        batch = nsmallest(batch_names, (name for name in _entries(root, folder, prefix) if name > after))
        yield from batch
        if len(batch) < batch_names:
            return
        after = batch[-1]


def _entries(root: Path, folder: str, prefix: str) -> Iterator[str]:
    try:
        descriptor = opened_folder(root, tuple(folder.split("/")[:-1]))
    except OSError as error:
        if error.errno in _GONE:
            return
        raise
    try:
        with os.scandir(descriptor) as entries:
            for entry in entries:
                key = folder + entry.name
                if entry.name.startswith(".") or len(key) > MAX_KEY_LENGTH:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    below = f"{key}/"
                    if below.startswith(prefix) or prefix.startswith(below):
                        yield below
                elif key.startswith(prefix) and entry.is_file(follow_symlinks=False):
                    yield key
    finally:
        os.close(descriptor)
