"""What is measured of a face: on drawn detail, where the answer is known."""

import io

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageFilter

from facepass.adapters.imaging.quality import CROP_PX, assess_face, exposure, face_crop, measure, sharpness
from facepass.domain.face import BoundingBox, Detection, Image, ImageSize, Landmarks, Point, QualityReason
from facepass.entrypoints.demo.people import FACE_CENTRE, FACE_HEIGHT, FACE_WIDTH, PEOPLE, People

SIDE = 240
BOX = BoundingBox(60, 60, SIDE, SIDE)
FACE = Detection(
    BOX,
    Landmarks(
        *(
            Point(60 + x * SIDE, 60 + y * SIDE)
            for x, y in ((0.3, 0.4), (0.7, 0.4), (0.5, 0.57), (0.35, 0.75), (0.65, 0.75))
        )
    ),
    0.99,
)


def detail(*, low: int = 60, high: int = 200) -> np.ndarray:
    """`(360, 360, 3)` uint8 grey noise with as much coarse detail as fine, as a face has, and sharp edges."""
    random = np.random.default_rng(5)
    layers = [random.random((360 // cell, 360 // cell)).repeat(cell, 0).repeat(cell, 1) for cell in (5, 10, 20, 40)]
    grey = np.mean(layers, axis=0)
    grey = (grey - grey.min()) / (grey.max() - grey.min())
    return (low + (high - low) * grey).astype(np.uint8)[..., None].repeat(3, axis=2)


def held(pixels: np.ndarray) -> Image:
    return Image(pixels, ImageSize(pixels.shape[1], pixels.shape[0]))


def sharpness_of(pixels: np.ndarray) -> float:
    return sharpness(face_crop(pixels, BOX))


def filtered(pixels: np.ndarray, by: ImageFilter.Filter) -> np.ndarray:
    return np.asarray(Pillow.fromarray(pixels).filter(by))


def test_a_sharp_well_lit_face_is_full_quality() -> None:
    quality = assess_face(held(detail()), FACE)
    assert (quality.score, quality.reasons) == (100, ())


def test_sharpness_falls_with_every_blur() -> None:
    blurred = [sharpness_of(filtered(detail(), ImageFilter.GaussianBlur(sigma))) for sigma in (0, 3, 6, 12, 24)]
    assert blurred == sorted(blurred, reverse=True)
    assert len(set(blurred)) == len(blurred)


@pytest.mark.parametrize("radius", [(24, 0), (0, 24)], ids=["sideways", "up and down"])
def test_motion_in_one_direction_is_blur(radius: tuple[int, int]) -> None:
    assert sharpness_of(filtered(detail(), ImageFilter.BoxBlur(radius))) < 0.25 * sharpness_of(detail())


def test_sharpness_ignores_contrast_and_light() -> None:
    wanted = sharpness_of(detail())
    assert sharpness_of(detail(low=100, high=150)) == pytest.approx(wanted, rel=0.05)
    assert sharpness_of(detail(low=10, high=80)) == pytest.approx(wanted, rel=0.05)


@pytest.mark.parametrize("times", [2, 3])
def test_sharpness_ignores_the_size_of_the_photo(times: int) -> None:
    large = detail().repeat(times, axis=0).repeat(times, axis=1)
    assert sharpness(face_crop(large, BOX.scaled(times))) == pytest.approx(sharpness_of(detail()), rel=0.02)


def test_a_flat_face_has_no_sharpness() -> None:
    flat = np.full((360, 360, 3), 128, dtype=np.uint8)
    assert sharpness_of(flat) == 0.0
    assert assess_face(held(flat), FACE).reasons == (QualityReason.BLURRED,)


@pytest.mark.parametrize(
    ("low", "high", "reason"),
    [(0, 16, QualityReason.TOO_DARK), (235, 255, QualityReason.TOO_BRIGHT)],
)
def test_too_little_and_too_much_light_are_named(low: int, high: int, reason: QualityReason) -> None:
    assert reason in assess_face(held(detail(low=low, high=high)), FACE).reasons


def test_exposure_says_what_share_shows_nothing() -> None:
    grey = np.full((40, 40), 100, dtype=np.float32)
    grey[:, :20] = 0
    assert exposure(grey) == (pytest.approx(50 / 255), 0.5, 0.0)
    assert exposure(255 - grey)[2] == 0.5
    grey[:6], grey[-6:], grey[:, :6], grey[:, -6:] = 255, 255, 255, 255
    assert exposure(grey)[2] == 0.0, "what surrounds the face counts"


def test_a_half_black_face_is_still_one() -> None:
    shadow = detail()
    shadow[:, :180] = 0
    assert QualityReason.TOO_DARK not in assess_face(held(shadow), FACE).reasons


def test_a_crop_is_small_whatever_the_face() -> None:
    pixels = detail()
    assert face_crop(pixels, BOX).shape == (CROP_PX, CROP_PX)
    assert face_crop(pixels, BoundingBox(10, 10, 20, 30)).shape == (30, 20)
    assert face_crop(pixels, BoundingBox(-100, -100, 130, 120)).shape == (20, 30)
    assert face_crop(pixels, BoundingBox(500, 10, 20, 30)).size == 0
    assert face_crop(pixels, BoundingBox(0, 0, 2, 2)).size == 0


@pytest.mark.parametrize("x", [-400.0, -239.0, 150.0, 299.0, 900.0])
@pytest.mark.parametrize("size", [1.0, 3.0, 5.0, 240.0])
def test_every_box_can_be_measured(x: float, size: float) -> None:
    points = FACE.landmarks.scaled(size / SIDE)
    quality = assess_face(held(detail()), Detection(BoundingBox(x, x, size, size), points, 0.9))
    assert 0 <= quality.score <= 100


def test_a_jpeg_is_as_sharp_as_its_original() -> None:
    encoded = io.BytesIO()
    Pillow.fromarray(detail()).save(encoded, "JPEG", quality=80)
    decoded = np.asarray(Pillow.open(encoded).convert("RGB"))
    assert sharpness_of(decoded) == pytest.approx(sharpness_of(detail()), rel=0.05)


def test_the_size_is_that_of_the_original() -> None:
    assert measure(Image(detail(), ImageSize(1080, 1080)), FACE).size_px == pytest.approx(3 * SIDE)


def test_real_faces_are_sharp_until_they_are_blurred() -> None:
    """On 40 people of ORL: sharp where recognition holds, poor where it misses all (see `benchmarks/quality.py`)."""
    people = People.installed()
    for person in range(1, PEOPLE + 1):
        frame = Pillow.fromarray(people.face(person, 1)).convert("RGB")
        width, height = FACE_WIDTH * frame.width, FACE_HEIGHT * frame.height
        box = BoundingBox(
            FACE_CENTRE[0] * frame.width - width / 2, FACE_CENTRE[1] * frame.height - height / 2, width, height
        )
        as_it_is = sharpness(face_crop(np.asarray(frame), box))
        blurred = sharpness(face_crop(filtered(np.asarray(frame), ImageFilter.GaussianBlur(0.05 * width)), box))
        assert as_it_is > 0.22
        assert blurred < 0.15
