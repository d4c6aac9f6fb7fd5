"""Cuts a face out of a picture so that its eyes, nose and mouth lie where the recogniser expects them.

The transform is the least-squares similarity of Umeyama, "Least-squares estimation of transformation parameters
between two point patterns", 1991, in two dimensions and without reflection.
"""

import math

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from facepass.adapters.onnx.registry.manifest import Template
from facepass.domain.errors import LowQualityFace
from facepass.domain.face import Landmarks, QualityReason

RgbArray = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float64]

_LEAST_SCALE = 0.5
_MAX_HALVINGS = 8
_SAMPLING_MARGIN = 2


def similarity_transform(source: Points, target: Points) -> Points:
    """The `(2, 3)` float64 matrix that takes `source` closest to `target`, in the sense of least squares.

    Args:
        source: `(n, 2)` points.
        target: `(n, 2)` points.

    Raises:
        LowQualityFace: the source points coincide or are not finite, so no scale or rotation follows from them.
    """
    source_centre, target_centre = source.mean(axis=0), target.mean(axis=0)
    p, q = source - source_centre, target - target_centre
    spread = float(np.sum(p * p))
    if not math.isfinite(spread) or spread <= 0.0:
        raise LowQualityFace("the five landmarks of the face coincide", (QualityReason.EXTREME_POSE,))
    a = float(np.sum(p * q)) / spread
    b = float(np.sum(p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0])) / spread
    rotation = np.array([[a, -b], [b, a]])
    return np.column_stack([rotation, target_centre - rotation @ source_centre])


def align(pixels: RgbArray, landmarks: Landmarks, template: Template) -> RgbArray:
    """The face as a chip, `(side, side, 3)` uint8 RGB; beyond the border of the picture its edge is repeated.

    Args:
        pixels: `(height, width, 3)` uint8 RGB.
        landmarks: in pixels of `pixels`.
        template: the recogniser's.

    Raises:
        LowQualityFace: the landmarks coincide.
    """
    forward = similarity_transform(landmarks.as_array(), np.array(template.points))
    scale = math.hypot(forward[0, 0], forward[1, 0])
    if scale <= 0.0:
        raise LowQualityFace("the five landmarks of the face contradict each other", (QualityReason.EXTREME_POSE,))
    inverse = _inverse(forward)
    # Bilinear sampling looks at four pixels: below half scale it would skip some, and fine detail would alias.
    halvings = min(_MAX_HALVINGS, max(0, math.ceil(math.log2(_LEAST_SCALE / scale))))
    patch, left, top = _patch(pixels, inverse, template.side, step=1 << halvings)
    factor = 1 << halvings
    picture = PillowImage.fromarray(patch)
    if factor > 1:
        picture = picture.reduce(factor)
    to_patch = inverse.copy()
    to_patch[:, 2] -= (left, top)
    to_patch /= factor
    chip = picture.transform(
        (template.side, template.side),
        PillowImage.Transform.AFFINE,
        tuple(to_patch.ravel()),
        PillowImage.Resampling.BILINEAR,
    )
    return np.asarray(chip)


def _inverse(matrix: Points) -> Points:
    rotation = np.linalg.inv(matrix[:, :2]).astype(np.float64)
    return np.column_stack([rotation, -rotation @ matrix[:, 2]])


def _patch(pixels: RgbArray, inverse: Points, side: int, *, step: int) -> tuple[RgbArray, int, int]:
    """The part of the picture that a chip samples, in whole blocks of `step` pixels, and its left and top."""
    corners = np.array([[0, 0, 1], [side, 0, 1], [0, side, 1], [side, side, 1]], dtype=np.float64) @ inverse.T
    margin = _SAMPLING_MARGIN * step
    height, width = pixels.shape[:2]
    left, top = (int(value) for value in np.floor(corners.min(axis=0)) - margin)
    right, bottom = (int(value) for value in np.ceil(corners.max(axis=0)) + margin)
    right += -(right - left) % step
    bottom += -(bottom - top) % step
    if left >= 0 and top >= 0 and right <= width and bottom <= height:
        patch = pixels[top:bottom, left:right]
    else:
        columns = np.clip(np.arange(left, right), 0, width - 1)
        rows = np.clip(np.arange(top, bottom), 0, height - 1)
        patch = pixels[rows[:, None], columns]
    return np.ascontiguousarray(patch), left, top
