"""From bytes to templates, in spans: admission, decode, detect, assess, embed, and live frames as a whole."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from opentelemetry.trace import Span

from facepass.adapters.telemetry.tracing.spans import Traces
from facepass.application.detect_faces import DetectedFaces, FindFaces
from facepass.application.ports import (
    Admission,
    EmbeddingModels,
    FaceDetector,
    ImageDecoder,
    ImageLimits,
    PictureFile,
    QualityAssessor,
    WorkKind,
)
from facepass.application.ports.passing import PassingModel
from facepass.domain.embedding import Embedding, TemplateSpace
from facepass.domain.face import Detection, Image, Landmarks, Quality
from facepass.domain.ports import EmbeddingModel

FACES = "facepass.faces"


class TracedAdmission(Admission):
    """`admission`: from asking for a place to having it. What is done in the place has spans of its own."""

    def __init__(self, inner: Admission, traces: Traces) -> None:
        self._inner = inner
        self._traces = traces

    def admit(self, kind: WorkKind, *, begun: bool = False) -> AbstractAsyncContextManager[None]:
        """See `Admission.admit`."""
        if not self._traces.is_recording:
            return self._inner.admit(kind, begun=begun)
        return self._admit(kind, begun=begun)

    def check(self, kind: WorkKind) -> None:
        """See `Admission.check`."""
        self._inner.check(kind)

    @asynccontextmanager
    async def _admit(self, kind: WorkKind, *, begun: bool) -> AsyncIterator[None]:
        async with AsyncExitStack() as place:
            with self._traces.child("admission", {"facepass.work": kind.value}):
                await place.enter_async_context(self._inner.admit(kind, begun=begun))
            yield


class TracedDecoder(ImageDecoder):
    """`decode`."""

    def __init__(self, inner: ImageDecoder, traces: Traces) -> None:
        self._inner = inner
        self._traces = traces

    async def decode(self, data: bytes, limits: ImageLimits) -> Image:
        """See `ImageDecoder.decode`."""
        with self._traces.child("decode", {"facepass.picture.bytes": len(data)}) as span:
            image = await self._inner.decode(data, limits)
            _tell(span, "facepass.picture.pixels", image.size.width * image.size.height)
            return image


class TracedDetector(FaceDetector):
    """`detect`."""

    def __init__(self, inner: FaceDetector, traces: Traces) -> None:
        self._inner = inner
        self._traces = traces

    @property
    def name(self) -> str:
        """See `FaceDetector.name`."""
        return self._inner.name

    async def detect(self, image: Image, *, any_rotation: bool = False) -> tuple[Detection, ...]:
        """See `FaceDetector.detect`."""
        with self._traces.child("detect", {"facepass.model": self.name}) as span:
            found = await self._inner.detect(image, any_rotation=any_rotation)
            _tell(span, FACES, len(found))
            return found


class TracedAssessor(QualityAssessor):
    """`assess`."""

    def __init__(self, inner: QualityAssessor, traces: Traces) -> None:
        self._inner = inner
        self._traces = traces

    async def assess(self, image: Image, detections: Sequence[Detection]) -> tuple[Quality, ...]:
        """See `QualityAssessor.assess`."""
        with self._traces.child("assess", {FACES: len(detections)}):
            return await self._inner.assess(image, detections)


class TracedModel(PassingModel):
    """`embed`; a model that knows of alignment adds `align` below it."""

    def __init__(self, inner: EmbeddingModel, traces: Traces) -> None:
        super().__init__(inner)
        self._traces = traces

    async def embed(self, image: Image, faces: Sequence[Landmarks]) -> tuple[Embedding, ...]:
        """See `EmbeddingModel.embed`."""
        with self._traces.child("embed", {"facepass.model": str(self.model_id), FACES: len(faces)}):
            return await super().embed(image, faces)


class TracedModels(EmbeddingModels):
    """Hands out models that are traced."""

    def __init__(self, inner: EmbeddingModels, traces: Traces) -> None:
        self._inner = inner
        self._traces = traces

    @property
    def default(self) -> EmbeddingModel:
        """See `EmbeddingModels.default`."""
        return TracedModel(self._inner.default, self._traces)

    async def get(self, space: TemplateSpace) -> EmbeddingModel:
        """See `EmbeddingModels.get`."""
        return TracedModel(await self._inner.get(space), self._traces)


class TracedFrames(FindFaces):
    """`live frame`, a trace of its own: a WebSocket lasts for hours, and its frames would make one endless trace."""

    def __init__(self, inner: FindFaces, traces: Traces) -> None:
        self._inner = inner
        self._traces = traces

    async def __call__(
        self, data: PictureFile, limits: ImageLimits, *, kind: WorkKind = WorkKind.DETECT
    ) -> DetectedFaces:
        """See `DetectFaces`."""
        with self._traces.root("live frame", linked=True):
            return await self._inner(data, limits, kind=kind)


def _tell(span: Span | None, name: str, value: int) -> None:
    if span is not None:
        span.set_attribute(name, value)
