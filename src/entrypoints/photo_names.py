"""What a photo is called in its session, told from where it lies: the same for folders and buckets."""

from enum import StrEnum
from posixpath import basename, splitext


class IdFrom(StrEnum):
    """What a photo is called in its session."""

    PATH = "path"
    NAME = "name"
    STEM = "stem"

    def of(self, path: str) -> str:
        """The photo id, from a path with slashes below the folder or prefix that was asked for."""
        match self:
            case IdFrom.PATH:
                return path
            case IdFrom.NAME:
                return basename(path)
            case IdFrom.STEM:
                return splitext(basename(path))[0]
