"""How a picture was held: the orientation in its EXIF data (CIPA DC-008), and nothing else of that."""

import struct
from typing import Final

HEADER: Final = b"Exif\x00\x00"
"""Stands before the TIFF structure in a JPEG, sometimes in other formats."""
UPRIGHT: Final = 1
MAX_ENTRIES: Final = 1024
"""Of the first directory, in which entries are sorted by tag; cameras write some twenty."""

_ORIENTATION: Final = 0x0112
_ENTRY_BYTES: Final = 12
_VALUE_FORMATS: Final = {3: "H", 4: "I"}
"""By TIFF type: short, long."""


def orientation(exif: bytes) -> int:
    """Orientation 1 to 8; 1 where there is none or it cannot be read: damaged EXIF does not spoil a picture.

    Args:
        exif: a TIFF structure, with or without `HEADER` before it.
    """
    tiff = exif.removeprefix(HEADER)
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(tiff[:4])
    try:
        value = UPRIGHT if order is None else _value(tiff, order)
    except struct.error:  # the structure ends early
        return UPRIGHT
    return value if value in range(1, 9) else UPRIGHT


def _value(tiff: bytes, order: str) -> int:
    (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
    (entries,) = struct.unpack_from(f"{order}H", tiff, directory)
    for number in range(min(entries, MAX_ENTRIES)):
        at = directory + 2 + number * _ENTRY_BYTES
        tag, kind = struct.unpack_from(f"{order}HH", tiff, at)
        if tag == _ORIENTATION and kind in _VALUE_FORMATS:
            (value,) = struct.unpack_from(order + _VALUE_FORMATS[kind], tiff, at + 8)
            return int(value)
    return UPRIGHT
