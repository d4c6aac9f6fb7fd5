"""The queue of units in memory: a line, and tasks that take from it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from facepass.adapters.memory.store import InMemoryStore
from facepass.application.ports import JobQueue
from facepass.domain.job import UnitRef


class InMemoryJobQueue(JobQueue):
    """Over the line of a store."""

    def __init__(self, store: InMemoryStore) -> None:
        self._store = store

    def open(
        self, handle: Callable[[UnitRef], Awaitable[None]], *, concurrency: int
    ) -> AbstractAsyncContextManager[None]:
        """See `JobQueue.open`. In memory there is no grace: what is in hand goes back into the line."""
        return self._open(handle, concurrency)

    @asynccontextmanager
    async def _open(self, handle: Callable[[UnitRef], Awaitable[None]], concurrency: int) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self._work(handle)) for _ in range(concurrency)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _work(self, handle: Callable[[UnitRef], Awaitable[None]]) -> None:
        while True:
            if not self._store.queued_units:
                self._store.unit_queued.clear()
                await self._store.unit_queued.wait()
                continue
            ref = self._store.queued_units.popleft()
            try:
                await handle(ref)
            except asyncio.CancelledError:
                self._store.queued_units.appendleft(ref)
                raise
            except Exception:  # noqa: BLE001 - whatever it was, it is handed out again, after the others
                self._store.queued_units.append(ref)
                await asyncio.sleep(0)
