"""The structure of a WebP file (RFC 9649), bounded.

Pillow has libwebp set up its canvas as soon as it opens a file, as large as the file says.
"""

import struct
from collections.abc import Iterator
from typing import Final

from facepass.adapters.imaging.exif import UPRIGHT, orientation
from facepass.adapters.imaging.outline import ANIMATED, NO_PICTURE, Outline, joined
from facepass.domain.errors import UnsupportedImage

MAGIC: Final = b"RIFF"
MAX_CHUNKS: Final = 1024
"""Encoders write up to 7 for a still picture; libwebp keeps a record of each."""

_FORM: Final = b"WEBP"
_RIFF_BYTES: Final = 12
_CHUNK_BYTES: Final = 8
_PIXELS: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH"})
_ANIMATION: Final = frozenset({b"ANIM", b"ANMF"})
_BUFFER_BYTES_A_PIXEL: Final = 12
"""Two canvases of libwebp's, the second for what animations leave behind, and the one that Pillow is handed."""
_SIDE_BITS: Final = 0x3FFF
_COPIES: Final = 2
"""Of the file: Pillow's and libwebp's."""


def webp_outline(data: bytes) -> Outline:
    """What a WebP says of itself; what follows its end, and metadata, is left out.

    Raises:
        UnsupportedImage: damaged, incomplete, animated, or of too many chunks.
    """
    parts: list[tuple[int, int]] = []
    size: tuple[int, int] | None = None
    turned: int | None = None
    for name, start, end in _chunks(data):
        body = start + _CHUNK_BYTES
        if size is None:
            size = _size(name, data[body : min(end, body + 10)])
        if name in _ANIMATION:
            raise UnsupportedImage(ANIMATED)
        if name in _PIXELS:
            parts.append((start, end + (end - start) % 2))
        elif name == b"EXIF" and turned is None:
            turned = orientation(data[body:end])
    width, height = size or (0, 0)
    chunks = joined(data, parts)
    padding = bytes(len(chunks) % 2)  # the last chunk's, where the file ends without
    length = struct.pack("<I", len(_FORM) + len(chunks) + len(padding))
    essence = b"".join((MAGIC, length, _FORM, chunks, padding))
    return Outline(
        "WEBP",
        width,
        height,
        turned or UPRIGHT,
        essence,
        buffer_bytes=_BUFFER_BYTES_A_PIXEL * width * height + _COPIES * len(essence),
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of each chunk, padding not counted."""
    file_end = _CHUNK_BYTES + int.from_bytes(data[4:8], "little")
    if file_end > len(data) or data[8:_RIFF_BYTES] != _FORM:
        raise UnsupportedImage(NO_PICTURE)
    start = _RIFF_BYTES
    for _ in range(MAX_CHUNKS):
        if start >= file_end:
            return
        if start + _CHUNK_BYTES > file_end:
            raise UnsupportedImage(NO_PICTURE)
        name, length = struct.unpack_from("<4sI", data, start)
        end = start + _CHUNK_BYTES + length
        if end > file_end:
            raise UnsupportedImage(NO_PICTURE)
        yield name, start, end
        start = end + length % 2
    raise UnsupportedImage(f"The WebP has more than {MAX_CHUNKS} chunks.")


def _size(name: bytes, head: bytes) -> tuple[int, int]:
    """Width and height by the first chunk: the canvas where there is one, which libwebp holds the picture to."""
    try:
        if name == b"VP8X":
            width, width_high, height, height_high = struct.unpack_from("<HBHB", head, 4)
            return 1 + width + (width_high << 16), 1 + height + (height_high << 16)
        if name == b"VP8L":
            (sides,) = struct.unpack_from("<I", head, 1)
            return 1 + (sides & _SIDE_BITS), 1 + (sides >> 14 & _SIDE_BITS)
        if name == b"VP8 ":
            width, height = struct.unpack_from("<HH", head, 6)
            return width & _SIDE_BITS, height & _SIDE_BITS
    except struct.error:
        pass
    raise UnsupportedImage(NO_PICTURE)
