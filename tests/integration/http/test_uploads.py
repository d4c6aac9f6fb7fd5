"""Property 17: files that are not what they claim, with the decoder that real uploads meet."""

import io
import struct
import tracemalloc
import zlib

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from tests.integration.http.support import (
    HEADERS,
    V1,
    api,
    counts,
    fresh,
    index,
    problem,
)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def photo(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    return Image.radial_gradient("L").resize((width, height)).convert(mode)


def png_bomb(side: int = 20_000) -> bytes:
    """A PNG of side × side pixels in few bytes: its header says so, its data compresses away."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + side)) for _ in range(1000)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


async def detect(client: httpx.AsyncClient, data: bytes) -> httpx.Response:
    return await client.post(f"{V1}/detect", headers=HEADERS, files={"file": ("photo.jpg", data, "image/jpeg")})


JPEG = encoded(photo(), "JPEG")
UNSUPPORTED = {
    "text called .jpg": b"this is not a picture\n" * 20,
    "empty": b"",
    "truncated JPEG": encoded(photo(640, 480), "JPEG")[:-400],
    "only a header": JPEG[:20],
    "animated GIF": encoded(photo(), "GIF", save_all=True, append_images=[photo(mode="P")]),
    "still GIF": encoded(photo(), "GIF"),
    "TIFF": encoded(photo(), "TIFF"),
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "HTML before a JPEG": b"<html>" + JPEG,
    "ZIP": b"PK\x03\x04" + bytes(100),
    "animated WebP": encoded(photo(), "WEBP", save_all=True, append_images=[ImageOps.invert(photo())]),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
async def test_what_is_no_accepted_picture_is_refused(name: str) -> None:
    async with api(real_decoder=True) as client:
        container = fresh(real_decoder=True)
        problem(await detect(client, UNSUPPORTED[name]), 415, "unsupported_image")
        problem(await index(client, "s", "p", UNSUPPORTED[name]), 415, "unsupported_image")
    assert await counts(container, "s") is None


async def test_a_bomb_is_refused_with_little_memory() -> None:
    bomb = png_bomb()
    async with api(real_decoder=True) as client:
        await detect(client, JPEG)
        tracemalloc.start()
        try:
            problem(await detect(client, bomb), 413, "payload_too_large")
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak_bytes < 8 * 1024 * 1024


@pytest.mark.parametrize("size", [(4097, 10), (10, 4097)])
async def test_one_pixel_too_many_is_refused(size: tuple[int, int]) -> None:
    async with api(real_decoder=True) as client:
        problem(await detect(client, encoded(photo(*size), "PNG")), 413, "payload_too_large")


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (photo(), "JPEG"),
        (photo(), "PNG"),
        (photo(), "WEBP"),
        (photo(), "BMP"),
        (photo(mode="CMYK"), "JPEG"),
        (photo(mode="P"), "PNG"),
        (photo(mode="L"), "PNG"),
        (photo(mode="I;16"), "PNG"),
        (photo(mode="RGBA"), "PNG"),
        (photo(mode="1"), "PNG"),
        (photo(1, 1), "PNG"),
        (photo(4096, 8), "PNG"),
    ],
    ids=lambda value: f"{value.mode} {value.width}x{value.height}" if isinstance(value, Image.Image) else value,
)
async def test_what_is_a_picture_is_read(image: Image.Image, kind: str) -> None:
    async with api(real_decoder=True) as client:
        body = (await detect(client, encoded(image, kind))).json()
        assert body["image"] == {"width": image.width, "height": image.height}


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_sizes_are_of_the_upright_image(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    async with api(real_decoder=True) as client:
        body = (await detect(client, encoded(photo(), "JPEG", exif=exif.tobytes()))).json()
    upright = (48, 64) if orientation >= 5 else (64, 48)
    assert (body["image"]["width"], body["image"]["height"]) == upright


@pytest.mark.property
@given(
    cut=st.integers(0, len(JPEG) - 1),
    flips=st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 255)), max_size=6),
)
@settings(max_examples=60, deadline=None)
async def test_property_17_damaged_files_never_break_the_service(cut: int, flips: list[tuple[int, int]]) -> None:
    data = bytearray(JPEG)
    for position, bits in flips:
        data[position % len(data)] ^= bits
    async with api(real_decoder=True) as client:
        for damaged in (bytes(data), bytes(data[:cut])):
            assert (await detect(client, damaged)).status_code in {200, 413, 415}


@pytest.mark.property
@given(extra=st.integers(1, 3_000))
@settings(max_examples=10, deadline=None)
async def test_property_17_oversized_files_are_refused(extra: int) -> None:
    async with api(max_upload_bytes=2_000) as client:
        container = fresh(max_upload_bytes=2_000)
        problem(await index(client, "s", "p", bytes(2_000 + extra)), 413, "payload_too_large")
    assert await counts(container, "s") is None
