"""The geometry of looks: tiles that lose no face, scales that fit, turns that can be undone."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.adapters.onnx.detection.looks import OVERLAP_PX, TILE_PX, Scale, pyramid
from facepass.adapters.onnx.detection.network import Candidates
from facepass.adapters.onnx.detection.turns import TURNS, turned_back
from facepass.application.detection_profile import PROFILES

sides = st.integers(1, 9000)


def candidate(left: float, top: float, right: float, bottom: float) -> Candidates:
    box = np.array([[left, top, right, bottom]], dtype=np.float32)
    return Candidates(box, np.full((1, 5, 2), (left, top), dtype=np.float32), np.ones(1, dtype=np.float32))


@given(sides, sides)
def test_tiles_cover_the_picture_and_overlap(width: int, height: int) -> None:
    tiles = Scale.fit(width, height, max(width, height)).tiles
    assert min(left for left, *_ in tiles) == min(top for _, top, *_ in tiles) == 0
    assert (max(right for *_, right, _ in tiles), max(bottom for *_, bottom in tiles)) == (width, height)
    assert all(right - left <= TILE_PX and bottom - top <= TILE_PX for left, top, right, bottom in tiles)
    across = sorted({(left, right) for left, _, right, _ in tiles})
    # Rounding may take a pixel of the overlap.
    assert all(before[1] - after[0] >= OVERLAP_PX - 1 for before, after in pairwise(across))


@given(st.integers(1089, 9000), st.integers(1089, 9000), st.floats(0, 1), st.floats(0, 1), st.floats(8, 150))
def test_a_small_face_is_whole_in_some_tile(width: int, height: int, x: float, y: float, side: float) -> None:
    scale = Scale.fit(width, height, max(width, height))
    left, top = x * (width - side), y * (height - side)
    face = candidate(left, top, left + side, top + side)
    assert any(len(scale.uncut(face.moved(-tile[0], -tile[1]), tile)) for tile in scale.tiles)


def test_a_face_cut_by_an_inner_border_is_left_to_the_next_tile_one_cut_by_the_picture_is_not() -> None:
    scale = Scale.fit(1900, 1000, 1900)
    first, second = scale.tiles
    assert not len(scale.uncut(candidate(first[2] - 60, 0, first[2], 80), first))
    assert not len(scale.uncut(candidate(-5, 100, 60, 180), second))
    assert len(scale.uncut(candidate(-5, 100, 60, 180), first)) == 1


@pytest.mark.parametrize(
    ("size", "long_side", "expected"),
    [
        ((100, 80), 1024, [300]),
        ((500, 400), 500, [500]),
        ((1920, 1080), 1024, [320, 1024]),
        ((3000, 2000), 3600, [320, 900, 3600]),
        ((6000, 4000), 6000, [375, 1500, 6000]),
    ],
)
def test_scales_from_close_ups_to_small_faces(size: tuple[int, int], long_side: int, expected: list[int]) -> None:
    scales = pyramid(*size, min(long_side, max(long_side if max(size) > 1024 else 0, *size)))
    assert [scale.width for scale in scales] == expected


def test_the_number_of_tiles_is_bounded() -> None:
    most = PROFILES["thorough"].long_side_px(30_000, face_px=24.0)
    assert sum(len(scale.tiles) for scale in pyramid(30_000, 30_000, most)) <= 100


@pytest.mark.parametrize("turns", TURNS)
def test_turning_back_ends_where_it_began(turns: int) -> None:
    picture = np.zeros((30, 50, 3), dtype=np.uint8)
    picture[4:12, 10:30] = 255
    lit = np.argwhere(np.rot90(picture, turns)[..., 0])
    (top, left), (bottom, right) = lit.min(axis=0), lit.max(axis=0) + 1
    found = turned_back(candidate(left, top, right, bottom), turns, picture.shape)
    np.testing.assert_array_equal(found.boxes, [[10, 4, 30, 12]])


@pytest.mark.parametrize(
    ("profile", "longest", "face_px", "expected"),
    [
        ("fast", 6000, 24.0, 1024),
        ("balanced", 1920, 24.0, 1024),
        ("balanced", 6000, 24.0, 3600),
        ("balanced", 6000, 20.0, 3000),
        ("balanced", 9000, 24.0, 3600),
        ("thorough", 1920, 24.0, 1920),
        ("thorough", 6000, 24.0, 6000),
    ],
)
def test_how_closely_photos_are_looked_at(profile: str, longest: int, face_px: float, expected: int) -> None:
    assert PROFILES[profile].long_side_px(longest, face_px=face_px) == expected  # type: ignore[index]  # a plain str
