"""Quarter turns of a picture, for selfies whose orientation nobody recorded.

Networks do find most faces that lie on their side or stand on their head, but with landmarks that are no use. Such a
find shows by landmarks that are not where an upright face has them, or by a lower score; and of the four turns the
right one has the highest score where the face is not too large in the look (88 of 88 pictures, with either network).
"""

from typing import Final

import numpy as np

from facepass.adapters.onnx.detection.network import Candidates, FloatArray

TURNS: Final = (0, 1, 3, 2)
"""Quarter turns anticlockwise, as `numpy.rot90` counts them; the first wins a tie."""
TURN_LONG_SIDE: Final = 320
"""Of the looks that decide which turn is right, in pixels: a selfie's face is large."""

_UPRIGHT: Final = np.array([[0.26, 0.39], [0.72, 0.39], [0.49, 0.58], [0.30, 0.73], [0.70, 0.73]], dtype=np.float32)
"""Landmarks as parts of the box: medians of both networks on ORL and LFW faces."""
_UPRIGHT_WITHIN: Final = 0.1
"""Root mean square distance from `_UPRIGHT`: nearly all faces found turned are farther, a quarter of upright ones."""


def is_doubtful(found: Candidates, *, sure_score: float) -> bool:
    """Whether another turn of the picture may show the largest face better.

    Args:
        found: one candidate a face.
        sure_score: the network's.
    """
    if not len(found):
        return True
    at = _largest(found)
    corner, size = found.boxes[at, :2], found.boxes[at, 2:] - found.boxes[at, :2]
    offsets = (found.landmarks[at] - corner) / np.maximum(size, 1.0) - _UPRIGHT
    distance = float(np.sqrt(np.mean(np.sum(offsets * offsets, axis=1))))
    return bool(found.scores[at] < sure_score) or distance > _UPRIGHT_WITHIN


def score_of_largest(found: Candidates) -> float:
    """Of the face a selfie is about; 0 where there is none."""
    return float(found.scores[_largest(found)]) if len(found) else 0.0


def _largest(found: Candidates) -> int:
    return int(np.argmax(np.prod(found.boxes[:, 2:] - found.boxes[:, :2], axis=1)))


def turned_back(found: Candidates, turns: int, shape: tuple[int, ...]) -> Candidates:
    """Candidates of a turned picture in the pixels of the picture as it was.

    Landmarks keep their order, so that alignment, which copes with any roll, sets the face upright.

    Args:
        found: in `np.rot90(picture, turns)`.
        turns: quarter turns anticlockwise.
        shape: of the picture, height first.
    """
    height, width = shape[:2]
    corners = _points_back(found.boxes.reshape(-1, 2, 2), turns, height=height, width=width)
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    return Candidates(boxes, _points_back(found.landmarks, turns, height=height, width=width), found.scores)


def _points_back(points: FloatArray, turns: int, *, height: int, width: int) -> FloatArray:
    """`(n, m, 2)` points; coordinates run between pixels, from 0 to width and height."""
    x, y = points[..., 0], points[..., 1]
    back = {0: (x, y), 1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}[turns]
    return np.stack(back, axis=-1).astype(np.float32)
