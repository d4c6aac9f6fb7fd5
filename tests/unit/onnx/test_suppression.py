"""Suppression against the plain algorithm, and what it does with parts and ranks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.adapters.onnx.detection.suppression import suppress
from facepass.domain.face import BoundingBox

boxes = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(1, 30), st.integers(1, 30), st.integers(0, 2)),
    max_size=30,
)


def corners(*found: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(found, dtype=np.float32)


def shared_part_of_smaller(a: BoundingBox, b: BoundingBox) -> float:
    iou = a.iou(b)
    return iou / (1 + iou) * (a.area + b.area) / min(a.area, b.area)


@given(boxes)
def test_it_keeps_the_best_and_drops_what_overlaps_it(found: list[tuple[int, int, int, int, int]]) -> None:
    as_boxes = [BoundingBox(x, y, width, height) for x, y, width, height, _ in found]
    edges = np.array([[x, y, x + width, y + height] for x, y, width, height, _ in found], dtype=np.float32)
    scores = np.array([score for *_, score in found], dtype=np.float32)
    kept = suppress(edges.reshape(-1, 4), scores, iou_threshold=0.4).tolist()
    # The plain algorithm, a box at a time.
    expected: list[int] = []
    for index in sorted(range(len(found)), key=lambda at: (-scores[at], at)):
        if all(
            as_boxes[index].iou(as_boxes[other]) <= 0.4 + 1e-6
            and shared_part_of_smaller(as_boxes[index], as_boxes[other]) <= 0.6 + 1e-6
            for other in expected
        ):
            expected.append(index)
    assert kept == expected


def test_a_part_of_a_face_is_no_face() -> None:
    face, part, beside = (0, 0, 100, 120), (20, 30, 60, 60), (95, 0, 150, 60)
    scores = np.array([0.9, 0.8, 0.85], dtype=np.float32)
    assert suppress(corners(face, part, beside), scores, iou_threshold=0.4).tolist() == [0, 2]
    assert suppress(corners(face, part, beside), scores, iou_threshold=0.4, covered=1.0).tolist() == [0, 2, 1]


@pytest.mark.parametrize(("ranks", "kept"), [((0, 0), 1), ((0, 1), 0), ((1, 0), 1)])
def test_rank_goes_before_score(ranks: tuple[int, int], kept: int) -> None:
    same = corners((0, 0, 10, 10), (1, 0, 11, 10))
    scores = np.array([0.8, 0.9], dtype=np.float32)
    assert suppress(same, scores, iou_threshold=0.4, ranks=np.array(ranks)).tolist() == [kept]
