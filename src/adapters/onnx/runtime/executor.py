"""Runs inference in a few threads.

Threads are enough: ONNX Runtime, Pillow and numpy's large operations release the interpreter's lock.

Nothing is refused here, and the queue needs no bound of its own: whoever brings work holds a place of `Admission`, and
brings one piece at a time, so no more wait than pictures are admitted.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from facepass.application.ports import Workers
from facepass.domain.errors import Overloaded

T = TypeVar("T")

RETRY_AFTER_S = 1


class InferenceExecutor(Workers):
    """A thread pool.

    Cancelling a caller takes its work out of the queue; what has begun runs to its end. So beyond the pictures that are
    admitted, only what the threads are busy with is held.

    Attributes:
        threads: pieces of work that run at once.
    """

    def __init__(self, *, threads: int) -> None:
        """Make the pool; threads start with the first work.

        Args:
            threads: pieces of work that run at once.
        """
        if threads < 1:
            raise ValueError("an executor needs a thread")
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="inference")

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread, after what came before it.

        Raises:
            Overloaded: the service stops.
        """
        try:
            future = self._pool.submit(work)
        except RuntimeError as error:  # what a closed pool raises
            raise stopping() from error
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if future.cancelled() and not (task is not None and task.cancelling()):
                # Not the caller was cancelled but its work, by `close`.
                raise stopping() from None
            raise

    def close(self) -> None:
        """Drop what waits, and return when what runs has ended: blocks until then."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def stopping() -> Overloaded:
    """What callers are told whose work is dropped because the service stops: another replica will take it."""
    return Overloaded("The service is stopping.", retry_after_s=RETRY_AFTER_S)
