"""Admission to inference: so many pictures at work, so many of each kind waiting, and not for long.

Nobody waits in vain: how long a newcomer would wait is reckoned from the work before it and from how long such work has
taken lately, and one who would wait too long is refused at once, told when to come again. So under any load those who
are let in are answered in time, and what waits has a bound. Lines are separate: indexing that fills its own keeps no
visitor out. `waiting_lines` says who is next.
"""

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from facepass.adapters.system.waiting_lines import OTHERS_SHARE, WaitingLines
from facepass.application.ports import Admission, Clock, WorkKind
from facepass.domain.errors import Overloaded

MOST_S: Mapping[WorkKind, float | None] = {
    WorkKind.SEARCH: 1.5,
    WorkKind.LIVE: 1.5,
    WorkKind.DETECT: 3.0,
    WorkKind.INDEX: 10.0,
    WorkKind.BATCH: None,
    WorkKind.JOB: None,
}
"""Longest that a picture of each kind may take, in seconds: its expected wait, and its own work should that be slow;
None for those that are bounded by whoever brings them. Of searches, 95 % of those let in shall be answered in 2 s: what
is left is for receiving the picture, for the database, and for mistakes of the reckoning."""
SLOW_DEVIATIONS = 2.0
"""How many times its mean deviation work takes longer than usual, where it is slow."""
PATIENCE = 1.25
"""How many times longer than it may expect to wait a picture really waits, should the reckoning have been wrong."""
FIRST_WORK_S = 0.3
"""How long a picture holds its place, before any has."""
WEIGHT = 0.1
"""Of the latest picture in the running means."""
MAX_RETRY_AFTER_S = 30


class BoundedAdmission(Admission):
    """For one event loop.

    Args:
        max_running: pictures at work at once.
        max_waiting: callers of each kind that may wait beside them.
        clock: measures how long work takes.
        when_idle: called in a thread when no picture has been at work for `idle_s`, once after each spell of work.
        idle_s: how long that is.
    """

    def __init__(
        self,
        *,
        max_running: int,
        max_waiting: int,
        clock: Clock,
        when_idle: Callable[[], object] = lambda: None,
        idle_s: float = 5.0,
    ) -> None:
        self._max_running = max_running
        self._max_waiting = max_waiting
        self._clock = clock
        self._when_idle = when_idle
        self._idle_s = idle_s
        self._idle_timer: asyncio.TimerHandle | None = None
        self._running: Counter[WorkKind] = Counter()
        self._mean_s: dict[WorkKind, float] = {}
        self._deviation_s: dict[WorkKind, float] = {}
        self._lines = WaitingLines(self._work_s)

    def admit(self, kind: WorkKind, *, begun: bool = False) -> AbstractAsyncContextManager[None]:
        """See `Admission.admit`."""
        return self._admit(kind, begun=begun)

    def check(self, kind: WorkKind) -> None:
        """See `Admission.check`."""
        most_s = self._most_wait_s(kind)
        if most_s is None or self._has_place:
            return
        expected_s = self.expected_wait_s(kind)
        if expected_s > most_s or self._lines.waiting(kind) >= self._max_waiting:
            raise self._overloaded("Too many pictures are waiting already.", expected_s)

    def expected_wait_s(self, kind: WorkKind) -> float:
        """How long a newcomer of the kind would wait.

        Where kinds that go before it fill their own lines, it counts on no more than the share that is left for it.
        """
        if self._has_place:
            return 0.0
        kinds = list(WorkKind)
        before, behind = kinds[: kinds.index(kind)], kinds[kinds.index(kind) + 1 :]
        running = self._running.total()
        until_one_ends_s = sum(count * self._work_s(each) for each, count in self._running.items()) / running / running
        ahead_s = self._lines.work_waiting_s((*before, kind))
        share = 1.0
        if any(self._is_pressed(other) for other in before):
            sharing = [other for other in kinds[1:] if other is not WorkKind.JOB]
            ahead_s = self._lines.work_waiting_s(sharing) + self._work_s(kind)
            share = OTHERS_SHARE
        elif any(map(self._lines.waiting, behind)):
            share = 1 - OTHERS_SHARE
        return until_one_ends_s + ahead_s / (self._max_running * share)

    @property
    def _has_place(self) -> bool:
        """Whether a newcomer need not wait. Nobody waits while a place is free: places are handed on."""
        return self._running.total() < self._max_running

    def _is_pressed(self, kind: WorkKind) -> bool:
        """Whether the line of a kind is so long that it looks as if it would not end."""
        most_s = self._most_wait_s(kind)
        wait_s = self._lines.work_waiting_s((kind,)) / self._max_running
        return most_s is not None and wait_s > most_s / 2

    def _most_wait_s(self, kind: WorkKind) -> float | None:
        """Never less than half of the work itself: however slow the machine, one may wait for the next free place."""
        most_s, work_s = MOST_S[kind], self._work_s(kind)
        slow_s = work_s + SLOW_DEVIATIONS * self._deviation_s.get(kind, 0.0)
        return None if most_s is None else max(most_s - slow_s, work_s / 2)

    def _work_s(self, kind: WorkKind) -> float:
        return self._mean_s.get(kind, FIRST_WORK_S)

    @asynccontextmanager
    async def _admit(self, kind: WorkKind, *, begun: bool) -> AsyncIterator[None]:
        await self._take_place(kind, begun=begun)
        started_s = self._clock.elapsed_s()
        try:
            yield
        finally:
            if not self._has_place:  # what has the machine for itself says nothing of how it goes when others wait
                self._learn(kind, self._clock.elapsed_s() - started_s)
            self._release(kind)

    async def _take_place(self, kind: WorkKind, *, begun: bool) -> None:
        if self._has_place:
            self._begin(kind)
            return
        if not begun:
            self.check(kind)
        waiting = self._lines.join(kind, in_front=begun)
        most_s = None if begun else self._most_wait_s(kind)
        try:
            async with asyncio.timeout(None if most_s is None else PATIENCE * most_s):
                await waiting.turn
        except BaseException as error:
            if waiting.turn.done() and not waiting.turn.cancelled():
                self._release(kind)  # the place came too late
            else:
                self._lines.leave(waiting)
            if isinstance(error, TimeoutError):
                raise self._overloaded("No place came free in time.", self.expected_wait_s(kind)) from error
            raise

    def _begin(self, kind: WorkKind) -> None:
        self._running[kind] += 1
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None

    def _release(self, kind: WorkKind) -> None:
        """Hand the place on to whoever is next."""
        self._running[kind] -= 1
        following = self._lines.next()
        if following is not None:
            self._running[following.kind] += 1
            following.turn.set_result(None)
        elif not self._running.total():
            loop = asyncio.get_running_loop()
            self._idle_timer = loop.call_later(self._idle_s, loop.run_in_executor, None, self._when_idle)

    def _learn(self, kind: WorkKind, took_s: float) -> None:
        known_s = self._work_s(kind)
        self._mean_s[kind] = known_s + WEIGHT * (took_s - known_s)
        deviation_s = self._deviation_s.get(kind, 0.0)
        self._deviation_s[kind] = deviation_s + WEIGHT * (abs(took_s - known_s) - deviation_s)

    def _overloaded(self, why: str, wait_s: float) -> Overloaded:
        """What a caller is told: to come again when those who wait now are done."""
        retry_after_s = min(MAX_RETRY_AFTER_S, max(1, math.ceil(wait_s)))
        return Overloaded(f"{why} Try again in {retry_after_s} s.", retry_after_s=retry_after_s)
