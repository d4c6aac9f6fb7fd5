"""What is asked of stores, in spans: search, store, read photo."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from types import TracebackType

from opentelemetry.trace import Span

from facepass.adapters.telemetry.tracing.spans import Traces, note_failure
from facepass.application.ports import T, UnitOfWork, UnitOfWorkFactory
from facepass.application.ports.passing import PassingRepository, PassingUnitOfWork
from facepass.domain.embedding import TemplateSpace
from facepass.domain.gallery import Photo, PhotoId, SessionId
from facepass.domain.identification import CandidateList, Probe
from facepass.domain.ports import ImageSource, VectorRepository


class TracedImageSource(ImageSource):
    """`read photo`."""

    def __init__(self, inner: ImageSource, traces: Traces) -> None:
        self._inner = inner
        self._traces = traces

    async def read(self, key: str) -> bytes:
        """See `ImageSource.read`; the key is told to nobody."""
        with self._traces.child("read photo") as span:
            data = await self._inner.read(key)
            if span is not None:
                span.set_attribute("facepass.picture.bytes", len(data))
            return data

    def keys(self, prefix: str) -> AsyncGenerator[str, None]:
        """See `ImageSource.keys`."""
        return self._inner.keys(prefix)


class _Storing:
    """The span `store`: from the first photo that is written until the transaction holds, what is tried again too."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces
        self._span: Span | None = None

    def begin(self) -> None:
        """Something is written; nothing new where that has begun."""
        if self._span is None:
            self._span = self._traces.begin("store")

    def end(self, error: BaseException | None = None) -> None:
        """It holds, or it does not; nothing where nothing was written."""
        span, self._span = self._span, None
        if span is not None:
            if error is not None:
                note_failure(span, error)
            span.end()


class TracedRepository(PassingRepository):
    """`search`; and tells when photos are written."""

    def __init__(self, inner: VectorRepository, traces: Traces, storing: _Storing) -> None:
        super().__init__(inner)
        self._traces = traces
        self._storing = storing

    async def replace_photos(
        self, session_id: SessionId, editions: Mapping[TemplateSpace, Sequence[Photo]], *, since: int
    ) -> frozenset[PhotoId]:
        """See `VectorRepository.replace_photos`."""
        self._storing.begin()
        return await super().replace_photos(session_id, editions, since=since)

    async def candidates(
        self, session_id: SessionId, probe: Probe, *, least_cosine: float, limit: int
    ) -> CandidateList:
        """See `VectorRepository.candidates`."""
        with self._traces.child("search") as span:
            found = await super().candidates(session_id, probe, least_cosine=least_cosine, limit=limit)
            if span is not None:
                span.set_attributes({"facepass.search.mode": found.mode.value, "facepass.search.matches": found.total})
            return found


class TracedUnitOfWork(PassingUnitOfWork):
    """One whose searches and photos have spans."""

    def __init__(self, inner: UnitOfWork, traces: Traces, storing: _Storing) -> None:
        super().__init__(inner)
        self._storing = storing
        self.galleries = TracedRepository(inner.galleries, traces, storing)

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """See `UnitOfWork.__aexit__`."""
        try:
            await super().__aexit__(exc_type, exc, traceback)
        finally:
            self._storing.end(exc)

    async def commit(self) -> None:
        """See `UnitOfWork.commit`."""
        await super().commit()
        self._storing.end()


class TracedUnitOfWorkFactory(UnitOfWorkFactory):
    """Makes them where somebody looks, and lends out the inner one's where nobody does."""

    def __init__(self, inner: UnitOfWorkFactory, traces: Traces) -> None:
        self._inner = inner
        self._traces = traces

    def __call__(self) -> UnitOfWork:
        """See `UnitOfWorkFactory.__call__`."""
        unit = self._inner()
        return TracedUnitOfWork(unit, self._traces, _Storing(self._traces)) if self._traces.is_recording else unit

    async def run(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """See `UnitOfWorkFactory.run`."""
        if not self._traces.is_recording:
            return await self._inner.run(work)
        storing = _Storing(self._traces)
        try:
            result = await self._inner.run(lambda unit: work(TracedUnitOfWork(unit, self._traces, storing)))
        except BaseException as error:
            storing.end(error)
            raise
        storing.end()
        return result
