"""Metadata that loops, counts to millions, or points elsewhere: never a reason to refuse, never a reason to fail."""

import struct
from collections.abc import Iterator

from tests.hostile.pieces import (
    Outcome,
    Part,
    blocks,
    chunk,
    encoded,
    ihdr,
    noise,
    png,
    riff_chunk,
    segment,
    tiff,
    vp8x,
    webp,
)
from tests.hostile.pngs import END, IDAT

JPEG = encoded(blocks(), "JPEG")
VP8 = encoded(blocks(), "WEBP")[12:]
ORIENTATION, SUB_DIRECTORY, MAKER_NOTE = 0x0112, 0x8769, 0x927C
BYTE, SHORT, LONG, RATIONAL, UNDEFINED = 1, 3, 4, 5, 7


def exif_nonsense() -> Iterator[tuple[str, bytes]]:
    """TIFF structures, each wrong in its own way."""
    for order in "<>":
        six = struct.pack(f"{order}H", 6)
        yield f"{order} orientation", tiff((ORIENTATION, SHORT, 1, six), order=order)
        yield f"{order} orientation of type 9999", tiff((ORIENTATION, 9999, 1, six), order=order)
        yield f"{order} orientation 65535", tiff((ORIENTATION, SHORT, 1, b"\xff\xff"), order=order)
        yield f"{order} orientations by the million", tiff((ORIENTATION, SHORT, 0xFFFFFFFF, b"\x10"), order=order)
        yield f"{order} 65535 entries claimed", tiff((ORIENTATION, SHORT, 1, six), order=order, count=0xFFFF)
        yield f"{order} no entry", tiff(order=order)
        loop = struct.pack(f"{order}I", 8)
        yield f"{order} next directory is this one", tiff((1, SHORT, 1, six), order=order, rest=loop)
        yield f"{order} sub-directory is this one", tiff((SUB_DIRECTORY, LONG, 1, loop), order=order)
        beyond = struct.pack(f"{order}I", 0xFFFFFFF0)
        yield f"{order} values behind the end", tiff((MAKER_NOTE, UNDEFINED, 100, beyond), order=order)
        yield f"{order} a number divided by zero", tiff((0x011A, RATIONAL, 1, loop), order=order, rest=bytes(64))
        for offset in (0, 4, 7, 0x7FFFFFFF, 0xFFFFFFFF):
            whole = tiff((ORIENTATION, SHORT, 1, six), order=order)
            yield f"{order} directory at {offset:x}", whole[:4] + struct.pack(f"{order}I", offset) + whole[8:]
    yield "every entry the whole file", tiff(*((tag, BYTE, 40_000, b"\x00") for tag in range(2000)), rest=bytes(40_000))
    whole = tiff((ORIENTATION, SHORT, 1, b"\x06"))
    for length in (0, 1, 4, 7, 8, 9, 10, 15, 21):
        yield f"ends after {length} bytes", whole[:length]
    yield "noise", b"II*\x00" + noise(300)
    yield "wrong byte order", b"IM*\x00" + whole[4:]


def hostile() -> Iterator[Part]:
    for name, exif in exif_nonsense():
        jpeg = JPEG[:2] + segment(0xE1, b"Exif\x00\x00" + exif) + JPEG[2:]
        yield f"JPEG, EXIF: {name}", jpeg, Outcome.PICTURE
        if name.startswith("<") or len(exif) > 1000:
            yield f"PNG, EXIF: {name}", png(ihdr(64, 48), chunk(b"eXIf", exif), IDAT, END), Outcome.PICTURE
            yield f"WebP, EXIF: {name}", webp(vp8x(64, 48, 8), VP8, riff_chunk(b"EXIF", exif)), Outcome.PICTURE
    huge = tiff(*((tag, BYTE, 4_000_000, b"\x00") for tag in range(60_000)), rest=bytes(4_000_000))
    yield "PNG, EXIF that reads 240 GB", png(ihdr(64, 48), chunk(b"eXIf", huge), IDAT, END), Outcome.PICTURE
    yield "WebP, EXIF that reads 240 GB", webp(vp8x(64, 48, 8), VP8, riff_chunk(b"EXIF", huge)), Outcome.PICTURE
    profiles = {
        "of noise": b"ICC_PROFILE\x00\x01\x01" + noise(500),
        "number 255 of 1": b"ICC_PROFILE\x00\xff\x01" + noise(50),
        "number 0 of 0": b"ICC_PROFILE\x00\x00\x00",
        "without numbers": b"ICC_PROFILE\x00",
    }
    for name, body in profiles.items():
        yield f"JPEG, profile {name}", JPEG[:2] + segment(0xE2, body) + JPEG[2:], Outcome.PICTURE
    full = b"ICC_PROFILE\x00\x01\xff" + bytes(65_000)
    yield "JPEG, profile of nine megabytes", JPEG[:2] + segment(0xE2, full) * 140 + JPEG[2:], Outcome.PICTURE
    index = b"MPF\x00" + tiff((0xB001, LONG, 1, b"\xff\xff\xff\xff"), (0xB002, UNDEFINED, 16, b"\x08"))
    yield "JPEG, index of four thousand million pictures", JPEG[:2] + segment(0xE2, index) + JPEG[2:], Outcome.PICTURE
    blocks_of = b"Photoshop 3.0\x00" + (b"8BIM\x03\xed\x00\x00" + b"\xff\xff\xff\xff") * 1000
    yield "JPEG, Photoshop blocks without end", JPEG[:2] + segment(0xED, blocks_of) + JPEG[2:], Outcome.PICTURE
    yield "JPEG, header of one byte", JPEG[:2] + segment(0xE0, b"J") + JPEG[2:], Outcome.PICTURE
    yield "JPEG, Adobe segment of five bytes", JPEG[:2] + segment(0xEE, b"Adobe") + JPEG[2:], Outcome.PICTURE
