"""A second look at each face, at the size at which a network places landmarks best."""

import math
from typing import Final

import numpy as np
from PIL import Image as PillowImage

from facepass.adapters.onnx.detection.network import Candidates, FloatArray, Network, RgbArray

_FACE_PX: Final = 112
"""The face's longer side in the second look."""
_LOOK_PX: Final = 256
_BORDER: Final = (32, 32)
"""Empty pixels around the second look: faces at the border of the picture have it near."""
_FILTER: Final = PillowImage.Resampling.BILINEAR
_REDUCING_GAP: Final = 2.0
_LEAST_IOU: Final = 0.5
"""Overlap with the first box above which the second look shows the same face."""


def refined(network: Network, pixels: RgbArray, found: Candidates) -> Candidates:
    """The same faces, with the landmarks of the second look where it shows the same face; boxes and scores stay.

    Args:
        network: takes the looks, one a face.
        pixels: `(height, width, 3)` uint8 RGB.
        found: its faces, one candidate each, in its pixels.
    """
    landmarks = found.landmarks.copy()
    for at, box in enumerate(found.boxes):
        better = _landmarks_of(network, pixels, box)
        if better is not None:
            landmarks[at] = better
    return Candidates(found.boxes, landmarks, found.scores)


def _landmarks_of(network: Network, pixels: RgbArray, box: FloatArray) -> FloatArray | None:
    """`(5, 2)` in pixels, or None where the second look does not find the face again."""
    centre = (box[:2] + box[2:]) / 2
    factor = _FACE_PX / max(float((box[2:] - box[:2]).max()), 1.0)
    half = _LOOK_PX / factor / 2
    height, width = pixels.shape[:2]
    left, top = (max(0, math.floor(value - half)) for value in centre)
    right, bottom = (min(most, math.ceil(value + half)) for value, most in zip(centre, (width, height), strict=True))
    if right <= left or bottom <= top:
        return None
    size = (max(1, round((right - left) * factor)), max(1, round((bottom - top) * factor)))
    crop = PillowImage.fromarray(pixels[top:bottom, left:right]).resize(size, _FILTER, reducing_gap=_REDUCING_GAP)
    seen = network.look(np.asarray(crop), border=_BORDER).scaled((right - left) / size[0], (bottom - top) / size[1])
    seen = seen.moved(left, top)
    same = np.flatnonzero(_iou(seen.boxes, box) >= _LEAST_IOU)
    if not same.size:
        return None
    landmarks: FloatArray = seen.landmarks[same[np.argmax(seen.scores[same])]]
    return landmarks


def _iou(boxes: FloatArray, box: FloatArray) -> FloatArray:
    """`(n,)` float32, 0 to 1: of `(n, 4)` boxes with one."""
    shared = np.prod(np.maximum(np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2]), 0.0), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) + np.prod(box[2:] - box[:2])
    iou: FloatArray = shared / np.maximum(areas - shared, np.finfo(np.float32).tiny)
    return iou
