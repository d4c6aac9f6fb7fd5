"""Finds faces and their five landmarks with RetinaFace-MobileNet0.25, in one picture at a time.

The network sees faces best between about 16 and 400 pixels: beyond that its landmarks wander, and it takes parts of a
face for faces. So small pictures are enlarged, and large ones are looked at twice: reduced to the long side that is
configured, for small faces, and reduced further, for close-ups. Where nothing is found, a last look puts the picture
on a border.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from facepass.adapters.onnx.detection.anchors import (
    STRIDES,
    FloatArray,
    decode_boxes,
    decode_landmarks,
    make_anchors,
    suppress,
)
from facepass.adapters.onnx.runtime.session import Session
from facepass.domain.face import BoundingBox, Detection, Landmarks

RgbArray = npt.NDArray[np.uint8]

_BGR_MEAN = (104.0, 117.0, 123.0)
_NMS_IOU = 0.4
_MAX_CANDIDATES = 5000
_MAX_CACHED_ANCHORS = 16
_GRID = max(STRIDES)
_COARSE_LONG_SIDE = 320
"""Of the look at close-ups; smaller pictures are enlarged to it, at most `_MAX_ENLARGEMENT` times."""
_MAX_ENLARGEMENT = 3.0
_ONE_LOOK_LONG_SIDE = 512
"""Up to this a face that fills the picture is still seen well, and one look is enough."""
_LARGE_FACE = 240
"""Pixels in the finer look, from which the coarser one sees a face better."""
_COVERED = 0.5
_LAST_LONG_SIDE = 256
_LAST_BORDER = 0.5
"""Border of the last look, on each side, as a part of the picture's side."""
_REDUCING_GAP = 1.0
"""Reduce by whole blocks first: four times faster than filtering every pixel, and no face is lost by it."""


class RetinaFace:
    """The detector. Safe to call from several threads at once."""

    def __init__(
        self, model: Path, *, score_threshold: float = 0.8, long_side: int = 1024, intra_op_threads: int = 1
    ) -> None:
        """Load the network.

        Args:
            model: `retinaface-mnet025.onnx`.
            score_threshold: least score of a face, 0 to 1, inclusive.
            long_side: pixels; larger pictures are reduced to it before the network looks.
            intra_op_threads: threads that share one detection.

        Raises:
            ConfigurationError: the runtime refuses the model.
        """
        self._session = Session(model, intra_op_threads=intra_op_threads, varying_shapes=True)
        self._score_threshold = score_threshold
        self._long_side = long_side
        self._anchors = _AnchorCache()

    def detect(self, pixels: RgbArray) -> tuple[Detection, ...]:
        """All faces, largest first; ties by position from the top left.

        Args:
            pixels: `(height, width, 3)` uint8 RGB, upright.

        Returns:
            Boxes and landmarks in pixels of `pixels`; a box may reach beyond the border.
        """
        height, width = pixels.shape[:2]
        longest = max(height, width)
        target = min(self._long_side, max(longest, min(_COARSE_LONG_SIDE, round(longest * _MAX_ENLARGEMENT))))
        found = self._look(pixels, _View.fit(width, height, target, border=0.0))
        if target > _ONE_LOOK_LONG_SIDE:
            coarse = self._look(pixels, _View.fit(width, height, _COARSE_LONG_SIDE, border=0.0))
            found = _merge(found, coarse, large_side=_LARGE_FACE * longest / target)
        if not found:
            found = self._look(pixels, _View.fit(width, height, _LAST_LONG_SIDE, border=_LAST_BORDER))
        return tuple(sorted(found, key=_largest_first))

    def _look(self, pixels: RgbArray, view: "_View") -> list[Detection]:
        blob = _blob(pixels, view)
        locations, scores, points = (output[0] for output in self._session.run(blob))
        face_scores = scores[:, 1]
        likely = np.flatnonzero(face_scores >= self._score_threshold)
        if not likely.size:
            return []
        if likely.size > _MAX_CANDIDATES:
            likely = likely[np.argsort(-face_scores[likely], kind="stable")[:_MAX_CANDIDATES]]
        anchors = self._anchors.of(blob.shape[2], blob.shape[3])[likely]
        likely_scores = face_scores[likely]
        boxes = decode_boxes(locations[likely], anchors)
        kept = suppress(boxes, likely_scores, iou_threshold=_NMS_IOU)
        landmarks = decode_landmarks(points[likely[kept]], anchors[kept])
        return [
            _detection(view, box, face, score)
            for box, face, score in zip(boxes[kept], landmarks, likely_scores[kept], strict=True)
        ]


@dataclass(frozen=True, slots=True)
class _View:
    """How a picture is put before the network: scaled, with a border at the left and top (and right and bottom)."""

    width: int
    height: int
    border_x: int
    border_y: int
    scale_x: float
    scale_y: float

    @classmethod
    def fit(cls, width: int, height: int, long_side: int, *, border: float) -> "_View":
        scale = long_side / max(width, height)
        scaled_width, scaled_height = max(1, round(width * scale)), max(1, round(height * scale))
        return cls(
            scaled_width,
            scaled_height,
            round(scaled_width * border),
            round(scaled_height * border),
            scaled_width / width,
            scaled_height / height,
        )

    def input_size(self) -> tuple[int, int]:
        """Height and width of the network's input: up to whole cells of its coarsest grid."""
        height, width = self.height + 2 * self.border_y, self.width + 2 * self.border_x
        return -(-height // _GRID) * _GRID, -(-width // _GRID) * _GRID


class _AnchorCache:
    """Anchors by input size, the least recently used leaving first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_size: OrderedDict[tuple[int, int], FloatArray] = OrderedDict()

    def of(self, height: int, width: int) -> FloatArray:
        key = (height, width)
        with self._lock:
            anchors = self._by_size.pop(key, None)
            if anchors is None:
                anchors = make_anchors(height, width)
                if len(self._by_size) >= _MAX_CACHED_ANCHORS:
                    self._by_size.popitem(last=False)
            self._by_size[key] = anchors
        return anchors


def _blob(pixels: RgbArray, view: _View) -> FloatArray:
    """`(1, 3, height, width)` float32, BGR minus the mean; the border is 0, which is the mean colour."""
    if pixels.shape[:2] != (view.height, view.width):
        resized = PillowImage.fromarray(pixels).resize(
            (view.width, view.height), PillowImage.Resampling.BILINEAR, reducing_gap=_REDUCING_GAP
        )
        pixels = np.asarray(resized)
    blob = np.zeros((1, 3, *view.input_size()), dtype=np.float32)
    inside = blob[0, :, view.border_y : view.border_y + view.height, view.border_x : view.border_x + view.width]
    for channel, mean in enumerate(_BGR_MEAN):
        np.subtract(pixels[:, :, 2 - channel], np.float32(mean), out=inside[channel], dtype=np.float32)
    return blob


def _merge(fine: list[Detection], coarse: list[Detection], *, large_side: float) -> list[Detection]:
    """Large faces as the coarse look saw them, and of the fine look what they do not cover.

    Args:
        fine: faces of the finer look, in pixels of the picture.
        coarse: faces of the coarser look, likewise.
        large_side: longer side from which the coarser look counts, in the same pixels.
    """
    large = [face for face in coarse if max(face.box.width, face.box.height) >= large_side]
    return large + [face for face in fine if not any(_covers(other.box, face.box) for other in large)]


def _covers(a: BoundingBox, b: BoundingBox) -> bool:
    """Whether two boxes share half of the smaller one: the same face, or a part of it."""
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    return width > 0 and height > 0 and width * height >= _COVERED * min(a.area, b.area)


def _detection(view: _View, box: FloatArray, landmarks: FloatArray, score: np.float32) -> Detection:
    left, top, right, bottom = (float(value) for value in box)
    points = (landmarks.astype(np.float64) - (view.border_x, view.border_y)) / (view.scale_x, view.scale_y)
    return Detection(
        BoundingBox(
            (left - view.border_x) / view.scale_x,
            (top - view.border_y) / view.scale_y,
            (right - left) / view.scale_x,
            (bottom - top) / view.scale_y,
        ),
        Landmarks.from_array(points),
        min(1.0, float(score)),
    )


def _largest_first(detection: Detection) -> tuple[float, float, float, float]:
    return (-detection.box.area, detection.box.y, detection.box.x, -detection.confidence)
