"""Units of work, refused at once while the database is away. Policy: closed, for nothing is true without it.

A unit is one call, from its beginning to its end: only its end says how it went, for taking a connection from a pool
asks nobody anything. What is done again inside `run` is done again inside the call: the breaker sees what came of it.
"""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from facepass.adapters.resilience.breaker import Call, CircuitBreaker
from facepass.application.ports import T, UnitOfWork, UnitOfWorkFactory


class GuardedUnitOfWork(UnitOfWork):
    """A unit of work that the breaker hears of.

    Args:
        inner: does the work.
        breaker: of its database.
    """

    def __init__(self, inner: UnitOfWork, breaker: CircuitBreaker) -> None:
        self._inner = inner
        self._breaker = breaker
        self._call: Call | None = None
        self.galleries = inner.galleries
        self.changes = inner.changes
        self.catalogue = inner.catalogue
        self.audit = inner.audit
        self.keys = inner.keys
        self.token_uses = inner.token_uses
        self.jobs = inner.jobs

    async def __aenter__(self) -> Self:
        """See `UnitOfWork.__aenter__`."""
        self._call = await self._breaker.enter()
        try:
            await self._inner.__aenter__()
        except BaseException as error:
            self._settle(error)
            raise
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """See `UnitOfWork.__aexit__`."""
        try:
            await self._inner.__aexit__(exc_type, exc, traceback)
        finally:
            self._settle(exc)

    async def commit(self) -> None:
        """See `UnitOfWork.commit`; one that fails is told at once, lest the block deals with the error itself."""
        try:
            await self._inner.commit()
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
