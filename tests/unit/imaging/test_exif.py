"""The orientation, whatever else the EXIF data says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.adapters.imaging.decode import decode_image
from facepass.adapters.imaging.exif import MAX_ENTRIES, UPRIGHT, orientation
from tests.hostile.largest import UPLOADS
from tests.hostile.pieces import blocks, chunk, encoded, ihdr, png, riff_chunk, tiff, vp8x, webp
from tests.hostile.pngs import END, IDAT

TURNED = tiff((0x010F, 2, 6, b"\x26"), (0x0112, 3, 1, b"\x06\x00"))
SHORT, LONG = 3, 4


@pytest.mark.parametrize("header", [b"", b"Exif\x00\x00"])
@pytest.mark.parametrize(
    "exif",
    [
        TURNED,
        tiff((0x0112, LONG, 1, b"\x06\x00\x00\x00")),
        tiff((0x0112, SHORT, 1, b"\x00\x06"), order=">"),
        tiff((0x0112, LONG, 1, b"\x00\x00\x00\x06"), order=">"),
        tiff((0x0112, SHORT, 1, b"\x06\x00"), (0x0112, SHORT, 1, b"\x03\x00")),
    ],
)
def test_orientation_is_read(exif: bytes, header: bytes) -> None:
    assert orientation(header + exif) == 6


@given(st.binary(max_size=200), st.sampled_from([b"", b"II*\x00", b"MM\x00*", TURNED[:20]]))
def test_nonsense_is_upright_or_an_orientation(nonsense: bytes, start: bytes) -> None:
    assert orientation(start + nonsense) in range(1, 9)


@pytest.mark.parametrize("length", range(len(TURNED) - 7))
def test_what_ends_early_is_upright(length: int) -> None:
    assert orientation(TURNED[:length]) == UPRIGHT


def test_only_so_many_entries_are_read() -> None:
    entries = [(1, SHORT, 1, b"\x01")] * MAX_ENTRIES
    assert orientation(tiff(*entries, (0x0112, SHORT, 1, b"\x06\x00"))) == UPRIGHT


@pytest.mark.parametrize(
    "data",
    [
        png(ihdr(64, 48), chunk(b"eXIf", TURNED), IDAT, END),
        png(ihdr(64, 48), IDAT, chunk(b"eXIf", TURNED), END),
        webp(vp8x(64, 48, 8), encoded(blocks(), "WEBP")[12:], riff_chunk(b"EXIF", TURNED)),
        webp(vp8x(64, 48, 8), encoded(blocks(), "WEBP")[12:], riff_chunk(b"EXIF", b"Exif\x00\x00" + TURNED)),
    ],
    ids=["png", "png, behind the data", "webp", "webp, with a header"],
)
def test_every_format_is_turned(data: bytes) -> None:
    assert decode_image(data, UPLOADS).pixels.shape == (64, 48, 3)
