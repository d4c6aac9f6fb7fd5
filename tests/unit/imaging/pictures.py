"""Pictures made for tests: every format and mode that arrives in practice, and files that only pretend."""

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image


def checkerboard(width: int = 64, height: int = 48, seed: int = 7) -> Image.Image:
    """RGB noise in coarse blocks: survives JPEG, shows every rotation."""
    blocks = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((width, height), Image.Resampling.NEAREST)


def encoded(picture: Image.Image, format_name: str, **options: Any) -> bytes:
    """The picture as a file."""
    buffer = io.BytesIO()
    picture.save(buffer, format_name, **options)
    return buffer.getvalue()


def with_orientation(picture: Image.Image, orientation: int) -> bytes:
    """A JPEG that a viewer shows as `picture`, stored turned as EXIF orientation says (CIPA DC-008, tag 274)."""
    stored = np.asarray(picture)
    if orientation in {5, 6, 7, 8}:  # rows are stored as columns
        stored = stored.swapaxes(0, 1)
    if orientation in {3, 4, 6, 7}:  # the first row is the lowest, or the rightmost
        stored = stored[::-1]
    if orientation in {2, 3, 7, 8}:  # the first column is the rightmost, or the lowest
        stored = stored[:, ::-1]
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(Image.fromarray(stored), "JPEG", quality=95, subsampling=0, exif=exif)


def png_bomb(side: int) -> bytes:
    """A PNG of side × side grey pixels, all zero, a thousandth of its decoded size on disk."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    compressor = zlib.compressobj(9)
    row = bytes(side + 1)
    rows = b"".join(compressor.compress(row) for _ in range(side)) + compressor.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
