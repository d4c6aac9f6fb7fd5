"""From bytes to templates, measured step by step: what a picture cost, and what was found in it.

A step is timed as its caller sees it, with the wait for a thread and for the batch it is computed in. Steps that fail
are not: an unreadable file says nothing of how long decoding takes.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, Info

from facepass.application.ports import (
    Clock,
    EmbeddingModels,
    FaceDetector,
    ImageDecoder,
    ImageLimits,
    QualityAssessor,
)
from facepass.application.ports.passing import PassingModel
from facepass.domain.embedding import Embedding, ModelId, TemplateSpace
from facepass.domain.face import Detection, Image, Landmarks, Quality
from facepass.domain.ports import EmbeddingModel

BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Step(StrEnum):
    """Values of the label `step`."""

    DECODE = "decode"
    DETECT = "detect"
    ASSESS = "assess"
    EMBED = "embed"


class VisionMetrics:
    """`inference_seconds`, `faces_detected_total`, `embeddings_total` and `facepass_model_info`.

    Labels name models of this service's registry, and only those that it has loaded.
    """

    def __init__(self, *, clock: Clock, device: str, registry: CollectorRegistry) -> None:
        """Of one process.

        Args:
            clock: measures.
            device: where models run.
            registry: where the metrics are registered.
        """
        self._clock = clock
        self._device = device
        self._faces = Counter("faces_detected_total", "Faces found in pictures.", registry=registry)
        self._embeddings = Counter("embeddings_total", "Templates made, by model.", ["model"], registry=registry)
        self._models = Info(
            "facepass_model",
            "1 for each model that is loaded, as labels: its role (recogniser, detector), name, dimension and device.",
            ["role", "model"],
            registry=registry,
        )
        seconds = Histogram(
            "inference_seconds",
            "How long a step (decode, detect, assess, embed) took for one picture, waiting included.",
            ["step"],
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._seconds = {step: seconds.labels(step.value) for step in Step}

    @contextmanager
    def timing(self, step: Step) -> Iterator[None]:
        """Time what is done inside, unless it fails."""
        begun_s = self._clock.elapsed_s()
        yield
        self._seconds[step].observe(self._clock.elapsed_s() - begun_s)

    def found(self, faces: int) -> None:
        """Count faces."""
        self._faces.inc(faces)

    def embedded(self, model: ModelId, faces: int) -> None:
        """Count templates."""
        self._embeddings.labels(model).inc(faces)

    def detector_loaded(self, name: str) -> None:
        """Tell of a detector."""
        self._models.labels("detector", name).info({"dimension": "", "device": self._device})

    def recogniser_loaded(self, space: TemplateSpace) -> None:
        """Tell of a recogniser; its count of templates is there from now on."""
        self._models.labels("recogniser", space.model).info({"dimension": str(space.dimension), "device": self._device})
        self._embeddings.labels(space.model)


class MeteredDecoder(ImageDecoder):
    """Times decoding."""

    def __init__(self, inner: ImageDecoder, metrics: VisionMetrics) -> None:
        self._inner = inner
        self._metrics = metrics

    async def decode(self, data: bytes, limits: ImageLimits) -> Image:
        """See `ImageDecoder.decode`."""
        with self._metrics.timing(Step.DECODE):
            return await self._inner.decode(data, limits)


class MeteredDetector(FaceDetector):
    """Times detection, and counts faces."""

    def __init__(self, inner: FaceDetector, metrics: VisionMetrics) -> None:
        self._inner = inner
        self._metrics = metrics
        metrics.detector_loaded(inner.name)

    @property
    def name(self) -> str:
        """See `FaceDetector.name`."""
        return self._inner.name

    async def detect(self, image: Image, *, any_rotation: bool = False) -> tuple[Detection, ...]:
        """See `FaceDetector.detect`."""
        with self._metrics.timing(Step.DETECT):
            found = await self._inner.detect(image, any_rotation=any_rotation)
        self._metrics.found(len(found))
        return found


class MeteredAssessor(QualityAssessor):
    """Times the assessment of quality."""

    def __init__(self, inner: QualityAssessor, metrics: VisionMetrics) -> None:
        self._inner = inner
        self._metrics = metrics

    async def assess(self, image: Image, detections: Sequence[Detection]) -> tuple[Quality, ...]:
        """See `QualityAssessor.assess`."""
        with self._metrics.timing(Step.ASSESS):
            return await self._inner.assess(image, detections)


class MeteredModel(PassingModel):
    """Times embedding, and counts templates."""

    def __init__(self, inner: EmbeddingModel, metrics: VisionMetrics) -> None:
        super().__init__(inner)
        self._metrics = metrics
        metrics.recogniser_loaded(inner.space)

    async def embed(self, image: Image, faces: Sequence[Landmarks]) -> tuple[Embedding, ...]:
        """See `EmbeddingModel.embed`."""
        with self._metrics.timing(Step.EMBED):
            embeddings = await super().embed(image, faces)
        self._metrics.embedded(self.model_id, len(embeddings))
        return embeddings


class MeteredModels(EmbeddingModels):
    """Gives out metered models."""

    def __init__(self, inner: EmbeddingModels, metrics: VisionMetrics) -> None:
        self._inner = inner
        self._metrics = metrics
        self._default = MeteredModel(inner.default, metrics)
        self._metered: dict[TemplateSpace, MeteredModel] = {self._default.space: self._default}

    @property
    def default(self) -> EmbeddingModel:
        """See `EmbeddingModels.default`."""
        return self._default

    async def get(self, space: TemplateSpace) -> EmbeddingModel:
        """See `EmbeddingModels.get`."""
        model = await self._inner.get(space)
        if space not in self._metered:
            self._metered[space] = MeteredModel(model, self._metrics)
        return self._metered[space]
