"""Sessions in memory, within a budget of bytes, each loaded once however many ask for it."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from facepass.adapters.pgvector.in_memory.matrix import SessionMatrix

Key: TypeAlias = tuple[int, int]
"""Session pk and model pk."""

Load: TypeAlias = Callable[[SessionMatrix | None, int | None], Awaitable[tuple[SessionMatrix, int]]]
"""Brings a session up to date: from the snapshot held and its revision, or from nothing; the new ones."""


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    matrix: SessionMatrix
    revision: int
    nbytes: int


@dataclass(slots=True, eq=False)
class _Flight:
    """One load that is under way, and how many wait for it."""

    task: asyncio.Task[_Entry]
    waiters: int = 0


class SessionCache:
    """Keeps the sessions that were asked for last. Belongs to one event loop.

    The budget is for what is kept; a search holds on to its own snapshot for as long as it runs, also one that has
    been replaced or dropped meanwhile, and a load may hold the old and the new one.
    """

    def __init__(self, max_bytes: int) -> None:
        if max_bytes < 0:
            raise ValueError(f"a cache holds 0 bytes or more, not {max_bytes}")
        self._max_bytes = max_bytes
        self._nbytes = 0
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._flights: dict[Key, _Flight] = {}

    @property
    def nbytes(self) -> int:
        """What is kept, `max_bytes` at most."""
        return self._nbytes

    @property
    def entries(self) -> int:
        """Number of sessions kept."""
        return len(self._entries)

    async def get(self, key: Key, revision: int, load: Load) -> SessionMatrix:
        """The session at `revision` or a newer one.

        All who ask while it is loaded share one load: that of whoever came first. So `load` must not use what belongs
        to its caller alone, such as a connection, because the caller may leave before the others. It runs on for as
        long as anybody waits for it and is cancelled with the last one. What it fails with, all of them get; nothing
        is kept then, and the next one to ask tries again.
        """
        joined = False
        while True:
            entry = self._entries.get(key)
            if entry is not None and entry.revision >= revision:
                self._entries.move_to_end(key)
                return entry.matrix
            flight = self._flights.get(key)
            began_before = flight is not None and not joined
            entry = await self._landed(key, flight or self._begin(key, load))
            # a load that began before this call may have read an older revision; the next one cannot
            if entry.revision >= revision or not began_before:
                return entry.matrix
            joined = True

    def discard(self, key: Key) -> None:
        """Keep the session no longer, nor what is being loaded of it; those who wait for that still get it."""
        self._flights.pop(key, None)
        self._drop(key)

    def _begin(self, key: Key, load: Load) -> _Flight:
        held = self._entries.get(key)
        task = asyncio.create_task(_loaded(load, held))
        flight = self._flights[key] = _Flight(task)
        task.add_done_callback(lambda _: self._land(key, flight))
        return flight

    async def _landed(self, key: Key, flight: _Flight) -> _Entry:
        flight.waiters += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiters -= 1
            if not flight.waiters and not flight.task.done():
                flight.task.cancel()
                if self._flights.get(key) is flight:  # nobody is to join a load that is being cancelled
                    del self._flights[key]

    def _land(self, key: Key, flight: _Flight) -> None:
        """Keep what was loaded, unless it failed or was discarded."""
        wanted = self._flights.get(key) is flight
        if wanted:
            del self._flights[key]
        # asking for the exception marks it as seen, should everybody have left
        if flight.task.cancelled() or flight.task.exception() is not None or not wanted:
            return
        entry = flight.task.result()
        self._drop(key)
        if entry.nbytes > self._max_bytes:
            return
        self._entries[key] = entry
        self._nbytes += entry.nbytes
        while self._nbytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._nbytes -= entry.nbytes


async def _loaded(load: Load, held: _Entry | None) -> _Entry:
    matrix, revision = await (load(None, None) if held is None else load(held.matrix, held.revision))
    return _Entry(matrix, revision, matrix.nbytes)
