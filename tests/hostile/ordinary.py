"""Good pictures as cameras, phones and programs write them, with all that these put beside and behind them."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.hostile.pieces import PNG_MAGIC, blocks, chunk, encoded, ihdr, noise, png, segment, tiff

CAPTION = b'<p>The <b>bride</b> &amp; <a href="https://host/x">groom</a><br/>2 < 3 > 1, 100% /* sic */ "<? ?>"</p>'
XMP = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 5.6.0">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description tiff:Orientation="6" xmlns:svg="http://www.w3.org/2000/svg"/>'
    b'</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
SIDES = {"wide": (64, 48), "tall": (48, 64)}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column, first row, step of columns, step of rows of each pass."""


def ordinary_pictures() -> Iterator[tuple[str, bytes]]:
    """Each shows 64×48 pixels."""
    yield from _jpegs()
    yield from _jpegs_with_more_behind()
    yield from _pngs()
    yield from _webps()
    yield from _bmps()


def interlaced(width: int, height: int) -> bytes:
    """A black PNG in the seven passes of Adam7."""
    rows = b""
    for left, top, across, down in ADAM7:
        columns, lines = -(-(width - left) // across), -(-(height - top) // down)
        rows += bytes((1 + 3 * columns) * lines) if columns > 0 else b""
    return png(ihdr(width, height, interlaced=1), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND"))


def _jpegs() -> Iterator[tuple[str, bytes]]:
    for quality in (1, 50, 100):
        yield f"JPEG of quality {quality}", encoded(blocks(), "JPEG", quality=quality)
    for subsampling in (0, 1, 2):
        yield f"JPEG with colours {subsampling}", encoded(blocks(), "JPEG", subsampling=subsampling)
    yield "progressive JPEG", encoded(blocks(), "JPEG", progressive=True, optimize=True)
    yield "JPEG with restarts", encoded(blocks(), "JPEG", restart_marker_blocks=1)
    yield "grey JPEG", encoded(blocks().convert("L"), "JPEG")
    yield "CMYK JPEG", encoded(blocks().convert("CMYK"), "JPEG")
    plain = encoded(blocks(), "JPEG")
    exif = b"Exif\x00\x00" + tiff((0x010F, 2, 6, b"\x26"), (0x0112, 3, 1, b"\x01"), rest=b"\x00\x00\x00\x00Canon\x00")
    beside = {
        "EXIF": segment(0xE1, exif),
        "EXIF with a thumbnail": segment(0xE1, exif + encoded(blocks(), "JPEG", quality=20)),
        "EXIF as long as a comment's beginning": segment(0xE1, exif + noise(0x2F2A - 2 - len(exif))),
        "XMP": segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00" + XMP),
        "more XMP": segment(0xE1, b"http://ns.adobe.com/xmp/extension/\x00" + noise(65_000)) * 20,
        "a profile in pieces": b"".join(
            segment(0xE2, b"ICC_PROFILE\x00" + bytes([n, 3]) + noise(9000, n)) for n in (1, 2, 3)
        ),
        "a caption": segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04" + bytes(5) + b"\x71\x1c\x02\x78\x00\x6c" + CAPTION),
        "a comment": segment(0xFE, CAPTION),
        "provenance": segment(0xEB, b"JP\x00\x01\x00\x00\x00\x01\x00\x00\xff\x00jumb" + noise(60_000)),
        "fill bytes": b"\xff" * 9 + segment(0xFE, b"filled"),
    }  # fmt: skip
    for name, segments in beside.items():
        yield f"JPEG with {name}", plain[:2] + segments + plain[2:]


def _jpegs_with_more_behind() -> Iterator[tuple[str, bytes]]:
    plain = encoded(blocks(), "JPEG")
    other = encoded(blocks(320, 240), "JPEG")
    film = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + struct.pack(">I4s", 200_008, b"mdat") + noise(200_000)
    samsung = b"\x00\x00\x30\x0a\x10\x00\x00\x00MotionPhoto_Data" + film
    directory = b"SEFH\x6a\x00\x00\x00\x01\x00\x00\x00\x00\x00\x30\x0a" + struct.pack("<II", len(samsung), len(samsung))
    yield "JPEG, then a film", plain + film
    yield "JPEG, then Samsung's trailer", plain + samsung + directory + struct.pack("<I", len(directory)) + b"SEFT"
    yield "JPEG, then a gain map", plain + other
    yield "MPO", encoded(blocks(), "MPO", save_all=True, append_images=[blocks(128, 96), blocks(256, 192)])
    yield "JPEG, then zeros", plain + bytes(100_000)
    yield "JPEG, then a line break", plain + b"\r\n"
    yield "JPEG, then noise", plain + noise(1_000_000)
    yield "JPEG, then text", plain + CAPTION + XMP


def _pngs() -> Iterator[tuple[str, bytes]]:
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        yield f"PNG of mode {mode}", encoded(blocks().convert(mode), "PNG")
    yield "PNG of 16 bits", encoded(Image.fromarray(np.arange(3072, dtype=np.uint16).reshape(48, 64) * 21), "PNG")
    text = PngInfo()
    text.add_text("Comment", CAPTION.decode())
    text.add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=False)
    text.add_text("parameters", "a long prompt, " * 9000, zip=True)
    plain = encoded(blocks(), "PNG", pnginfo=text, dpi=(300, 300), icc_profile=noise(3000), compress_level=0)
    yield "PNG with texts", plain
    yield "PNG, then noise", plain + noise(100_000)
    yield "interlaced PNG", interlaced(64, 48)
    control = chunk(b"acTL", struct.pack(">II", 1, 0))
    frame = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 64, 48, 0, 0, 1, 1, 0, 0))
    at = len(PNG_MAGIC) + len(ihdr(64, 48))
    yield "PNG with an animation of one picture", plain[:at] + control + frame + plain[at:]
    small = chunk(b"IDAT") + b"".join(chunk(b"IDAT", bytes([byte])) for byte in zlib.compress(bytes(48 * 193)))
    yield "PNG with data in pieces of a byte", png(ihdr(64, 48), small, chunk(b"IEND"))


def _webps() -> Iterator[tuple[str, bytes]]:
    with_alpha = blocks().convert("RGBA")
    with_alpha.putalpha(Image.linear_gradient("L").resize((64, 48)))
    for name, picture in {"RGB": blocks(), "RGBA": with_alpha}.items():
        for lossless in (False, True):
            yield f"WebP of {name}, lossless: {lossless}", encoded(picture, "WEBP", lossless=lossless)
    exif = Image.Exif()
    exif[0x0112] = 1
    full = encoded(with_alpha, "WEBP", exif=exif, xmp=XMP, icc_profile=noise(3001))
    yield "WebP with metadata", full
    yield "WebP, then noise", full + noise(100_000)


def _bmps() -> Iterator[tuple[str, bytes]]:
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        yield f"BMP of mode {mode}", encoded(blocks().convert(mode), "BMP")
    plain = encoded(blocks(), "BMP")
    yield "BMP from top to bottom", plain[:22] + struct.pack("<i", -48) + plain[26:]
    yield "BMP, then noise", plain + noise(100_000)
    core = b"BM" + struct.pack("<IHHIIHHHH", 26 + 192 * 48, 0, 0, 26, 12, 64, 48, 1, 24)
    yield "BMP with an old header", core + plain[54:]
