"""What looks, merged, find: small faces by profile, one face once, turned selfies, and the second look."""

from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from PIL import Image

from facepass.adapters.onnx.detection.detector import Detector
from facepass.adapters.onnx.golden import portrait
from facepass.adapters.onnx.registry.registry import Registry
from facepass.application.detection_profile import ProfileName
from tests.fixtures_models import Pixels

Orl = Callable[..., Pixels]


@pytest.fixture(scope="module")
def load(registry: Registry) -> Callable[..., Detector]:
    manifest = registry.detector("retinaface-mnet025")

    def with_profile(profile: ProfileName, *, refine: bool = False) -> Detector:
        return Detector.load(
            msgspec.structs.replace(manifest, refine=refine), registry.require(manifest), profile=profile
        )

    return with_profile


def with_faces(size: tuple[int, int], picture: Pixels, places: list[tuple[int, int, int]]) -> Pixels:
    """A grey canvas, width by height, with copies of a picture at left, top and of a width."""
    canvas = Image.new("RGB", size, (127, 127, 127))
    for left, top, width in places:
        height = round(width * picture.shape[0] / picture.shape[1])
        canvas.paste(Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS), (left, top))
    return np.asarray(canvas)


@pytest.mark.parametrize(("profile", "found"), [("fast", 1), ("balanced", 2), ("thorough", 3)])
def test_each_profile_finds_smaller_faces(
    load: Callable[..., Detector], orl: Orl, profile: ProfileName, found: int
) -> None:
    # Faces of about 30, 50 and 140 pixels: three quarters of the pictures' widths.
    picture = with_faces((3000, 2000), orl(4, 1), [(200, 300, 39), (1400, 900, 64), (2300, 1500, 180)])
    assert len(load(profile).detect(picture)) == found


def test_a_face_on_the_border_of_tiles_is_one_face(load: Callable[..., Detector], orl: Orl) -> None:
    places = [(x, 600, 120) for x in range(800, 2200, 170)]
    faces = load("thorough").detect(with_faces((3000, 1400), orl(2, 1), places))
    assert len(faces) == len(places)
    assert all(60 < face.box.width < 130 for face in faces)


def test_faces_of_a_reduced_photo_are_in_its_pixels(load: Callable[..., Detector], orl: Orl) -> None:
    half = with_faces((1500, 1000), orl(3, 1), [(700, 400, 40)])
    (face,) = load("balanced").detect(half, longest_px=3000)
    assert 700 <= face.box.x + face.box.width / 2 <= 740
    assert 24 <= face.box.width <= 40


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_selfie_has_the_landmarks_of_the_upright_one(
    load: Callable[..., Detector], orl: Orl, turns: int
) -> None:
    detector = load("balanced")
    for person in (1, 5, 9, 13):
        upright = orl(person, 1, enlarge=4, border=120)
        height, width = upright.shape[:2]
        (expected,) = detector.detect(upright, any_rotation=True)
        (face,) = detector.detect(np.ascontiguousarray(np.rot90(upright, turns)), any_rotation=True)
        x, y = expected.landmarks.as_array().T
        turned = {1: (y, width - x), 2: (width - x, height - y), 3: (height - y, x)}[turns]
        # Another turn puts other pixels on the grid of the network: a hundredth of the face.
        np.testing.assert_allclose(face.landmarks.as_array(), np.stack(turned, axis=1), atol=0.02 * height)


def test_without_a_face_no_turn_invents_one(load: Callable[..., Detector]) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    assert load("balanced").detect(noise, any_rotation=True) == ()


def test_the_second_look_agrees_with_the_first_on_boxes_and_nearly_on_landmarks(
    load: Callable[..., Detector],
) -> None:
    canvas = np.full((900, 1200, 3), 128, dtype=np.uint8)
    canvas[100:740, 20:660] = portrait().repeat(4, axis=0).repeat(4, axis=1)
    canvas[500:660, 1040:1200] = portrait()
    once, twice = load("balanced").detect(canvas), load("balanced", refine=True).detect(canvas)
    assert [face.box for face in twice] == [face.box for face in once]
    for first, second in zip(once, twice, strict=True):
        distance = np.abs(first.landmarks.as_array() - second.landmarks.as_array()).max()
        assert 0 < distance < 0.06 * first.box.height
