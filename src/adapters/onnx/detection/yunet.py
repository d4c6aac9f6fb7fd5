"""YuNet, one look at a time, from its official file of fixed input size.

Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023. It has no anchors: each cell of three grids
says whether a face's centre lies near it and, in cells, where its box and its landmarks are.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

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

STRIDES: Final = (8, 16, 32)
OUTPUTS: Final = tuple(f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in STRIDES)
_NO_MEAN: Final = (0.0, 0.0, 0.0)
_GREATEST_LOG_SIZE: Final = np.float32(8.0)
_POINTS: Final = 5


class YuNet(Network):
    """The network."""

    overlap = 0.3
    least_face_px = 20.0
    sure_score = 0.9

    def __init__(
        self, model: Path, *, score_threshold: float = 0.7, intra_op_threads: int = 1, device: Device = CPU
    ) -> None:
        """Load it, and let it take pictures of any size.

        Args:
            model: the official `face_detection_yunet_2023mar.onnx`, or a graph with the same inputs and outputs.
            score_threshold: least score of a face, 0 to 1, inclusive.
            intra_op_threads: threads that share one look.
            device: where it runs.

        Raises:
            ConfigurationError: the file is no such graph, or the runtime refuses it.
        """
        # The `onnx` package is slow to import, and other detectors do without it.
        from facepass.adapters.onnx.detection.yunet_graph import with_free_size  # noqa: PLC0415

        self._session = Session(
            with_free_size(model, OUTPUTS), intra_op_threads=intra_op_threads, varying_shapes=True, device=device
        )
        self._score_threshold = score_threshold

    def look(self, pixels: RgbArray, *, border: tuple[int, int] = (0, 0)) -> Candidates:
        """See `Network.look`; the border is black, as the filling at the right and the bottom always is."""
        blob = input_blob(pixels, border=border, grid=max(STRIDES), bgr_mean=_NO_MEAN)
        outputs = [output[0] for output in self._session.run_named(blob, list(OUTPUTS))]
        levels = len(STRIDES)
        parts = [
            self._of_level(outputs[level::levels], stride, columns=blob.shape[3] // stride)
            for level, stride in enumerate(STRIDES)
        ]
        found = Candidates.joined(parts)
        return found.take(likely(found.scores, self._score_threshold)).moved(-border[0], -border[1])

    def _of_level(self, outputs: Sequence[FloatArray], stride: int, *, columns: int) -> Candidates:
        classes, objects, sizes, points = outputs
        scores = np.sqrt(np.clip(classes[:, 0], 0, 1) * np.clip(objects[:, 0], 0, 1))
        chosen = likely(scores, self._score_threshold)
        cells = np.stack([chosen % columns, chosen // columns], axis=1).astype(np.float32)
        centres = (cells + sizes[chosen, :2]) * stride
        # exp of an absurd regression would overflow: no face is e^8 cells wide.
        halves = np.exp(np.minimum(sizes[chosen, 2:], _GREATEST_LOG_SIZE)) * (stride / 2)
        landmarks = (cells[:, None, :] + points[chosen].reshape(-1, _POINTS, 2)) * stride
        boxes = np.concatenate([centres - halves, centres + halves], axis=1)
        return Candidates(boxes.astype(np.float32), landmarks.astype(np.float32), scores[chosen])
