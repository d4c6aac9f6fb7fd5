"""Turns aligned faces into unit vectors with dlib's ResNet-29."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from facepass.adapters.onnx.session import FloatArray, Session

DIMENSION = 128


class Recogniser:
    """The recogniser. Safe to call from several threads at once."""

    def __init__(self, model: Path, *, intra_op_threads: int = 1) -> None:
        """Load the network.

        Args:
            model: an ONNX file that `dlib_graph` or `quantise` has built.
            intra_op_threads: threads that share one batch.

        Raises:
            ConfigurationError: the runtime refuses the model.
        """
        self._session = Session(model, intra_op_threads=intra_op_threads, varying_shapes=False)

    def embed(self, chips: npt.NDArray[np.uint8]) -> FloatArray:
        """`(n, 128)` float32 of norm 1: the sum of what the network says of each chip and of its mirror image.

        Args:
            chips: `(n, 150, 150, 3)` uint8 RGB, aligned to `alignment.DLIB_TEMPLATE`.
        """
        count = len(chips)
        batch = np.empty((2 * count, 3, *chips.shape[1:3]), dtype=np.float32)
        batch[:count] = chips.transpose(0, 3, 1, 2)
        batch[count:] = batch[:count, :, :, ::-1]
        (raw,) = self._session.run(batch)
        sums = raw[:count].astype(np.float64) + raw[count:]
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        unit: FloatArray = (sums / np.maximum(norms, np.finfo(np.float64).tiny)).astype(np.float32)
        return unit
