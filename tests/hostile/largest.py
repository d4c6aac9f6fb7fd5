"""The dearest pictures that limits allow: as many pixels, bytes and buffers as each format can have."""

import zlib
from collections.abc import Iterator

from PIL import Image

from facepass.application.ports import ImageLimits
from tests.hostile.ordinary import interlaced
from tests.hostile.pieces import chunk, deflated, encoded, ihdr, noise, png, replaced

UPLOADS = ImageLimits(max_bytes=10 << 20, max_side=4096, max_pixels=4096**2)
SOURCES = ImageLimits(max_bytes=64 << 20, max_side=None, max_pixels=50_000_000)
TURNED = b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00"


def largest_uploads() -> Iterator[tuple[str, bytes]]:
    yield from _pngs(4096, 4096, UPLOADS.max_bytes)
    yield from _others(4096, 4096)
    yield "interlaced PNG", interlaced(4096, 4096)


def largest_sources() -> Iterator[tuple[str, bytes]]:
    yield from _pngs(7071, 7071, SOURCES.max_bytes)
    yield from _others(7071, 7071)
    yield "WebP of 25 megapixels", encoded(Image.new("RGBA", (5000, 4990), (1, 2, 3, 4)), "WEBP", method=0)
    yield "PNG of one column", _png(1, 34_000_000, 8, 0)
    yield "PNG of one row", _png(50_000_000, 1, 8, 0)
    yield "BMP of one column", _bmp(1, 16_000_000)
    yield "BMP", _bmp(4700, 4700)


def _pngs(width: int, height: int, max_bytes: int) -> Iterator[tuple[str, bytes]]:
    for depth, colour in ((8, 2), (8, 6), (16, 6), (16, 0), (8, 4), (8, 0)):
        yield f"PNG of depth {depth}, colour type {colour}", _png(width, height, depth, colour)
    yield "PNG of many bytes", _noisy_png(width, height, max_bytes * 9 // 10)


def _noisy_png(width: int, height: int, noisy_bytes: int) -> bytes:
    """RGBA, its first rows incompressible: the file is held as well while it is decoded."""
    packer = zlib.compressobj(1)
    row_bytes = 4 * width
    packed = [
        packer.compress(b"\x00" + (noise(row_bytes, row) if row * row_bytes < noisy_bytes else bytes(row_bytes)))
        for row in range(height)
    ]
    return png(ihdr(width, height, 8, 6), chunk(b"IDAT", b"".join((*packed, packer.flush()))), chunk(b"IEND"))


def _others(width: int, height: int) -> Iterator[tuple[str, bytes]]:
    for mode in ("RGB", "CMYK"):
        flat = Image.new(mode, (width, height))
        for progressive in (False, True):
            jpeg = encoded(flat, "JPEG", progressive=progressive, subsampling=0)
            yield f"JPEG of mode {mode}, progressive: {progressive}", jpeg
    for lossless in (False, True):
        flat = Image.new("RGBA", (width, height), (1, 2, 3, 4))
        yield f"WebP, lossless: {lossless}", encoded(flat, "WEBP", lossless=lossless, method=0, quality=0)


def _png(width: int, height: int, depth: int, colour: int) -> bytes:
    samples = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    rows = deflated((1 + width * samples * depth // 8) * height)
    return png(ihdr(width, height, depth, colour), chunk(b"eXIf", TURNED), chunk(b"IDAT", rows), chunk(b"IEND"))


def _bmp(width: int, height: int) -> bytes:
    header = encoded(Image.new("RGB", (1, 1)), "BMP")[:54]
    sides = width.to_bytes(4, "little") + height.to_bytes(4, "little")
    return replaced(header, 18, sides) + bytes(-(-3 * width // 4) * 4 * height)
