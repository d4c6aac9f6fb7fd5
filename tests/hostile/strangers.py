"""Other kinds of files under a picture's name, and what is hardly a file."""

import struct
from collections.abc import Iterator

from PIL import Image

from tests.hostile.pieces import Outcome, Part, blocks, encoded, noise


def hostile() -> Iterator[Part]:
    for name, data in _files():
        yield name, data, Outcome.REFUSED


def _files() -> Iterator[tuple[str, bytes]]:
    yield "empty", b""
    for byte in (0x00, 0x0A, 0x42, 0x52, 0x89, 0xFF):
        yield f"the byte {byte:02x}", bytes([byte])
    for name, magic in {"JPEG": b"\xff\xd8\xff", "PNG": b"\x89PNG\r\n\x1a\n", "WebP": b"RIFF", "BMP": b"BM"}.items():
        yield f"only the magic of {name}", magic
        yield f"zeros behind the magic of {name}", magic + bytes(5000)
        yield f"ones behind the magic of {name}", magic + b"\xff" * 5000
        yield f"noise behind the magic of {name}", magic + noise(5000)
        yield f"the magic of {name} over and over", magic * 1000
    yield "text", b"this is not a picture\n" * 20
    yield "zeros", bytes(100_000)
    yield "noise", noise(100_000)
    yield "GIF", encoded(blocks(), "GIF")
    yield "animated GIF", encoded(blocks(), "GIF", save_all=True, append_images=[Image.new("RGB", (64, 48))])
    yield "TIFF", encoded(blocks(), "TIFF")
    yield "compressed TIFF", encoded(blocks(), "TIFF", compression="tiff_lzw")
    yield "JPEG 2000", encoded(blocks(), "JPEG2000")
    yield "ICO", encoded(blocks(), "ICO")
    yield "PPM", encoded(blocks(), "PPM")
    yield "TGA", encoded(blocks(), "TGA")
    yield "PCX", encoded(blocks(), "PCX")
    yield "DIB", encoded(blocks(), "DIB")
    yield "ICNS", b"icns" + struct.pack(">I", 16) + b"ic07" + struct.pack(">I", 8)
    yield "PSD", b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 48, 64, 8, 3) + bytes(12)
    yield "SVG", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    yield "HTML", b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>"
    yield "HTML before a JPEG", b"<html>" + encoded(blocks(), "JPEG")
    yield "a line break before a JPEG", b"\n" + encoded(blocks(), "JPEG")
    yield "PDF", b"%PDF-1.7\n1 0 obj <</Type /Catalog>> endobj\ntrailer <</Root 1 0 R>>\n%%EOF\n"
    yield "PostScript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(%pipe%id) (r) file\n"
    yield (
        "ImageMagick script",
        b"push graphic-context\nviewbox 0 0 640 480\nfill 'url(https://host/a\"|id)'\npop graphic-context",
    )
    yield "ZIP", b"PK\x03\x04" + bytes(100)
    yield "gzip", b"\x1f\x8b\x08\x00" + bytes(40)
    yield "RAR", b"Rar!\x1a\x07\x01\x00" + bytes(40)
    yield "7z", b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(40)
    yield "ELF", b"\x7fELF\x02\x01\x01" + bytes(100)
    yield "Windows program", b"MZ" + bytes(58) + b"\x40\x00\x00\x00PE\x00\x00" + bytes(100)
    yield "MP4", b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(100)
    yield "HEIC", b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(100)
    yield "AVIF", b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif" + bytes(100)
    yield "WAV", b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00" + bytes(24)
    yield "MNG", b"\x8aMNG\r\n\x1a\n" + bytes(100)
    yield "JPEG XL", b"\xff\x0a" + bytes(100)
    yield "pickle", b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94."
    yield "JSON", b'{"width": 64, "height": 48, "faces": []}'
