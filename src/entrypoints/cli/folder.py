"""Photos of a folder: which files are photos, what they are called, how they are read."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from facepass.domain.errors import InvalidRequest, PayloadTooLarge, UnsupportedImage
from facepass.domain.photo_key import PHOTO_SUFFIXES
from facepass.entrypoints.photo_names import IdFrom


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A photo on disk, as it was when the folder was read.

    Attributes:
        path: where it lies.
        photo_id: what it is called in its session.
        size_bytes, mtime_ns: tell whether it changed since.
    """

    path: Path
    photo_id: str
    size_bytes: int
    mtime_ns: int


def photos_in(folder: Path, id_from: IdFrom) -> list[PhotoFile]:
    """Every photo below `folder`, in order of relative path; hidden files and folders are passed over.

    A link is followed only to a file inside `folder`: what lies elsewhere was not asked for.

    Raises:
        InvalidRequest: two files would get the same photo id.
    """
    root = folder.resolve()
    found = sorted(_files(root), key=lambda path: path.relative_to(root).as_posix())
    photos = [_photo(path, root, id_from) for path in found]
    first: dict[str, Path] = {}
    for photo in photos:
        if (other := first.setdefault(photo.photo_id, photo.path)) != photo.path:
            raise InvalidRequest.field(
                "--id-from",
                f"{other.relative_to(root)} and {photo.path.relative_to(root)} would both be called {photo.photo_id!r}",
            )
    return photos


def read_photo(path: Path, max_bytes: int) -> bytes:
    """The file's bytes, never more than `max_bytes` of them in memory.

    Raises:
        PayloadTooLarge: the file holds more.
        UnsupportedImage: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise UnsupportedImage(f"{path} cannot be read: {error.strerror or type(error).__name__}.") from error
    if len(data) > max_bytes:
        raise PayloadTooLarge(f"{path.name} holds more than the {max_bytes:,} bytes a photo may have.")
    return data


def _files(root: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(root, followlinks=False):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if name.startswith(".") or path.suffix.lower() not in PHOTO_SUFFIXES:
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                continue
            if path.is_file():
                yield path


def _photo(path: Path, root: Path, id_from: IdFrom) -> PhotoFile:
    stat = path.stat()
    return PhotoFile(path, id_from.of(path.relative_to(root).as_posix()), stat.st_size, stat.st_mtime_ns)
