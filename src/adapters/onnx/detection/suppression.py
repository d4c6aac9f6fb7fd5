"""From many candidates to one a face, over all looks at a picture together."""

from typing import Final

import numpy as np
import numpy.typing as npt

from facepass.adapters.onnx.detection.network import FloatArray, Indices

COVERED: Final = 0.6
"""Part of the smaller box that lies in the other, above which they are one face, or a face and a part of it."""


def suppress(
    boxes: FloatArray,
    scores: FloatArray,
    *,
    iou_threshold: float,
    ranks: npt.NDArray[np.intp] | None = None,
    covered: float = COVERED,
) -> Indices:
    """Greedy non-maximum suppression: indices of the boxes that stay, best first.

    Args:
        boxes: `(n, 4)` left, top, right, bottom.
        scores: `(n,)`.
        iou_threshold: overlap above which the worse box goes, 0 to 1.
        ranks: `(n,)`, the lowest is best whatever the scores; None ranks all alike. Ties go by score, then index.
        covered: shared part of the smaller box above which the worse one goes, 0 to 1; 1 turns this off.
    """
    first = np.zeros(len(scores), dtype=np.intp) if ranks is None else ranks
    order = np.lexsort((-scores, first))
    areas = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0), axis=1)
    least = np.finfo(np.float32).tiny
    kept: list[np.intp] = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(best)
        top_left = np.maximum(boxes[best, :2], boxes[rest, :2])
        bottom_right = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        shared = np.prod(np.maximum(bottom_right - top_left, 0.0), axis=1)
        union = np.maximum(areas[best] + areas[rest] - shared, least)
        smaller = np.maximum(np.minimum(areas[best], areas[rest]), least)
        order = rest[(shared / union <= iou_threshold) & (shared / smaller <= covered)]
    return np.asarray(kept, dtype=np.intp)
