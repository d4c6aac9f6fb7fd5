"""Alignment against scikit-image, which shares no code with it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.transform import AffineTransform, SimilarityTransform, warp

from facepass.adapters.onnx.recognition.alignment import align, similarity_transform
from facepass.adapters.onnx.registry.manifest import Template
from facepass.domain.errors import LowQualityFace
from facepass.domain.face import Landmarks
from tests.fixtures_models import Pixels

coordinates = st.floats(-2000, 2000).map(lambda value: round(value, 3))
DLIB_TEMPLATE = Template(
    side=150, points=((47.65, 45.71), (102.35, 45.71), (75.0, 78.36), (50.94, 102.41), (99.06, 102.41))
)
POINTS = np.array(DLIB_TEMPLATE.points)
SIDE = DLIB_TEMPLATE.side


def smooth_picture(height: int, width: int) -> Pixels:
    y, x = np.mgrid[0:height, 0:width]
    waves = [127 + 100 * np.sin(x / 17 + phase) * np.cos(y / 23 - phase) for phase in (0.0, 1.0, 2.0)]
    return np.stack(waves, axis=-1).astype(np.uint8)


def placed(scale: float, degrees: float, x: float, y: float) -> Landmarks:
    """The template's landmarks, scaled, turned and moved."""
    angle = np.deg2rad(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return Landmarks.from_array((POINTS - SIDE / 2) @ turn.T + (x, y))


@given(st.lists(st.tuples(coordinates, coordinates), min_size=5, max_size=5, unique=True))
def test_the_transform_is_scikit_images(points: list[tuple[float, float]]) -> None:
    source = np.array(points)
    if np.ptp(source, axis=0).max() < 1:
        return
    expected = SimilarityTransform.from_estimate(source, POINTS)
    found = similarity_transform(source, POINTS)
    moved = source @ found[:, :2].T + found[:, 2]
    np.testing.assert_allclose(moved, expected(source), atol=1e-5)


def test_it_never_mirrors() -> None:
    mirrored = POINTS * (-1, 1)
    found = similarity_transform(mirrored, POINTS)
    assert np.linalg.det(found[:, :2]) > 0


@pytest.mark.parametrize(
    ("scale", "degrees", "x", "y"),
    [(1.0, 0.0, 300.0, 200.0), (0.6, 25.0, 210.3, 190.8), (1.9, -40.0, 320.5, 230.1), (1.0, 10.0, 20.0, 460.0)],
    ids=["upright", "enlarged", "reduced", "over the border"],
)
def test_a_chip_is_scikit_images_warp(scale: float, degrees: float, x: float, y: float) -> None:
    picture = smooth_picture(480, 640)
    landmarks = placed(scale, degrees, x, y)
    found = align(picture, landmarks, DLIB_TEMPLATE)
    # Coordinates here have their origin at the corner of the first pixel, scikit-image's at its centre.
    centre = SimilarityTransform(translation=(0.5, 0.5))
    back = np.vstack([similarity_transform(landmarks.as_array(), POINTS), [0, 0, 1]])
    matrix = np.linalg.inv(centre.params) @ np.linalg.inv(back) @ centre.params
    expected = warp(picture, AffineTransform(matrix=matrix), output_shape=(SIDE, SIDE), order=1, mode="edge")
    assert found.shape == (SIDE, SIDE, 3)
    assert np.abs(found - expected * 255).max() <= 2.0


def test_fine_detail_does_not_alias() -> None:
    checkered = np.zeros((1200, 1200, 3), dtype=np.uint8)
    checkered[::2, ::2] = checkered[1::2, 1::2] = 255
    chip = align(checkered, placed(6.0, 0.0, 600.0, 600.0), DLIB_TEMPLATE)
    assert np.abs(chip.astype(int) - 127).max() <= 4


@pytest.mark.parametrize("x", [-400.0, 1000.0])
def test_a_face_far_outside_gives_the_repeated_edge(x: float) -> None:
    picture = np.full((100, 100, 3), 90, dtype=np.uint8)
    assert np.all(align(picture, placed(1.0, 0.0, x, 50.0), DLIB_TEMPLATE) == 90)


def test_a_picture_of_one_pixel() -> None:
    picture = np.full((1, 1, 3), 7, dtype=np.uint8)
    assert np.all(align(picture, placed(0.01, 0.0, 0.5, 0.5), DLIB_TEMPLATE) == 7)


def test_landmarks_in_one_place_are_refused() -> None:
    with pytest.raises(LowQualityFace):
        align(smooth_picture(50, 50), Landmarks.from_array(np.full((5, 2), 20.0)), DLIB_TEMPLATE)


def test_landmarks_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(LowQualityFace):
        align(smooth_picture(50, 50), Landmarks.from_array(np.full((5, 2), np.nan)), DLIB_TEMPLATE)
