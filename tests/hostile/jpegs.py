"""JPEG files that end early, lie about themselves, or cost more than they look."""

import struct
from collections.abc import Iterator

from PIL import Image

from tests.hostile.pieces import Outcome, Part, blocks, cuts, encoded, noise, replaced, segment, segments, start_of

EXIF = Image.Exif()
EXIF[0x0112] = 6
BASELINE = encoded(blocks(), "JPEG", exif=EXIF, icc_profile=noise(300), comment=b"a comment")
PROGRESSIVE = encoded(blocks(), "JPEG", progressive=True)
RESTARTS = encoded(blocks(256, 256), "JPEG", restart_marker_rows=1)
SOF, DHT, SOS, DQT = 0xC0, 0xC4, 0xDA, 0xDB
AFTER_SOI = 2


def hostile() -> Iterator[Part]:
    yield from _ends_early()
    yield from _lies_about_size()
    yield from _lies_about_kind()
    yield from _lies_about_structure()
    yield from _costs()


def _ends_early() -> Iterator[Part]:
    for of, jpeg in {"baseline": BASELINE, "progressive": PROGRESSIVE}.items():
        offsets = [1, 2, 3, len(jpeg) - 2, len(jpeg) - 1]
        for _, start, end in segments(jpeg):
            offsets += [start, start + 2, (start + end) // 2, end]
        yield from cuts(jpeg, offsets, of)
    yield from cuts(
        RESTARTS, [len(RESTARTS) // 2, RESTARTS.rindex(b"\xff\xd1"), RESTARTS.rindex(b"\xff\xd1") + 2], "restarts"
    )
    end = start_of(BASELINE, SOS)
    yield "only a header", BASELINE[:end] + b"\xff\xd9", Outcome.REFUSED
    yield "only a start and an end", b"\xff\xd8\xff\xd9", Outcome.REFUSED
    yield "no coded data", BASELINE[: end + 14] + b"\xff\xd9", Outcome.ANY
    for name, code in {"no frame": SOF, "no quantisation": DQT, "no Huffman codes": DHT}.items():
        without = b"".join(
            BASELINE[start:stop] for found, start, stop in segments(BASELINE[:end] + b"\xff\xd9") if found != code
        )
        yield name, b"\xff\xd8" + without + BASELINE[end:], Outcome.REFUSED if code == SOF else Outcome.ANY


def _lies_about_size() -> Iterator[Part]:
    frame = start_of(BASELINE, SOF)
    for width, height in ((0, 48), (64, 0), (0, 0)):
        sides = struct.pack(">HH", height, width)
        yield f"{width}×{height} pixels", replaced(BASELINE, frame + 5, sides), Outcome.REFUSED
    for width, height in ((65535, 65535), (65535, 1), (1, 65535), (4097, 48), (64, 4097)):
        sides = struct.pack(">HH", height, width)
        yield f"{width}×{height} pixels", replaced(BASELINE, frame + 5, sides), Outcome.TOO_LARGE
    for width, height in ((4096, 4096), (1, 4096), (4096, 1), (63, 47), (65, 49)):
        sides = struct.pack(">HH", height, width)
        yield f"{width}×{height} claimed", replaced(BASELINE, frame + 5, sides), Outcome.ANY


def _lies_about_kind() -> Iterator[Part]:
    frame = start_of(BASELINE, SOF)
    for depth in (0, 1, 12, 16, 255):
        yield f"{depth} bits a sample", replaced(BASELINE, frame + 4, bytes([depth])), Outcome.REFUSED
    for count in (0, 1, 2, 4, 255):
        yield f"{count} components claimed", replaced(BASELINE, frame + 9, bytes([count])), Outcome.REFUSED
    for factors in (0x00, 0x01, 0x10, 0x55, 0xFF):
        yield f"sampling {factors:02x}", replaced(BASELINE, frame + 11, bytes([factors])), Outcome.REFUSED
    for factors in (0x11, 0x14, 0x33, 0x41, 0x44):
        yield f"sampling {factors:02x}", replaced(BASELINE, frame + 11, bytes([factors])), Outcome.ANY
    for code in (0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF):
        yield f"frame of kind {code:02x}", replaced(BASELINE, frame + 1, bytes([code])), Outcome.REFUSED
    for code in (0xC1, 0xC2):
        yield f"frame of kind {code:02x}", replaced(BASELINE, frame + 1, bytes([code])), Outcome.ANY


def _lies_about_structure() -> Iterator[Part]:
    frame = start_of(BASELINE, SOF)
    for code in (DQT, DHT, SOF, SOS):
        at = start_of(BASELINE, code)
        for length in (0, 1, 2, 3, 0xFFFF):
            data = replaced(BASELINE, at + 2, struct.pack(">H", length))
            yield f"segment {code:02x} of length {length}", data, Outcome.ANY if code == DHT else Outcome.REFUSED
    second = segment(SOF, struct.pack(">BHHB", 8, 4000, 4000, 1) + b"\x01\x11\x00")
    yield "a second frame before the first", BASELINE[:AFTER_SOI] + second + BASELINE[AFTER_SOI:], Outcome.REFUSED
    scan = start_of(BASELINE, SOS)
    yield "a second frame after the first", BASELINE[:scan] + second + BASELINE[scan:], Outcome.REFUSED
    yield "a second start", BASELINE[:AFTER_SOI] + BASELINE, Outcome.REFUSED
    yield "an end before the scan", BASELINE[:scan] + b"\xff\xd9" + BASELINE[scan:], Outcome.REFUSED
    flat = replaced(BASELINE, frame + 5, bytes(2))
    yield "height in a later segment", flat[:-2] + segment(0xDC, b"\x00\x30") + flat[-2:], Outcome.REFUSED
    coded = noise(2000).replace(b"\xff", b"\xff\x00")
    yield "noise for coded data", BASELINE[: scan + 14] + coded + b"\xff\xd9", Outcome.ANY
    yield "unknown marker", BASELINE[:scan] + b"\xff\x02\x00\x04ab" + BASELINE[scan:], Outcome.REFUSED


def _costs() -> Iterator[Part]:
    rest = BASELINE[AFTER_SOI:]
    empty = segment(0xE5)
    yield "2.5 million empty segments", b"\xff\xd8" + empty * 2_500_000 + rest, Outcome.REFUSED
    yield "900 000 EXIF segments", b"\xff\xd8" + segment(0xE1, b"Exif\x00\x00a") * 900_000 + rest, Outcome.REFUSED
    tables = segment(DQT, bytes([0]) + bytes(range(1, 65)))
    yield "tables without end", b"\xff\xd8" + tables * 4000 + rest, Outcome.REFUSED
    exif = segment(0xE1, b"Exif\x00\x00" + bytes(65_000))
    yield "EXIF of nine megabytes", b"\xff\xd8" + exif * 138 + rest, Outcome.PICTURE
    frame = start_of(BASELINE, SOF)
    yield "junk of nine megabytes", BASELINE[:frame] + bytes(9_000_000) + BASELINE[frame:], Outcome.PICTURE
    large = encoded(Image.new("RGB", (4096, 4096)), "JPEG", progressive=True, subsampling=0)
    starts = [start for code, start, _ in segments(large) if code == SOS]
    for times in (40, 2000):
        scans = large[starts[-1] : -2] * times
        outcome = Outcome.PICTURE if times < 50 else Outcome.REFUSED
        yield f"{times} more scans of 4096×4096", large[:-2] + scans + b"\xff\xd9", outcome
    cmyk = encoded(Image.new("CMYK", (4096, 4096)), "JPEG", progressive=True)
    yield "CMYK in several scans of 4096×4096", cmyk, Outcome.PICTURE
    small = encoded(blocks(), "JPEG", progressive=True)
    yield "20 000 scans of 64×48", small[:-2] + small[start_of(small, SOS) : -2] * 2000 + b"\xff\xd9", Outcome.REFUSED
