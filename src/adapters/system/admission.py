"""Admission to inference: so many pictures at work, so many waiting, and not for long."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from facepass.application.ports import Admission
from facepass.domain.errors import Overloaded


class BoundedAdmission(Admission):
    """First come, first served; for one event loop.

    Args:
        max_running: pictures at work at once.
        max_waiting: callers that may wait beside them; one more is refused at once.
        wait_timeout_s: longest wait for a place.
        when_idle: called in a thread when no picture has been at work for `idle_s`, once after each spell of work.
        idle_s: how long that is.
    """

    def __init__(
        self,
        *,
        max_running: int,
        max_waiting: int,
        wait_timeout_s: float,
        when_idle: Callable[[], object] = lambda: None,
        idle_s: float = 5.0,
    ) -> None:
        self._at_work = 0
        self._when_idle = when_idle
        self._idle_s = idle_s
        self._idle_timer: asyncio.TimerHandle | None = None
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
        self._begin()
        try:
            yield
        finally:
            self._places.release()
            self._end()

    def _begin(self) -> None:
        self._at_work += 1
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None

    def _end(self) -> None:
        self._at_work -= 1
        if not self._at_work:
            loop = asyncio.get_running_loop()
            self._idle_timer = loop.call_later(self._idle_s, loop.run_in_executor, None, self._when_idle)

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
