"""RetinaFace-MobileNet0.25, one look at a time (Deng et al., 2019).

It sees faces best between about 24 and 400 pixels: beyond that its landmarks wander, and it takes parts of a face for
faces.
"""

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

from facepass.adapters.onnx.detection.anchors import STRIDES, decode_boxes, decode_landmarks, make_anchors
from facepass.adapters.onnx.detection.network import (
    Candidates,
    FloatArray,
    Network,
    RgbArray,
    input_blob,
    likely,
)
from facepass.adapters.onnx.runtime.device import CPU, Device
from facepass.adapters.onnx.runtime.session import Session

_BGR_MEAN: Final = (104.0, 117.0, 123.0)
_MAX_CACHED_ANCHORS: Final = 16


class RetinaFace(Network):
    """The network."""

    overlap = 0.4
    least_face_px = 24.0
    sure_score = 0.99

    def __init__(
        self, model: Path, *, score_threshold: float = 0.8, intra_op_threads: int = 1, device: Device = CPU
    ) -> None:
        """Load it.

        Args:
            model: `retinaface-mnet025.onnx`.
            score_threshold: least score of a face, 0 to 1, inclusive.
            intra_op_threads: threads that share one look.
            device: where it runs.

        Raises:
            ConfigurationError: the runtime refuses the model.
        """
        self._session = Session(model, intra_op_threads=intra_op_threads, varying_shapes=True, device=device)
        self._score_threshold = score_threshold
        self._anchors = _AnchorCache()

    def look(self, pixels: RgbArray, *, border: tuple[int, int] = (0, 0)) -> Candidates:
        """See `Network.look`; the border has the mean colour."""
        blob = input_blob(pixels, border=border, grid=max(STRIDES), bgr_mean=_BGR_MEAN)
        locations, class_scores, points = (output[0] for output in self._session.run(blob))
        scores = class_scores[:, 1]
        chosen = likely(scores, self._score_threshold)
        anchors = self._anchors.of(blob.shape[2], blob.shape[3])[chosen]
        return Candidates(
            decode_boxes(locations[chosen], anchors), decode_landmarks(points[chosen], anchors), scores[chosen]
        ).moved(-border[0], -border[1])


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
