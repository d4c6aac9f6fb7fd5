"""The recogniser as the domain sees it: asynchronous, off the event loop, batched across callers."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from facepass.adapters.onnx.golden import check_recogniser, try_recogniser
from facepass.adapters.onnx.recognition.alignment import RgbArray, align
from facepass.adapters.onnx.recognition.recogniser import Recogniser
from facepass.adapters.onnx.registry.registry import Registry
from facepass.adapters.onnx.runtime.device import CPU, Device
from facepass.adapters.onnx.runtime.executor import InferenceExecutor
from facepass.adapters.onnx.runtime.micro_batcher import MicroBatcher
from facepass.domain.embedding import Calibration, Embedding, ModelId
from facepass.domain.face import Image, Landmarks
from facepass.domain.ports import EmbeddingModel

TellAlignment: TypeAlias = Callable[[int, int, int], None]
"""Told when the alignment of some faces began and ended, in nanoseconds since 1970, and of how many; in a thread."""


@dataclass(frozen=True, slots=True, eq=False)
class _Face:
    pixels: npt.NDArray[np.uint8]
    landmarks: Landmarks
    tell: TellAlignment | None


class OnnxEmbeddingModel(EmbeddingModel):
    """A recogniser of the registry in the threads of an `InferenceExecutor`, which it does not own."""

    def __init__(
        self,
        *,
        registry: Registry,
        name: str,
        workers: InferenceExecutor,
        batch_max: int,
        device: Device = CPU,
        observe_batch: Callable[[int], None] = lambda _: None,
        observe_alignment: Callable[[], TellAlignment | None] = lambda: None,
    ) -> None:
        """Load the network, see that it works on this machine, and so warm it up: about 80 ms.

        Args:
            registry: knows the model.
            name: of the recogniser; becomes the `model_id`.
            workers: where batches run.
            batch_max: faces in a batch.
            device: where the network runs.
            observe_batch: told the size of each batch.
            observe_alignment: asked by each caller of `embed`, in its context, whom to tell of its own faces; None for
                nobody.

        Raises:
            ConfigurationError: the name is unknown, or the model is missing, cannot be loaded or computes something
                else than it should.
        """
        manifest = registry.recogniser(name)
        self._model_id = ModelId(name)
        self._recogniser = Recogniser(manifest, registry.require(manifest), device=device)
        golden = registry.golden_vector(manifest)
        if golden is None:
            try_recogniser(self._recogniser)
        else:
            check_recogniser(self._recogniser, golden)
        self._template = manifest.template
        self._calibration = registry.calibration(manifest).mapping()
        self._observe_alignment = observe_alignment
        self._batcher = MicroBatcher(self._embed, workers=workers, batch_max=batch_max, observe=observe_batch)

    @property
    def model_id(self) -> ModelId:
        """What its templates are bound to."""
        return self._model_id

    @property
    def dimension(self) -> int:
        """Components of its vectors."""
        return self._recogniser.manifest.dimension

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
        tell = self._observe_alignment()
        return tuple(await self._batcher.submit([_Face(image.pixels, landmarks, tell) for landmarks in faces]))

    async def close(self) -> None:
        """Fail the faces that wait, and return when the running batches have ended."""
        await self._batcher.close()

    def _embed(self, faces: Sequence[_Face]) -> list[Embedding]:
        chips = np.stack(list(self._aligned(faces)))
        return [Embedding(self._model_id, vector.copy()) for vector in self._recogniser.embed(chips)]

    def _aligned(self, faces: Sequence[_Face]) -> Iterator[RgbArray]:
        """Their chips. A batch serves several callers, whose faces stand side by side: each is told of its own."""
        for tell, own in itertools.groupby(faces, lambda face: face.tell):
            begun_ns = time.time_ns()
            chips = [align(face.pixels, face.landmarks, self._template) for face in own]
            if tell is not None:
                tell(begun_ns, time.time_ns(), len(chips))
            yield from chips
