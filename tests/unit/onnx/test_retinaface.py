"""Detection on real faces: sizes from a thumbnail to a close-up, and pictures without any."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facepass.adapters.onnx.detection.detector import Detector
from facepass.adapters.onnx.golden import portrait
from facepass.adapters.onnx.registry.registry import Registry
from tests.fixtures_models import PEOPLE, Pixels

Orl = Callable[..., Pixels]


def test_enlarged_faces_on_a_border_are_found_where_they_are(retinaface: Detector, orl: Orl) -> None:
    for person in range(1, PEOPLE + 1):
        (face,) = retinaface.detect(orl(person, 1 + person % 10, enlarge=3, border=100))
        assert face.confidence >= 0.95
        middle_x, middle_y = face.box.x + face.box.width / 2, face.box.y + face.box.height / 2
        assert 150 < middle_x < 326
        assert 150 < middle_y < 386
        points = face.landmarks
        assert points.left_eye.x < points.nose.x < points.right_eye.x
        assert points.left_eye.y < points.nose.y < points.left_mouth.y


def test_small_raw_pictures_that_the_face_fills(retinaface: Detector, orl: Orl) -> None:
    found = [len(retinaface.detect(orl(person, 2))) for person in range(1, PEOPLE + 1)]
    assert found == [1] * PEOPLE


def test_every_lfw_photograph_has_a_face(retinaface: Detector, lfw10: list[Path]) -> None:
    missed = []
    for path in lfw10:
        with Image.open(path) as picture:
            if not retinaface.detect(np.asarray(picture.convert("RGB"))):
                missed.append(path.name)
    assert not missed


def test_coordinates_are_those_of_the_given_picture(retinaface: Detector) -> None:
    small, large = portrait(), portrait().repeat(10, axis=0).repeat(10, axis=1)
    (face,), (larger,) = retinaface.detect(small), retinaface.detect(large)
    assert larger.box.iou(face.box.scaled(10)) > 0.6
    distance = np.abs(larger.landmarks.as_array() / 10 - face.landmarks.as_array()).max()
    assert distance < 3


def test_a_close_up_is_found_on_the_second_look(retinaface: Detector) -> None:
    # Cut inside the face: from eyebrows to chin it fills the frame and goes beyond it.
    close = portrait()[55:122, 45:115]
    enlarged = np.asarray(Image.fromarray(close).resize((1400, 1340), Image.Resampling.BICUBIC))
    (face,) = retinaface.detect(enlarged)
    assert face.box.width > 700
    assert 300 < face.landmarks.nose.x < 1100


def test_the_largest_face_comes_first(retinaface: Detector) -> None:
    canvas = np.full((400, 700, 3), 128, dtype=np.uint8)
    canvas[20:180, 10:170] = portrait()
    canvas[60:380, 320:640] = portrait().repeat(2, axis=0).repeat(2, axis=1)
    first, second = retinaface.detect(canvas)
    assert first.box.x > 320 > second.box.x
    assert first.box.area > second.box.area


def test_a_face_that_fills_a_large_picture_is_one_face_with_good_landmarks(retinaface: Detector, orl: Orl) -> None:
    # At full size the network takes parts of such a face for faces, and its landmarks are off by a tenth of the face.
    for person in range(1, PEOPLE + 1, 4):
        (small,), (large,) = retinaface.detect(orl(person, 1)), retinaface.detect(orl(person, 1, enlarge=12))
        distance = np.abs(large.landmarks.as_array() / 12 - small.landmarks.as_array()).max()
        assert distance < 0.05 * small.box.height


def test_small_faces_beside_a_large_one_are_kept(retinaface: Detector) -> None:
    canvas = np.full((1280, 1800, 3), 128, dtype=np.uint8)
    canvas[:, :1280] = portrait().repeat(8, axis=0).repeat(8, axis=1)
    canvas[500:660, 1450:1610] = portrait()
    large, small = retinaface.detect(canvas)
    assert large.box.width > 400
    assert small.box.width < 120
    assert small.box.x > 1450


@pytest.mark.parametrize("shape", [(1, 1), (1, 600), (300, 2), (480, 640), (31, 33)])
def test_pictures_without_a_face(retinaface: Detector, shape: tuple[int, int]) -> None:
    assert retinaface.detect(np.full((*shape, 3), 60, dtype=np.uint8)) == ()


def test_the_threshold_is_inclusive_and_holds(registry: Registry, retinaface: Detector) -> None:
    manifest = registry.detector("retinaface-mnet025")
    model = registry.path(manifest)
    score = retinaface.detect(portrait())[0].confidence
    exact = Detector.load(manifest, model, score_threshold=score)
    above = Detector.load(manifest, model, score_threshold=1.0)
    assert len(exact.detect(portrait())) == 1
    assert above.detect(portrait()) == ()


def test_results_do_not_depend_on_what_was_seen_before(retinaface: Detector, orl: Orl) -> None:
    pictures = [orl(person, 3, border=5 * person) for person in range(1, 21)]
    before = [retinaface.detect(picture) for picture in pictures]
    assert [retinaface.detect(picture) for picture in reversed(pictures)] == before[::-1]
