"""Units of work that count what they did, once it holds."""

from collections.abc import Awaitable, Callable
from types import TracebackType

from facepass.adapters.telemetry.galleries import MeteredRepository
from facepass.adapters.telemetry.jobs import MeteredJobStore
from facepass.adapters.telemetry.store_metrics import StoreMetrics, Tally
from facepass.application.ports import Clock, T, UnitOfWork, UnitOfWorkFactory
from facepass.application.ports.passing import PassingUnitOfWork


class MeteredUnitOfWork(PassingUnitOfWork):
    """A unit of work whose galleries and jobs are metered.

    Args:
        inner: does the work.
        tally: of what it writes.
        metrics: for what is counted at once.
        clock: measures.
    """

    def __init__(self, inner: UnitOfWork, *, tally: Tally, metrics: StoreMetrics, clock: Clock) -> None:
        super().__init__(inner)
        self._tally = tally
        self.galleries = MeteredRepository(inner.galleries, tally=tally, metrics=metrics, clock=clock)
        self.jobs = MeteredJobStore(inner.jobs, tally=tally)

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """See `UnitOfWork.__aexit__`."""
        self._tally.forget()
        await super().__aexit__(exc_type, exc, traceback)

    async def commit(self) -> None:
        """See `UnitOfWork.commit`."""
        await super().commit()
        self._tally.holds()


class MeteredUnitOfWorkFactory(UnitOfWorkFactory):
    """Makes metered units of work.

    Args:
        inner: makes them.
        metrics: where they are counted.
        clock: measures.
    """

    def __init__(self, inner: UnitOfWorkFactory, *, metrics: StoreMetrics, clock: Clock) -> None:
        self._inner = inner
        self._metrics = metrics
        self._clock = clock

    def __call__(self) -> UnitOfWork:
        """See `UnitOfWorkFactory.__call__`."""
        return self._metered(self._inner(), Tally(self._metrics))

    async def run(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """See `UnitOfWorkFactory.run`; of work that is done again, only what held is counted."""
        tally = Tally(self._metrics)

        async def metered(inner: UnitOfWork) -> T:
            tally.forget()
            return await work(self._metered(inner, tally))

        result = await self._inner.run(metered)
        tally.holds()
        return result

    def _metered(self, inner: UnitOfWork, tally: Tally) -> MeteredUnitOfWork:
        return MeteredUnitOfWork(inner, tally=tally, metrics=self._metrics, clock=self._clock)
