"""The recogniser as the domain sees it: asynchronous, off the event loop, batched across callers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facepass.adapters.onnx.alignment import DLIB_TEMPLATE, align
from facepass.adapters.onnx.calibration import DLIB_CALIBRATION
from facepass.adapters.onnx.executor import InferenceExecutor
from facepass.adapters.onnx.golden import check_recogniser
from facepass.adapters.onnx.micro_batcher import MicroBatcher
from facepass.adapters.onnx.prepare import FLOAT_FILE, INT8_FILE
from facepass.adapters.onnx.recogniser import DIMENSION, Recogniser
from facepass.domain.embedding import Calibration, Embedding, ModelId
from facepass.domain.errors import ConfigurationError
from facepass.domain.face import Image, Landmarks
from facepass.domain.ports import EmbeddingModel

_FILES = {"dlib-resnet29-int8": INT8_FILE, "dlib-resnet29-fp32": FLOAT_FILE}


@dataclass(frozen=True, slots=True, eq=False)
class _Face:
    pixels: npt.NDArray[np.uint8]
    landmarks: Landmarks


class OnnxEmbeddingModel(EmbeddingModel):
    """dlib's ResNet-29 in the threads of an `InferenceExecutor`, which it does not own."""

    def __init__(
        self,
        *,
        models_dir: Path,
        name: str,
        workers: InferenceExecutor,
        batch_max: int,
        calibration: Calibration = DLIB_CALIBRATION,
    ) -> None:
        """Load the network, see that it works on this machine, and so warm it up: about 80 ms.

        Args:
            models_dir: where `prepare_models` has left the models.
            name: `dlib-resnet29-int8` or `dlib-resnet29-fp32`; becomes the `model_id`.
            workers: where batches run.
            batch_max: faces in a batch.
            calibration: of the recogniser's cosine.

        Raises:
            ConfigurationError: the name is unknown, or the model is missing, cannot be loaded or computes something
                else than it should.
        """
        file = _FILES.get(name)
        if file is None:
            raise ConfigurationError(f"There is no recogniser {name!r}; there are {', '.join(sorted(_FILES))}.")
        self._model_id = ModelId(name)
        self._recogniser = Recogniser(models_dir / file)
        check_recogniser(self._recogniser, self._model_id)
        self._calibration = calibration
        self._batcher = MicroBatcher(self._embed, workers=workers, batch_max=batch_max)

    @property
    def model_id(self) -> ModelId:
        """What its templates are bound to."""
        return self._model_id

    @property
    def dimension(self) -> int:
        """128."""
        return DIMENSION

    @property
    def calibration(self) -> Calibration:
        """From its cosine to similarity."""
        return self._calibration

    async def embed(self, image: Image, faces: Sequence[Landmarks]) -> tuple[Embedding, ...]:
        """One template a face, in order; `faces` in the pixels of `image.pixels`.

        Raises:
            LowQualityFace: the landmarks of a face coincide.
            Overloaded: the service stops.
        """
        return tuple(await self._batcher.submit([_Face(image.pixels, landmarks) for landmarks in faces]))

    async def close(self) -> None:
        """Fail the faces that wait, and return when the running batches have ended."""
        await self._batcher.close()

    def _embed(self, faces: Sequence[_Face]) -> list[Embedding]:
        chips = np.stack([align(face.pixels, face.landmarks, DLIB_TEMPLATE) for face in faces])
        return [Embedding(self._model_id, vector.copy()) for vector in self._recogniser.embed(chips)]
