"""Turns aligned faces into unit vectors, with whatever network a manifest describes."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from facepass.adapters.onnx.registry.manifest import RecogniserManifest
from facepass.adapters.onnx.runtime.device import CPU, Device
from facepass.adapters.onnx.runtime.session import FloatArray, Session
from facepass.domain.errors import ConfigurationError

RgbArray = npt.NDArray[np.uint8]

_IMAGE_SIZES = len(("batch", "channels", "height", "width"))
_VECTOR_SIZES = len(("batch", "dimension"))


class Recogniser:
    """A recogniser. Safe to call from several threads at once.

    Attributes:
        manifest: what is known of it.
    """

    def __init__(
        self, manifest: RecogniserManifest, model: Path, *, intra_op_threads: int = 1, device: Device = CPU
    ) -> None:
        """Load the network.

        Args:
            manifest: of the model.
            model: its ONNX file.
            intra_op_threads: threads that share one batch.
            device: where it runs.

        Raises:
            ConfigurationError: the runtime refuses the model, or its input or output do not fit the manifest.
        """
        self.manifest = manifest
        self._session = Session(model, intra_op_threads=intra_op_threads, varying_shapes=False, device=device)
        self._one_at_a_time = _check_shapes(self._session, manifest)
        layout = manifest.input
        self._mean = np.array(layout.mean, dtype=np.float32).reshape(3, 1, 1)
        self._deviation = np.array(layout.deviation, dtype=np.float32).reshape(3, 1, 1)
        self._plain = not self._mean.any() and bool((self._deviation == 1.0).all())

    def embed(self, chips: RgbArray) -> FloatArray:
        """`(n, dimension)` float32 of norm 1; with mirroring, of the sum over each chip and its mirror image.

        Args:
            chips: `(n, side, side, 3)` uint8 RGB, aligned to the manifest's template.
        """
        count = len(chips)
        raw = self._run(self.network_input(chips))
        sums = raw[:count].astype(np.float64)
        if self.manifest.mirror:
            sums += raw[count:]
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        unit: FloatArray = (sums / np.maximum(norms, np.finfo(np.float64).tiny)).astype(np.float32)
        return unit

    def network_input(self, chips: RgbArray) -> FloatArray:
        """What the network reads, `(n, 3, side, side)` float32; with mirroring 2n, the mirror images at the end."""
        count = len(chips)
        batch = np.empty(((2 if self.manifest.mirror else 1) * count, 3, *chips.shape[1:3]), dtype=np.float32)
        ordered = chips if self.manifest.input.colour == "RGB" else chips[..., ::-1]
        batch[:count] = ordered.transpose(0, 3, 1, 2)
        if not self._plain:
            batch[:count] = (batch[:count] - self._mean) / self._deviation
        if self.manifest.mirror:
            batch[count:] = batch[:count, :, :, ::-1]
        return batch

    def _run(self, batch: FloatArray) -> FloatArray:
        if self._one_at_a_time:
            return np.concatenate([self._session.run(one[None])[0] for one in batch])
        return self._session.run(batch)[0]


def _check_shapes(session: Session, manifest: RecogniserManifest) -> bool:
    """Whether the network takes one face at a time.

    Raises:
        ConfigurationError: it takes or gives something else than the manifest says.
    """
    side, found = manifest.template.side, session.input_shape
    if len(found) != _IMAGE_SIZES or any(
        size not in {wanted, None} for size, wanted in zip(found[1:], (3, side, side), strict=True)
    ):
        raise ConfigurationError(
            f"The model {manifest.name} takes an input of {_shape(found)}, its manifest says n×3×{side}×{side}."
        )
    if found[0] not in {1, None}:
        raise ConfigurationError(
            f"The model {manifest.name} takes exactly {found[0]} faces at a time; it must be one, or any number."
        )
    output = session.output_shapes[0]
    # Some exporters declare one vector whatever the batch, as InsightFace's did: what counts is what comes out.
    if (
        len(session.output_shapes) != 1
        or len(output) != _VECTOR_SIZES
        or output[0] not in {1, None}
        or output[1] not in {manifest.dimension, None}
    ):
        outputs = ", ".join(map(_shape, session.output_shapes))
        raise ConfigurationError(
            f"The model {manifest.name} gives {outputs}, its manifest says n×{manifest.dimension}."
        )
    return found[0] == 1


def _shape(sizes: tuple[int | None, ...]) -> str:
    return "×".join("n" if size is None else str(size) for size in sizes)
