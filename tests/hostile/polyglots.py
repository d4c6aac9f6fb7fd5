"""Files that are a good picture and something else at once."""

import io
import struct
import tarfile
import zipfile
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
    vp8x,
    webp,
)
from tests.hostile.pngs import END, IDAT

JPEG = encoded(blocks(), "JPEG")
VP8 = encoded(blocks(), "WEBP")[12:]
PICTURES = {name: encoded(blocks(), name) for name in ("JPEG", "PNG", "WEBP", "BMP")}
SCRIPT = b"<ScRiPt>alert(document.cookie)</ScRiPt>"
SHELL = b"<?php system($_GET['c']); ?>"
PDF = b"%PDF-1.7\n1 0 obj <</Type /Catalog>> endobj\ntrailer <</Root 1 0 R>>\n%%EOF\n"
RAR = b"Rar!\x1a\x07\x01\x00\x33\x92\xb5\xe5\x0a\x01\x05\x06\x00\x05\x01\x01\x80\x80\x00"
SEVEN_Z = b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack("<IQQI", 0x8D9BD50F, 0, 0, 0)


def archive(name: str = "META-INF/MANIFEST.MF", comment: bytes = b"") -> bytes:
    """A ZIP, which a JAR, an APK and an office document are, too."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        opened.writestr(zipfile.ZipInfo(name), "Main-Class: Evil\n" * 20)
        opened.comment = comment
    return buffer.getvalue()


def within(body: bytes) -> Iterator[tuple[str, bytes]]:
    """A picture of each format with `body` in a place meant for metadata."""
    yield "in a JPEG comment", JPEG[:2] + segment(0xFE, body) + JPEG[2:]
    yield "in a JPEG application segment", JPEG[:2] + segment(0xE9, body) + JPEG[2:]
    yield "in a PNG text", png(ihdr(64, 48), chunk(b"tEXt", b"Comment\x00" + body), IDAT, END)
    yield "in a PNG chunk of its own", png(ihdr(64, 48), chunk(b"prVt", body), IDAT, END)
    yield "in WebP metadata", webp(vp8x(64, 48, 4), VP8, riff_chunk(b"XMP ", body))


def _spanning_jpeg() -> bytes:
    """An archive that begins in a JPEG's comment and ends with a comment of its own, which is the rest of the JPEG."""
    rest = JPEG[2:]
    return JPEG[:2] + segment(0xFE, archive()[:-2] + struct.pack("<H", len(rest))) + rest


def _bmp_script() -> bytes:
    """A BMP that is a program as well: its size field opens a comment, which ends behind the rows."""
    picture = PICTURES["BMP"]
    return picture[:2] + b"/*\x00\x00" + picture[6:] + b"*/=1;alert(document.cookie)//"


def _jpeg_script() -> bytes:
    filler = b"\x00" * (0x2F2A - 2)
    return JPEG[:2] + b"\xff\xe0\x2f\x2a" + filler + segment(0xFE, b"*/=alert(document.cookie);/*") + JPEG[2:]


def hostile() -> Iterator[Part]:
    behind = {
        "a ZIP": archive(),
        "a ZIP with a comment": archive(comment=b"c" * 60_000),
        "an empty ZIP": b"PK\x05\x06" + bytes(18),
        "a RAR": RAR,
        "a 7z": SEVEN_Z,
        "a script": SCRIPT,
        "PHP": SHELL,
        "HTML": b"<!doctype html><html><body onload=alert(1)>",
        "SVG": b"<svg xmlns='http://www.w3.org/2000/svg' onload='a()'/>",
    }
    for format_name, picture in PICTURES.items():
        for name, body in behind.items():
            yield f"{format_name}, {name} behind it", picture + body, Outcome.REFUSED
            if "ZIP" not in name:
                yield (
                    f"{format_name}, {name} far behind it",
                    picture + noise(70_000) + body + noise(70_000),
                    Outcome.REFUSED,
                )
    yield "ZIP behind noise behind a JPEG", JPEG + noise(100_000) + archive(), Outcome.REFUSED
    for name, body in {"a PDF": PDF, "a script": SCRIPT, "PHP": SHELL, "a 7z": SEVEN_Z}.items():
        for where, data in within(body):
            yield f"{name} {where}", data, Outcome.REFUSED
    yield "ZIP around a JPEG", _spanning_jpeg(), Outcome.REFUSED
    yield "a BMP that is a script", _bmp_script(), Outcome.REFUSED
    yield "a JPEG that is a script", _jpeg_script(), Outcome.REFUSED
    packed = b"<?=$_GET[0]($_POST[1]);?>"
    yield "PHP in the packed rows of a PNG", png(ihdr(64, 48), IDAT, chunk(b"IDAT", packed), END), Outcome.REFUSED
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as opened:
        opened.addfile(tarfile.TarInfo("evil"), io.BytesIO())
    yield "a TAR behind a JPEG, which no reader finds there", JPEG + tar.getvalue(), Outcome.ANY
