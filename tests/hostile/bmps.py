"""BMP files that end early or lie about themselves."""

import struct
from collections.abc import Iterator

from tests.hostile.pieces import Outcome, Part, blocks, cuts, encoded, replaced

PLAIN = encoded(blocks(), "BMP")
PALETTE = encoded(blocks().convert("P"), "BMP")
GREY = encoded(blocks().convert("L"), "BMP")
FIELDS = {
    "magic": 0,
    "file size": 2,
    "reserved": 6,
    "offset": 10,
    "header size": 14,
    "width": 18,
    "height": 22,
    "planes": 26,
    "depth": 28,
    "compression": 30,
    "data size": 34,
    "across": 38,
    "down": 42,
    "colours": 46,
    "important": 50,
}
WORDS = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
ROW_BYTES = 3 * 64


def hostile() -> Iterator[Part]:
    yield from _ends_early()
    yield from _lies()
    yield from _run_lengths()


def _ends_early() -> Iterator[Part]:
    offsets = [*FIELDS.values(), 1, 12, 16, 54]
    yield from cuts(PLAIN, [*offsets, *range(54, len(PLAIN), 5 * ROW_BYTES), len(PLAIN) - 1], "plain")
    yield from cuts(PALETTE, [*offsets, 55, 58, 500, 1074, 1077, 1078, 1079, 2000, len(PALETTE) - 1], "palette")
    yield from cuts(GREY, [300, 1078, len(GREY) - 64, len(GREY) - 1], "grey")


def _lies() -> Iterator[Part]:
    for field in ("offset", "header size", "width", "height", "compression", "colours", "file size", "data size"):
        for word in WORDS:
            harmless = field in {"file size", "data size", "colours"} or (field, word) == ("compression", 0)
            outcome = Outcome.ANY if harmless or field in {"width", "height"} else Outcome.REFUSED
            yield f"{field} {word:x}", replaced(PLAIN, FIELDS[field], struct.pack("<I", word)), outcome
            if field in {"colours", "offset"}:
                yield (
                    f"palette, {field} {word:x}",
                    replaced(PALETTE, FIELDS[field], struct.pack("<I", word)),
                    Outcome.ANY,
                )
    for depth in (0, 2, 3, 15, 33, 64, 0xFFFF):
        yield f"depth {depth}", replaced(PLAIN, FIELDS["depth"], struct.pack("<H", depth)), Outcome.REFUSED
    for depth in (1, 4, 8, 16, 32):
        yield f"depth {depth}", replaced(PLAIN, FIELDS["depth"], struct.pack("<H", depth)), Outcome.ANY
    for size in (12, 16, 41, 52, 56, 64, 108, 124, 125):
        yield f"header of {size} bytes", replaced(PLAIN, FIELDS["header size"], struct.pack("<I", size)), Outcome.ANY
    for width, height in ((20_000, 20_000), (-64, 48), (64, -48), (64, -(1 << 31)), (0, 48), (64, 0), (1, 50_000_000)):
        outcome = Outcome.ANY if (width, height) == (64, -48) else Outcome.REFUSED
        yield f"{width}×{height}", replaced(PLAIN, FIELDS["width"], struct.pack("<ii", width, height)), outcome
    tall = replaced(PLAIN[:54], FIELDS["width"], struct.pack("<ii", 1, 5000)) + bytes(4 * 5000)
    yield "1×5000, all there", tall, Outcome.TOO_LARGE
    masks = replaced(PLAIN, FIELDS["compression"], struct.pack("<I", 3))
    for depth in (8, 16, 24, 32):
        yield f"masks of depth {depth}", replaced(masks, FIELDS["depth"], struct.pack("<H", depth)), Outcome.ANY
    yield (
        "rows that begin behind the end",
        replaced(PLAIN, FIELDS["offset"], struct.pack("<I", len(PLAIN))),
        Outcome.REFUSED,
    )
    yield "rows that begin in the header", replaced(PLAIN, FIELDS["offset"], struct.pack("<I", 20)), Outcome.REFUSED


def _run_lengths() -> Iterator[Part]:
    for compression, depth in ((1, 8), (2, 4), (4, 0), (5, 0), (1, 24)):
        header = struct.pack("<IiiHHIIiiII", 40, 4000, 4000, 1, depth, compression, 0, 0, 0, 256, 0)
        start = b"BM" + struct.pack("<IHHI", 0, 0, 0, 54 + 1024) + header + bytes([1, 2, 3, 0]) * 256
        yield (
            f"compression {compression}, depth {depth}, a million runs",
            start + b"\x01\x05" * 1_000_000,
            Outcome.REFUSED,
        )
        yield f"compression {compression}, depth {depth}, jumps", start + b"\x00\x02\xff\xff" * 1000, Outcome.REFUSED
