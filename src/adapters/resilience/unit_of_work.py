"""Units of work, refused at once while the database is away. Policy: closed, for nothing is true without it.

A unit is one call, from its beginning to its end: only its end says how it went, for taking a connection from a pool
asks nobody anything. What is done again inside `run` is done again inside the call: the breaker sees what came of it.
"""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from facepass.adapters.resilience.breaker import Call, CircuitBreaker
from facepass.application.ports import T, UnitOfWork, UnitOfWorkFactory
from facepass.application.ports.passing import PassingUnitOfWork


class GuardedUnitOfWork(PassingUnitOfWork):
    """A unit of work that the breaker hears of.

    Args:
        inner: does the work.
        breaker: of its database.
    """

    def __init__(self, inner: UnitOfWork, breaker: CircuitBreaker) -> None:
        super().__init__(inner)
        self._breaker = breaker
        self._call: Call | None = None

    async def __aenter__(self) -> Self:
        """See `UnitOfWork.__aenter__`."""
        self._call = await self._breaker.enter()
        try:
            return await super().__aenter__()
        except BaseException as error:
            self._settle(error)
            raise

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """See `UnitOfWork.__aexit__`."""
        try:
            await super().__aexit__(exc_type, exc, traceback)
        finally:
            self._settle(exc)

    async def commit(self) -> None:
        """See `UnitOfWork.commit`; one that fails is told at once, lest the block deals with the error itself."""
        try:
            await super().commit()
        except BaseException as error:
            self._settle(error)
            raise

    def _settle(self, error: BaseException | None) -> None:
        """Once for each unit."""
        call, self._call = self._call, None
        if call is not None:
            self._breaker.settle(call, error)


class GuardedUnitOfWorkFactory(UnitOfWorkFactory):
    """Makes units of work while the breaker lets it.

    Args:
        inner: makes them.
        breaker: of their database.
    """

    def __init__(self, inner: UnitOfWorkFactory, breaker: CircuitBreaker) -> None:
        self._inner = inner
        self._breaker = breaker

    def __call__(self) -> UnitOfWork:
        """See `UnitOfWorkFactory.__call__`."""
        return GuardedUnitOfWork(self._inner(), self._breaker)

    async def run(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """See `UnitOfWorkFactory.run`."""
        async with self._breaker.guarding():
            return await self._inner.run(work)
