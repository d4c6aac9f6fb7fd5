"""Admission to inference, measured."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from facepass.application.ports import Admission, Clock, WorkKind
from facepass.domain.errors import Overloaded

WAIT_BUCKETS_S = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 5.0, 10.0, 30.0, 60.0)


class MeteredAdmission(Admission):
    """Tells who waits, who is at work and who was sent away, by kind.

    Metrics: `admission_waiting`, `admission_running`, `admission_refused_total`; `admission_wait_seconds` of those who
    were let in.

    Args:
        inner: lets in.
        clock: measures waits.
        registry: where the metrics are registered.
    """

    def __init__(self, inner: Admission, *, clock: Clock, registry: CollectorRegistry) -> None:
        self._inner = inner
        self._clock = clock
        waiting = Gauge("admission_waiting", "Pictures that wait for a place.", ["kind"], registry=registry)
        running = Gauge("admission_running", "Pictures that are worked on.", ["kind"], registry=registry)
        refused = Counter("admission_refused", "Pictures that were sent away (503).", ["kind"], registry=registry)
        wait = Histogram(
            "admission_wait_seconds",
            "How long pictures waited for their place.",
            ["kind"],
            buckets=WAIT_BUCKETS_S,
            registry=registry,
        )
        self._waiting = {kind: waiting.labels(kind.value) for kind in WorkKind}
        self._running = {kind: running.labels(kind.value) for kind in WorkKind}
        self._refused = {kind: refused.labels(kind.value) for kind in WorkKind}
        self._wait = {kind: wait.labels(kind.value) for kind in WorkKind}

    def admit(self, kind: WorkKind, *, begun: bool = False) -> AbstractAsyncContextManager[None]:
        """See `Admission.admit`."""
        return self._admit(kind, begun=begun)

    def check(self, kind: WorkKind) -> None:
        """See `Admission.check`."""
        try:
            self._inner.check(kind)
        except Overloaded:
            self._refused[kind].inc()
            raise

    @asynccontextmanager
    async def _admit(self, kind: WorkKind, *, begun: bool) -> AsyncIterator[None]:
        started_s = self._clock.elapsed_s()
        async with AsyncExitStack() as stack:
            try:
                with self._waiting[kind].track_inprogress():
                    await stack.enter_async_context(self._inner.admit(kind, begun=begun))
            except Overloaded:
                self._refused[kind].inc()
                raise
            self._wait[kind].observe(self._clock.elapsed_s() - started_s)
            with self._running[kind].track_inprogress():
                yield
