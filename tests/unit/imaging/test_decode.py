"""Untrusted bytes: what is decoded, how, and what is refused before it costs anything."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from facepass.adapters.imaging.decode import ENOUGH_SIDE_PX, decode_image
from facepass.application.detection_profile import PROFILES, ProfileName
from facepass.application.ports import ImageLimits
from facepass.domain.errors import PayloadTooLarge, UnsupportedImage
from facepass.domain.face import ImageSize
from tests.unit.imaging.pictures import checkerboard, encoded, png_bomb, with_orientation

LIMITS = ImageLimits(max_bytes=10 << 20, max_side=4096, max_pixels=4096**2)
SOURCE_LIMITS = ImageLimits(max_bytes=64 << 20, max_side=None, max_pixels=50_000_000)


def difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(int) - b.astype(int)).mean())


@pytest.mark.parametrize(("name", "tolerance"), [("PNG", 0), ("BMP", 0), ("WEBP", 25), ("JPEG", 12)])
def test_accepted_formats_come_out_as_rgb(name: str, tolerance: float) -> None:
    picture = checkerboard()
    image = decode_image(encoded(picture, name), LIMITS)
    assert image.pixels.shape == (48, 64, 3)
    assert image.pixels.dtype == np.uint8
    assert image.size == ImageSize(64, 48)
    assert difference(image.pixels, np.asarray(picture)) <= tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(orientation: int) -> None:
    picture = checkerboard()
    image = decode_image(with_orientation(picture, orientation), LIMITS)
    assert image.size == ImageSize(64, 48)
    # JPEG at quality 95 without chroma subsampling stays within a few grey levels of the original.
    assert difference(image.pixels, np.asarray(picture)) < 6


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_means_upright(orientation: int) -> None:
    image = decode_image(with_orientation(checkerboard(), orientation), LIMITS)
    assert image.size == ImageSize(64, 48)


def test_damaged_exif_does_not_spoil_a_picture() -> None:
    data = encoded(checkerboard(), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff garbage")
    assert decode_image(data, LIMITS).size == ImageSize(64, 48)


def test_16_bit_keeps_its_upper_byte() -> None:
    ramp = np.linspace(0, 65535, 64 * 48).reshape(48, 64).astype(np.uint16)
    image = decode_image(encoded(Image.fromarray(ramp), "PNG"), LIMITS)
    assert np.array_equal(image.pixels[..., 0], (ramp >> 8).astype(np.uint8))


def test_transparency_shows_white() -> None:
    image = decode_image(encoded(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "PNG"), LIMITS)
    assert (image.pixels == 255).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_other_modes_of_png(mode: str) -> None:
    picture = checkerboard().convert(mode)
    image = decode_image(encoded(picture, "PNG"), LIMITS)
    assert image.pixels.shape == (48, 64, 3)
    assert difference(image.pixels, np.asarray(picture.convert("RGB"))) == 0


def test_palette_with_transparent_colour() -> None:
    picture = checkerboard().convert("P")
    image = decode_image(encoded(picture, "PNG", transparency=picture.getpixel((0, 0))), LIMITS)
    assert tuple(image.pixels[0, 0]) == (255, 255, 255)


def test_cmyk_jpeg() -> None:
    picture = checkerboard().convert("CMYK")
    image = decode_image(encoded(picture, "JPEG", quality=95), LIMITS)
    assert difference(image.pixels, np.asarray(picture.convert("RGB"))) < 25


def test_one_pixel_is_a_picture() -> None:
    assert decode_image(encoded(Image.new("RGB", (1, 1)), "PNG"), LIMITS).size == ImageSize(1, 1)


def test_large_jpeg_is_decoded_at_reduced_scale() -> None:
    picture = Image.linear_gradient("L").resize((6000, 4000)).convert("RGB")
    image = decode_image(encoded(picture, "JPEG"), SOURCE_LIMITS)
    assert image.size == ImageSize(6000, 4000)
    assert image.pixels.shape == (2000, 3000, 3)
    assert image.scale == 2
    assert max(image.pixels.shape) >= ENOUGH_SIDE_PX


@pytest.mark.parametrize(("profile", "width"), [("fast", 3000), ("balanced", 3000), ("thorough", 6000)])
def test_a_jpeg_is_not_reduced_below_what_will_be_looked_at(profile: ProfileName, width: int) -> None:
    picture = Image.linear_gradient("L").resize((6000, 400)).convert("RGB")
    image = decode_image(encoded(picture, "JPEG"), SOURCE_LIMITS, profile=PROFILES[profile])
    assert image.size == ImageSize(6000, 400)
    assert image.pixels.shape[1] == width


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"just text in a file called photo.jpg",
        encoded(checkerboard(), "GIF", save_all=True, append_images=[checkerboard(seed=8)]),
        encoded(checkerboard(), "TIFF"),
        encoded(checkerboard(), "WEBP", save_all=True, append_images=[checkerboard(seed=8)]),
        encoded(checkerboard(), "PNG", save_all=True, append_images=[checkerboard(seed=8)]),
        b"\x89PNG\r\n\x1a\n" + b"\x00" * 64,
        b"\xff\xd8\xff\xe0" + b"\x00" * 64,
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
    ids=["empty", "text", "gif", "tiff", "animated-webp", "apng", "png-header", "jpeg-header", "eps", "svg"],
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(UnsupportedImage):
        decode_image(data, LIMITS)


def test_a_multi_picture_jpeg_counts_as_its_first_picture() -> None:
    data = encoded(checkerboard(), "MPO", save_all=True, append_images=[checkerboard(seed=8)], quality=95)
    image = decode_image(data, LIMITS)
    assert difference(image.pixels, np.asarray(checkerboard())) < 12


@pytest.mark.property
@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "WEBP", "BMP"]), st.floats(0, 0.98))
def test_property_17_truncated_files_are_refused(name: str, kept: float) -> None:
    data = encoded(checkerboard(256, 256), name)
    with pytest.raises(UnsupportedImage):
        decode_image(data[: int(kept * len(data))], LIMITS)


@pytest.mark.property
@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "WEBP", "BMP"]), st.data())
def test_property_17_damaged_files_decode_or_are_refused(name: str, data: st.DataObject) -> None:
    original = bytearray(encoded(checkerboard(), name))
    for _ in range(data.draw(st.integers(1, 8))):
        original[data.draw(st.integers(0, len(original) - 1))] = data.draw(st.integers(0, 255))
    try:
        image = decode_image(bytes(original), LIMITS)
    except (UnsupportedImage, PayloadTooLarge):
        return
    assert image.pixels.dtype == np.uint8


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    bomb = png_bomb(20_000)
    tracemalloc.start()
    try:
        with pytest.raises(PayloadTooLarge, match="20000"):
            decode_image(bomb, LIMITS)
        with pytest.raises(PayloadTooLarge, match="20000"):
            decode_image(bomb, SOURCE_LIMITS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20


def test_too_many_bytes_are_refused_unread() -> None:
    with pytest.raises(PayloadTooLarge, match="bytes"):
        decode_image(b"\xff" * 101, ImageLimits(max_bytes=100, max_side=10, max_pixels=100))


def test_what_follows_a_picture_is_left_out() -> None:
    data = encoded(checkerboard(), "PNG") + b"\x00 a trailer"
    assert decode_image(data, LIMITS).size == ImageSize(64, 48)
