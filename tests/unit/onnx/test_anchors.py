"""Anchors and decoding, on numbers small enough to check by hand."""

import numpy as np

from facepass.adapters.onnx.detection.anchors import decode_boxes, decode_landmarks, make_anchors


def test_anchors_stand_in_the_order_of_the_network() -> None:
    anchors = make_anchors(64, 96)
    assert anchors.shape == (2 * (8 * 12 + 4 * 6 + 2 * 3), 3)
    np.testing.assert_array_equal(anchors[:3], [[4, 4, 16], [4, 4, 32], [12, 4, 16]])
    np.testing.assert_array_equal(anchors[192], [8, 8, 64])
    np.testing.assert_array_equal(anchors[-1], [80, 48, 512])


def test_a_regression_of_zero_is_the_anchor_itself() -> None:
    anchor = np.array([[100, 50, 32]], dtype=np.float32)
    np.testing.assert_array_equal(decode_boxes(np.zeros((1, 4), np.float32), anchor), [[84, 34, 116, 66]])
    np.testing.assert_array_equal(decode_landmarks(np.zeros((1, 10), np.float32), anchor), [[[100, 50]] * 5])


def test_regressions_move_and_stretch() -> None:
    anchor = np.array([[100, 50, 20]], dtype=np.float32)
    moved = decode_boxes(np.array([[1, -2, 5 * np.log(2), 0]], dtype=np.float32), anchor)
    np.testing.assert_allclose(moved, [[102 - 20, 46 - 10, 102 + 20, 46 + 10]], rtol=1e-6)
    points = decode_landmarks(np.array([[0, 0, 1, 2, 0, 0, 0, 0, 0, 0]], dtype=np.float32), anchor)
    np.testing.assert_allclose(points[0, 1], [102, 54])


def test_an_absurd_regression_stays_finite() -> None:
    anchor = np.array([[100, 50, 512]], dtype=np.float32)
    assert np.isfinite(decode_boxes(np.full((1, 4), 1e4, dtype=np.float32), anchor)).all()
