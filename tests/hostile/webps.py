"""WebP files that end early, lie about themselves, or are animations."""

import struct
from collections.abc import Iterator

from PIL import Image, ImageOps

from tests.hostile.pieces import Outcome, Part, blocks, cuts, encoded, noise, replaced, riff_chunk, vp8x, webp

LOSSY = encoded(blocks(), "WEBP")
LOSSLESS = encoded(blocks(), "WEBP", lossless=True)
ALPHA = encoded(Image.merge("RGBA", (*blocks().split(), Image.linear_gradient("L").resize((64, 48)))), "WEBP")
VP8, VP8L = LOSSY[12:], LOSSLESS[12:]
ANIMATION, ALPHA_FLAG, ALL_METADATA = 0x02, 0x10, 0x2C


def hostile() -> Iterator[Part]:
    yield from _ends_early()
    yield from _lies()
    yield from _several_pictures()


def _chunks(data: bytes) -> Iterator[tuple[int, int]]:
    at = 12
    while at < len(data):
        end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        yield at, end
        at = end + end % 2


def _ends_early() -> Iterator[Part]:
    extended = encoded(blocks(), "WEBP", exif=b"Exif\x00\x00II*\x00", icc_profile=noise(99), xmp=b"<x/>")
    for of, data in {"lossy": LOSSY, "lossless": LOSSLESS, "alpha": ALPHA, "extended": extended}.items():
        offsets = [3, 4, 6, 8, 11, 12]
        for start, end in _chunks(data):
            offsets += [start + 4, start + 6, start + 8, start + 9, (start + 8 + end) // 2, end - 1]
        yield from cuts(data, offsets, of)
        for start, end in _chunks(data):
            body = data[12:start] + data[start : (start + 8 + end) // 2]
            yield f"{of} cut at {start}, its length put right", webp(body), Outcome.REFUSED
    yield "no chunk", webp(), Outcome.REFUSED
    yield "only a canvas", webp(vp8x(64, 48)), Outcome.REFUSED
    yield "only alpha", webp(vp8x(64, 48, ALPHA_FLAG), riff_chunk(b"ALPH", b"\x00" * 3072)), Outcome.REFUSED
    yield "empty picture", webp(riff_chunk(b"VP8 ", b"")), Outcome.REFUSED
    yield "empty lossless picture", webp(riff_chunk(b"VP8L", b"")), Outcome.REFUSED


def _lies() -> Iterator[Part]:
    for width, height in ((16384, 16384), (1 << 24, 1), (1, 1 << 24), (1 << 24, 1 << 24), (4097, 48)):
        yield f"a canvas of {width}×{height}", webp(vp8x(width, height), VP8), Outcome.TOO_LARGE
    for width, height in ((65, 48), (63, 47), (4096, 4096), (1, 1)):
        yield f"a canvas of {width}×{height}", webp(vp8x(width, height), VP8), Outcome.REFUSED
    for sides in (0, 0x3FFF, 0xFFFF, 0x4000):
        outcome = Outcome.TOO_LARGE if sides & 0x3FFF else Outcome.REFUSED
        yield f"sides of {sides:04x}", replaced(LOSSY, 26, struct.pack("<HH", sides, sides)), outcome
    yield "lossless sides of 16 384", replaced(LOSSLESS, 21, b"\xff\xff\xff\xff"), Outcome.TOO_LARGE
    yield "lossless with a wrong signature", replaced(LOSSLESS, 20, b"\x00"), Outcome.REFUSED
    yield "a wrong start code", replaced(LOSSY, 23, b"\x00\x00\x00"), Outcome.REFUSED
    yield "an interframe", replaced(LOSSY, 20, bytes([LOSSY[20] | 1])), Outcome.REFUSED
    yield "noise for data", webp(riff_chunk(b"VP8 ", LOSSY[20:30] + noise(200))), Outcome.ANY
    yield "noise for lossless data", webp(riff_chunk(b"VP8L", LOSSLESS[20:25] + noise(200))), Outcome.ANY
    yield "a canvas and another", webp(vp8x(64, 48), vp8x(4096, 4096), VP8), Outcome.ANY
    yield "two pictures", webp(VP8, VP8), Outcome.ANY
    yield "two pictures on a canvas", webp(vp8x(64, 48), VP8, VP8L), Outcome.ANY
    yield "a picture, then a canvas", webp(VP8, vp8x(64, 48)), Outcome.ANY
    yield "all flags", webp(vp8x(64, 48, 0xFF), VP8), Outcome.ANY
    yield "metadata announced, none there", webp(vp8x(64, 48, ALL_METADATA), VP8), Outcome.ANY
    yield "alpha of noise", webp(vp8x(64, 48, ALPHA_FLAG), riff_chunk(b"ALPH", noise(60)), VP8), Outcome.ANY
    yield "alpha after the picture", webp(vp8x(64, 48, ALPHA_FLAG), VP8, riff_chunk(b"ALPH", bytes(3073))), Outcome.ANY
    for length in (0, 3, 0x7FFFFFFF, 0xFFFFFFFF):
        yield f"length {length:x}", replaced(LOSSY, 4, struct.pack("<I", length)), Outcome.REFUSED
        yield f"chunk length {length:x}", replaced(LOSSY, 16, struct.pack("<I", length)), Outcome.REFUSED
    yield "a RIFF that is no WebP", replaced(LOSSY, 8, b"AVI "), Outcome.REFUSED
    yield "a first chunk of another name", replaced(LOSSY, 12, b"VP9 "), Outcome.REFUSED
    yield "a million empty chunks", webp(vp8x(64, 48), riff_chunk(b"prVt", b"") * 1_000_000, VP8), Outcome.REFUSED
    flat = Image.new("RGBA", (4096, 4096), (1, 2, 3, 4))
    yield "4096×4096 with alpha", encoded(flat, "WEBP", method=0), Outcome.PICTURE
    yield "4096×4096 without loss", encoded(flat, "WEBP", lossless=True, method=0, quality=0), Outcome.PICTURE


def _several_pictures() -> Iterator[Part]:
    animated = encoded(blocks(), "WEBP", save_all=True, append_images=[ImageOps.invert(blocks())])
    yield "animation", animated, Outcome.REFUSED
    canvas = animated.index(b"VP8X") + 12
    yield "an animation on a canvas of 16 384", replaced(animated, canvas, b"\xff\x3f\x00\xff\x3f\x00"), Outcome.ANY
    frame = riff_chunk(b"ANMF", bytes(6) + b"\x3f\x00\x00\x2f\x00\x00" + bytes(4) + VP8)
    yield "one frame", webp(vp8x(64, 48, ANIMATION), riff_chunk(b"ANIM", bytes(6)), frame), Outcome.REFUSED
    yield (
        "ten thousand frames",
        webp(vp8x(64, 48, ANIMATION), riff_chunk(b"ANIM", bytes(6)), frame * 10_000),
        Outcome.REFUSED,
    )
    yield "an animation of no frame", webp(vp8x(64, 48, ANIMATION), riff_chunk(b"ANIM", bytes(6))), Outcome.REFUSED
