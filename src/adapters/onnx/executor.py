"""Runs inference in a few threads, and refuses work rather than letting it pile up.

Threads are enough: ONNX Runtime, Pillow and numpy's large operations release the interpreter's lock.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from facepass.application.ports import Workers
from facepass.domain.errors import Overloaded

T = TypeVar("T")

RETRY_AFTER_S = 1


class InferenceExecutor(Workers):
    """A thread pool with a bounded queue.

    Cancelling a caller takes its work out of the queue; what has begun runs to its end, and its place is held until
    then.

    Attributes:
        threads: pieces of work that run at once.
        places: pieces of work that run or wait, at most.
    """

    def __init__(self, *, threads: int, queue_max: int) -> None:
        """Make the pool; threads start with the first work.

        Args:
            threads: pieces of work that run at once.
            queue_max: pieces of work that may wait, beyond those that run.
        """
        if threads < 1 or queue_max < 0:
            raise ValueError("an executor needs a thread, and a queue of at least zero")
        self.threads = threads
        self.places = threads + queue_max
        self._taken = 0
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="inference")

    @property
    def pending(self) -> int:
        """Pieces of work that run or wait."""
        return self._taken

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread.

        Raises:
            Overloaded: all threads are busy and the queue is full, or the service stops.
        """
        return await self._submit(work, bounded=True)

    async def run_admitted(self, work: Callable[[], T]) -> T:
        """Run work whose number its caller bounds: the second half of something that was let in already.

        Raises:
            Overloaded: the service stops.
        """
        return await self._submit(work, bounded=False)

    def close(self) -> None:
        """Drop what waits, and return when what runs has ended: blocks until then."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def _submit(self, work: Callable[[], T], *, bounded: bool) -> T:
        with self._lock:
            if bounded and self._taken >= self.places:
                raise Overloaded("Too much is being worked on; try again shortly.", retry_after_s=RETRY_AFTER_S)
            self._taken += 1
        try:
            future = self._pool.submit(work)
        except RuntimeError as error:  # what a closed pool raises
            self._release(None)
            raise stopping() from error
        future.add_done_callback(self._release)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if future.cancelled() and not (task is not None and task.cancelling()):
                # Not the caller was cancelled but its work, by `close`.
                raise stopping() from None
            raise

    def _release(self, _: Future[T] | None) -> None:
        with self._lock:
            self._taken -= 1


def stopping() -> Overloaded:
    """What callers are told whose work is dropped because the service stops: another replica will take it."""
    return Overloaded("The service is stopping.", retry_after_s=RETRY_AFTER_S)
