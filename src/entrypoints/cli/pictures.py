"""Pictures named on the command line, read within the limits in force."""

from pathlib import Path

from facepass.entrypoints.cli.folder import read_photo
from facepass.entrypoints.cli.runtime import load_settings


def read_picture(path: Path) -> bytes:
    """A picture's bytes.

    Raises:
        PayloadTooLarge: more of them than `MAX_SOURCE_BYTES`.
        UnsupportedImage: the file cannot be read.
    """
    return read_photo(path, load_settings().photos.max_source_bytes)
