"""The structure of a PNG file (ISO/IEC 15948), bounded.

Pillow reads every chunk in Python and unpacks texts and profiles; here they are passed over, packed as they are.
"""

import struct
from collections.abc import Iterator
from typing import Final

from facepass.adapters.imaging.exif import UPRIGHT, orientation
from facepass.adapters.imaging.outline import ANIMATED, NO_PICTURE, Outline, joined
from facepass.domain.errors import UnsupportedImage

MAGIC: Final = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS: Final = 1 << 16
"""Encoders write data chunks of 4 KB or more: 16 384 in a file of 64 MB."""

_MOST_BYTES: Final = {b"IHDR": 13, b"PLTE": 768, b"tRNS": 256}
"""What else makes pixels beside data, and how long it may be."""
_FRAME_BYTES: Final = 12
"""Of a chunk beside its body: length, name, checksum."""


def png_outline(data: bytes) -> Outline:
    """What a PNG says of itself.

    Raises:
        UnsupportedImage: damaged, incomplete, animated, or of too many chunks.
    """
    parts = [(0, len(MAGIC))]
    size: tuple[int, int] | None = None
    turned: int | None = None
    for name, start, end in _chunks(data):
        body = start + 8
        if (size is None) != (name == b"IHDR"):  # the first, and only once
            raise UnsupportedImage(NO_PICTURE)
        if name == b"fdAT":  # a single picture is all in IDAT, whatever else is said of animation
            raise UnsupportedImage(ANIMATED)
        if name in _MOST_BYTES:
            if end - start - _FRAME_BYTES > _MOST_BYTES[name]:
                raise UnsupportedImage(NO_PICTURE)
            if name == b"IHDR":
                size = struct.unpack_from(">II", data, body)
            parts.append((start, end))
        elif name in {b"IDAT", b"IEND"}:
            parts.append((start, end))
        elif name == b"eXIf" and turned is None:
            turned = orientation(data[body : end - 4])
    width, height = size or (0, 0)
    return Outline("PNG", width, height, turned or UPRIGHT, joined(data, parts))


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of each chunk up to the last."""
    start = len(MAGIC)
    for _ in range(MAX_CHUNKS):
        if start + _FRAME_BYTES > len(data):
            raise UnsupportedImage(NO_PICTURE)
        length, name = struct.unpack_from(">I4s", data, start)
        end = start + _FRAME_BYTES + length
        if end > len(data):
            raise UnsupportedImage(NO_PICTURE)
        yield name, start, end
        if name == b"IEND":
            return
        start = end
    raise UnsupportedImage(f"The PNG has more than {MAX_CHUNKS} chunks.")
