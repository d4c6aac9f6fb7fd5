"""RetinaFace's anchors, and what its regressions mean relative to them.

Deng et al., "RetinaFace: Single-stage Dense Face Localisation in the Wild", 2019; the variances are SSD's
(Liu et al., 2016).
"""

import numpy as np

from facepass.adapters.onnx.detection.network import FloatArray

STRIDES = (8, 16, 32)
_ANCHOR_SIDES = ((16.0, 32.0), (64.0, 128.0), (256.0, 512.0))
_CENTRE_VARIANCE = np.float32(0.1)
_SIZE_VARIANCE = np.float32(0.2)
_HALF = np.float32(0.5)
_GREATEST_LOG_SIZE = np.float32(4.0)


def make_anchors(height: int, width: int) -> FloatArray:
    """`(anchors, 3)` float32: centre x, centre y and side in pixels, in the order of the model's outputs.

    Args:
        height: of the network's input, in pixels.
        width: of the network's input, in pixels.
    """
    levels = []
    for stride, sides in zip(STRIDES, _ANCHOR_SIDES, strict=True):
        rows, columns = -(-height // stride), -(-width // stride)
        level = np.empty((rows, columns, len(sides), 3), dtype=np.float32)
        level[..., 0] = ((np.arange(columns, dtype=np.float32) + 0.5) * stride)[None, :, None]
        level[..., 1] = ((np.arange(rows, dtype=np.float32) + 0.5) * stride)[:, None, None]
        level[..., 2] = np.asarray(sides, dtype=np.float32)
        levels.append(level.reshape(-1, 3))
    return np.concatenate(levels)


def decode_boxes(regressions: FloatArray, anchors: FloatArray) -> FloatArray:
    """`(n, 4)` float32 left, top, right, bottom in pixels, from `(n, 4)` regressions and their `(n, 3)` anchors."""
    side = anchors[:, 2:]
    centres = anchors[:, :2] + regressions[:, :2] * _CENTRE_VARIANCE * side
    # exp of an absurd regression would overflow: no face is e^4 times its anchor.
    halves = _HALF * side * np.exp(np.minimum(regressions[:, 2:] * _SIZE_VARIANCE, _GREATEST_LOG_SIZE))
    return np.concatenate([centres - halves, centres + halves], axis=1).astype(np.float32, copy=False)


def decode_landmarks(regressions: FloatArray, anchors: FloatArray) -> FloatArray:
    """`(n, 5, 2)` float32 points in pixels, from `(n, 10)` regressions and their `(n, 3)` anchors."""
    points = regressions.reshape(-1, 5, 2) * _CENTRE_VARIANCE
    return (anchors[:, None, :2] + points * anchors[:, None, 2:]).astype(np.float32, copy=False)
