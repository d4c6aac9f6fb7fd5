"""Admission to inference: so many pictures at work, so many waiting, and not for long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from facepass.application.ports import Admission
from facepass.domain.errors import Overloaded


class BoundedAdmission(Admission):
    """First come, first served; for one event loop.

    Args:
        max_running: pictures at work at once.
        max_waiting: callers that may wait beside them; one more is refused at once.
        wait_timeout_s: longest wait for a place.
    """

    def __init__(self, *, max_running: int, max_waiting: int, wait_timeout_s: float) -> None:
        self._places = asyncio.Semaphore(max_running)
        self._max_waiting = max_waiting
        self._wait_timeout_s = wait_timeout_s
        self._waiting = 0

    def admit(self) -> AbstractAsyncContextManager[None]:
        """See `Admission.admit`."""
        return self._admit()

    @asynccontextmanager
    async def _admit(self) -> AsyncIterator[None]:
        await self._take_place()
        try:
            yield
        finally:
            self._places.release()

    async def _take_place(self) -> None:
        if self._places.locked() and self._waiting >= self._max_waiting:
            raise Overloaded("Too many pictures are waiting already. Try again shortly.", retry_after_s=1)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_timeout_s):
                await self._places.acquire()
        except TimeoutError as error:
            raise Overloaded(
                f"No place came free within {self._wait_timeout_s:g} s. Try again shortly.", retry_after_s=2
            ) from error
        finally:
            self._waiting -= 1
