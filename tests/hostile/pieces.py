"""What the families of hostile files are put together from."""

import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

import numpy as np
from PIL import Image


class Outcome(Enum):
    """What must become of a file."""

    PICTURE = "Image"
    REFUSED = "UnsupportedImage"
    TOO_LARGE = "PayloadTooLarge"
    ANY = "a picture within the limits, or either refusal"


Part: TypeAlias = tuple[str, bytes, Outcome]
"""A file of a family: its name there, its bytes, its outcome."""


@dataclass(frozen=True)
class HostileFile:
    name: str
    data: bytes
    outcome: Outcome


def blocks(width: int = 64, height: int = 48) -> Image.Image:
    """A small RGB picture with something in it."""
    colours = np.random.default_rng(5).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize((width, height), Image.Resampling.NEAREST)


def encoded(picture: Image.Image, format_name: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format_name, **options)
    return buffer.getvalue()


def noise(count: int, seed: int = 3) -> bytes:
    """Bytes like those of compressed data."""
    return np.random.default_rng(seed).bytes(count)


def cuts(data: bytes, offsets: Iterable[int], of: str) -> Iterator[Part]:
    """The file, ending early at each offset."""
    for offset in sorted({offset for offset in offsets if 0 < offset < len(data)}):
        yield f"{of} cut at {offset} of {len(data)}", data[:offset], Outcome.REFUSED


def replaced(data: bytes, offset: int, new: bytes) -> bytes:
    return data[:offset] + new + data[offset + len(new) :]


# JPEG


def segment(code: int, body: bytes = b"") -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(body) + 2) + body


def segments(jpeg: bytes) -> Iterator[tuple[int, int, int]]:
    """Code, start and end of each segment of a well-formed JPEG; a scan's data belongs to none."""
    at = 2
    while jpeg[at + 1] != 0xD9:
        if jpeg[at] != 0xFF or jpeg[at + 1] in {0x00, *range(0xD0, 0xD8)}:
            at += 1
            continue
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        yield jpeg[at + 1], at, end
        at = end


def start_of(jpeg: bytes, code: int) -> int:
    return next(start for found, start, _ in segments(jpeg) if found == code)


# PNG

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def ihdr(width: int, height: int, depth: int = 8, colour: int = 2, interlaced: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))


def png(*chunks: bytes) -> bytes:
    return PNG_MAGIC + b"".join(chunks)


def deflated(zeros: int) -> bytes:
    """So many zero bytes, packed a thousandfold."""
    packer = zlib.compressobj(9)
    whole, rest = divmod(zeros, 1 << 16)
    packed = [packer.compress(bytes(1 << 16)) for _ in range(whole)]
    return b"".join((*packed, packer.compress(bytes(rest)), packer.flush()))


def flat_rows(row_bytes: int, rows: int, value: int = 0) -> bytes:
    """Packed rows without a filter, every byte the same."""
    packer = zlib.compressobj(9)
    row = b"\x00" + bytes([value]) * row_bytes
    return b"".join([packer.compress(row) for _ in range(rows)]) + packer.flush()


# WebP


def riff_chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def webp(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def vp8x(width: int, height: int, flags: int = 0) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return riff_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + sides)


# TIFF, which EXIF is


def tiff(
    *entries: tuple[int, int, int, bytes], order: str = "<", count: int | None = None, rest: bytes = bytes(4)
) -> bytes:
    """One directory of (tag, type, number of values, value or offset); `rest` follows it, first the next directory."""
    head = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(f"{order}I", 8)
    listed = b"".join(struct.pack(f"{order}HHI", *entry[:3]) + entry[3].ljust(4, b"\x00") for entry in entries)
    return head + struct.pack(f"{order}H", len(entries) if count is None else count) + listed + rest
