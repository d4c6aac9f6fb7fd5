"""PNG files that end early, lie about themselves, or unpack to more than they look."""

import struct
import zlib
from collections.abc import Iterator

from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from tests.hostile.pieces import (
    PNG_MAGIC,
    Outcome,
    Part,
    blocks,
    chunk,
    cuts,
    deflated,
    encoded,
    flat_rows,
    ihdr,
    noise,
    png,
    replaced,
)

HEADER, END = ihdr(64, 48), chunk(b"IEND")
ROWS = zlib.compress(bytes(48 * (1 + 3 * 64)))
IDAT = chunk(b"IDAT", ROWS)
MEGABYTE = 1 << 20


def whole(*chunks: bytes, header: bytes = HEADER) -> bytes:
    return png(header, *chunks, END)


def hostile() -> Iterator[Part]:
    yield from _ends_early()
    yield from _lies()
    yield from _unpacks()
    yield from _several_pictures()


def _chunks(data: bytes) -> Iterator[tuple[int, int]]:
    at = len(PNG_MAGIC)
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        yield at, end
        at = end


def _ends_early() -> Iterator[Part]:
    text = PngInfo()
    text.add_text("Author", "somebody")
    text.add_itxt("Title", "a title", zip=True)
    exif = Image.Exif()
    exif[0x0112] = 3
    plain = encoded(blocks(), "PNG", pnginfo=text, exif=exif, icc_profile=noise(200), dpi=(72, 72))
    palette = encoded(blocks().convert("P"), "PNG", transparency=0)
    for of, data in {"plain": plain, "palette": palette}.items():
        offsets = [1, 4, 8]
        for start, end in _chunks(data):
            offsets += [start, start + 4, start + 8, (start + 8 + end) // 2, end - 4, end - 1]
        yield from cuts(data, offsets, of)
    yield "no data", png(ihdr(64, 48), END), Outcome.REFUSED
    yield "empty data", whole(chunk(b"IDAT")), Outcome.REFUSED
    yield "no header", png(IDAT, END), Outcome.REFUSED
    yield "only the end", png(END), Outcome.REFUSED
    yield "no palette", whole(IDAT, header=ihdr(64, 48, colour=3)), Outcome.ANY
    # A whole stream of too few rows is a whole file: Pillow leaves the rest black.
    yield "half the rows", whole(chunk(b"IDAT", zlib.compress(bytes(24 * 193)))), Outcome.ANY
    yield "half the deflate stream", whole(chunk(b"IDAT", ROWS[: len(ROWS) // 2])), Outcome.REFUSED


def _lies() -> Iterator[Part]:
    for width, height in ((0, 48), (64, 0), (0, 0)):
        yield f"{width}×{height} pixels", whole(IDAT, header=ihdr(width, height)), Outcome.REFUSED
    for width, height in (
        (4097, 1),
        (1, 4097),
        (1 << 31, 1),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (65536, 65536),
        (20_000, 20_000),
    ):
        yield f"{width}×{height} pixels", whole(IDAT, header=ihdr(width, height)), Outcome.TOO_LARGE
    for width, height in ((4096, 4096), (1, 4096), (4096, 1), (63, 48), (65, 48)):
        yield f"{width}×{height} claimed", whole(IDAT, header=ihdr(width, height)), Outcome.ANY
    for depth, colour in ((0, 2), (3, 2), (1, 2), (16, 3), (8, 1), (8, 5), (8, 7), (255, 255), (32, 0)):
        yield f"depth {depth} of colour type {colour}", whole(IDAT, header=ihdr(64, 48, depth, colour)), Outcome.REFUSED
    for depth, colour in ((16, 2), (8, 6), (16, 6), (16, 0), (8, 4), (16, 4), (8, 0), (1, 0)):
        yield (
            f"data for another depth {depth} of {colour}",
            whole(IDAT, header=ihdr(64, 48, depth, colour)),
            Outcome.ANY,
        )
    for at, name in ((10, "compression"), (11, "filter"), (12, "interlace")):
        body = bytearray(struct.pack(">IIBBBBB", 64, 48, 8, 2, 0, 0, 0))
        body[at] = 9
        yield f"unknown {name}", png(chunk(b"IHDR", bytes(body)), IDAT, END), Outcome.ANY
    yield "unknown row filter", whole(chunk(b"IDAT", zlib.compress(b"\x09" * 48 * 193))), Outcome.ANY
    yield "noise for data", whole(chunk(b"IDAT", noise(500))), Outcome.REFUSED
    yield "interlaced data that is not", whole(IDAT, header=ihdr(64, 48, interlaced=1)), Outcome.ANY
    yield "a second header", whole(ihdr(4000, 4000), IDAT), Outcome.REFUSED
    yield "a second header behind the data", whole(IDAT, ihdr(4000, 4000)), Outcome.REFUSED
    yield "a header that is short", png(chunk(b"IHDR", bytes(12)), IDAT, END), Outcome.REFUSED
    yield (
        "a header that is long",
        png(chunk(b"IHDR", struct.pack(">II", 64, 48) + bytes(60)), IDAT, END),
        Outcome.REFUSED,
    )
    yield "a chunk longer than the file", whole(replaced(IDAT, 0, b"\x00\xff\xff\xff")), Outcome.REFUSED
    yield "a chunk of negative length", whole(replaced(IDAT, 0, b"\xff\xff\xff\xff")), Outcome.REFUSED
    yield "a wrong checksum", png(replaced(ihdr(64, 48), 25, bytes(4)), IDAT, END), Outcome.REFUSED
    yield (
        "a palette of a megabyte",
        whole(chunk(b"PLTE", bytes(3 << 20)), IDAT, header=ihdr(64, 48, colour=3)),
        Outcome.REFUSED,
    )
    yield "a palette of one byte", whole(chunk(b"PLTE", b"a"), IDAT, header=ihdr(64, 48, colour=3)), Outcome.ANY
    yield "transparency of a megabyte", whole(chunk(b"tRNS", bytes(MEGABYTE)), IDAT), Outcome.REFUSED
    yield "transparency of one byte", whole(chunk(b"tRNS", b"a"), IDAT), Outcome.REFUSED
    yield "chunk names that are none", whole(chunk(b"\x00\xff\n\x80", b"a"), IDAT), Outcome.ANY


def _unpacks() -> Iterator[Part]:
    bomb = deflated(64 * MEGABYTE)
    yield (
        "20 000×20 000 zeros",
        whole(chunk(b"IDAT", flat_rows(2500, 20_000)), header=ihdr(20_000, 20_000, 1, 0)),
        Outcome.TOO_LARGE,
    )
    yield "64 MB of data for 64×48", whole(chunk(b"IDAT", bomb)), Outcome.PICTURE
    named = {
        b"zTXt": b"Comment\x00\x00",
        b"iTXt": b"XML:com.adobe.xmp\x00\x01\x00\x00\x00",
        b"iCCP": b"profile\x00\x00",
    }
    for name, head in named.items():
        yield f"64 MB in {name.decode()}", whole(chunk(name, head + bomb), IDAT), Outcome.PICTURE
        many = b"".join(chunk(name, b"%d" % n + head + deflated(MEGABYTE)) for n in range(200))
        yield f"200 times 1 MB in {name.decode()}", whole(many, IDAT), Outcome.PICTURE
        yield f"broken {name.decode()}", whole(chunk(name, head[:-1] + b"\x07" + noise(50)), IDAT), Outcome.PICTURE
        yield f"{name.decode()} behind the data", whole(IDAT, many), Outcome.PICTURE
    wide = b"Title\x00\x00\x00\x00\x00" + "😀".encode() + b"a" * 9_000_000
    yield "text of nine megabytes that takes four times as much", whole(chunk(b"iTXt", wide), IDAT), Outcome.PICTURE
    yield "800 000 empty chunks", whole(chunk(b"prVt") * 800_000, IDAT), Outcome.REFUSED
    yield "800 000 empty data chunks", whole(chunk(b"IDAT") * 800_000, IDAT), Outcome.REFUSED
    yield "50 000 empty data chunks", whole(chunk(b"IDAT") * 50_000, IDAT), Outcome.PICTURE
    for depth, colour, bits in ((8, 6, 32), (16, 6, 64), (16, 0, 16), (8, 4, 16), (1, 0, 1)):
        rows = chunk(b"IDAT", flat_rows(4096 * bits // 8, 4096, value=0x40))
        yield (
            f"4096×4096, depth {depth} of colour type {colour}",
            whole(rows, header=ihdr(4096, 4096, depth, colour)),
            Outcome.PICTURE,
        )


def _several_pictures() -> Iterator[Part]:
    animated = encoded(blocks(), "PNG", save_all=True, append_images=[ImageOps.invert(blocks())])
    yield "animation", animated, Outcome.REFUSED
    behind = encoded(blocks(), "PNG", save_all=True, append_images=[ImageOps.invert(blocks())], default_image=True)
    yield "animation behind another picture", behind, Outcome.REFUSED
    control = chunk(b"acTL", struct.pack(">II", 0xFFFFFFFF, 0))
    yield "four thousand million frames claimed", whole(control, IDAT), Outcome.ANY
    frame = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 4096, 4096, 0, 0, 1, 1, 0, 0))
    yield "a frame larger than the picture", whole(control, frame, IDAT), Outcome.ANY
    yield "a frame of no data", whole(control, frame, chunk(b"fdAT"), IDAT), Outcome.REFUSED
