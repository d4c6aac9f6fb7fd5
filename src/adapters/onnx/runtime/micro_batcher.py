"""Puts the items of concurrent callers into common batches, without ever making one wait for company.

Adaptive batching: while batches run on all threads, items queue; the next batch takes what has queued. A lone caller is
served at once, by all threads that are free, and under load batches grow by themselves. Callers are not counted here:
each holds a place of `Admission`.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from facepass.adapters.onnx.runtime.executor import InferenceExecutor, stopping

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Item, Result]):
    item: Item
    result: "asyncio.Future[Result]"


class MicroBatcher(Generic[Item, Result]):
    """Batches for one event loop; its methods are called from there."""

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Result]],
        *,
        workers: InferenceExecutor,
        batch_max: int,
        observe: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Bind the work to its threads.

        Args:
            work: from items to as many results, in order; called in a thread.
            workers: run the batches, as many at once as there are threads.
            batch_max: items in a batch.
            observe: told the size of each batch.
        """
        if batch_max < 1:
            raise ValueError("a batch holds at least one")
        self._work = work
        self._workers = workers
        self._batch_max = batch_max
        self._observe = observe
        self._queue: deque[_Entry[Item, Result]] = deque()
        self._batches: set[asyncio.Task[None]] = set()
        self._closed = False

    async def submit(self, items: Sequence[Item]) -> list[Result]:
        """Results of `items`, in order. Cancelling drops those that have not begun.

        Raises:
            Overloaded: the service stops.
            Exception: whatever the work raised for the first of these items that failed; an item of another caller
                never makes this one fail.
        """
        if self._closed:
            raise stopping()
        if not items:
            return []
        loop = asyncio.get_running_loop()
        entries: list[_Entry[Item, Result]] = [_Entry(item, loop.create_future()) for item in items]
        self._queue.extend(entries)
        self._start_batches()
        try:
            await asyncio.wait([entry.result for entry in entries])
        finally:
            for entry in entries:
                entry.result.cancel()
        failures = [error for entry in entries if (error := entry.result.exception()) is not None]
        if failures:
            raise failures[0]
        return [entry.result.result() for entry in entries]

    async def close(self) -> None:
        """Refuse new items, fail those that wait, and return when the running batches have ended."""
        self._closed = True
        while self._queue:
            _fail(self._queue.popleft(), stopping())
        if self._batches:
            await asyncio.wait(self._batches)

    def _start_batches(self) -> None:
        while len(self._batches) < self._workers.threads:
            batch = self._next_batch()
            if not batch:
                return
            task = asyncio.create_task(self._run(batch))
            self._batches.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._batches.discard(task)
        self._start_batches()

    def _next_batch(self) -> list[_Entry[Item, Result]]:
        """What the next free thread takes: its share of what waits, so that a lone group photo uses every thread.

        Nothing is lost by it: from two images on, and a face and its mirror image are two, a face costs the same in a
        batch of any size (`facepass bench`).
        """
        free = self._workers.threads - len(self._batches)
        size = min(self._batch_max, -(-len(self._queue) // free))
        batch: list[_Entry[Item, Result]] = []
        while self._queue and len(batch) < size:
            entry = self._queue.popleft()
            if not entry.result.done():
                batch.append(entry)
        return batch

    async def _run(self, batch: list[_Entry[Item, Result]]) -> None:
        try:
            await self._attempt(batch)
        except asyncio.CancelledError:
            for entry in batch:
                _fail(entry, stopping())
            raise
        except Exception as error:  # noqa: BLE001 - it belongs to the callers, whatever it is
            if len(batch) == 1:
                _fail(batch[0], error)
                return
            # One bad item must not spoil the others: each is tried alone.
            for entry in batch:
                if not entry.result.done():
                    await self._run([entry])

    async def _attempt(self, batch: list[_Entry[Item, Result]]) -> None:
        items = [entry.item for entry in batch]
        self._observe(len(items))
        results = await self._workers.run(partial(self._work, items))
        for entry, result in zip(batch, results, strict=True):
            if not entry.result.done():
                entry.result.set_result(result)


def _fail(entry: _Entry[Item, Result], error: Exception) -> None:
    if not entry.result.done():
        entry.result.set_exception(error)
