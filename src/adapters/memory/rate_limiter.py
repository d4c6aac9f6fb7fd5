"""Rate limits of one process: what the default installation runs with, and all that a single process needs."""

from array import array
from collections import OrderedDict

from facepass.application.ports import Clock
from facepass.domain.ports import RateLimiter
from facepass.domain.rate import MICROSECONDS, RateDecision, RateLimit

MAX_SUBJECTS = 50_000
"""At 464 bytes each, 23 MB (`benchmarks/rate_limit.py`); every further admission within the window adds 8 bytes."""
LET_GO_AT_ONCE = 2
"""Most subjects that a hit forgets, so that no hit pays for many; more than it adds, so that all are forgotten."""


class InMemoryRateLimiter(RateLimiter):
    """Remembers the times of admission. A hit costs the same however many there were, averaged over all of them.

    Args:
        clock: whose `elapsed_s` counts.
        max_subjects: are remembered. Beyond, whoever has asked least recently is forgotten and may begin anew: with
            more callers than that within a window, the rarest of them may get more than their limit.
    """

    def __init__(self, clock: Clock, *, max_subjects: int = MAX_SUBJECTS) -> None:
        self._clock = clock
        self._max_subjects = max_subjects
        self._logs: OrderedDict[tuple[str, int, int], _Log] = OrderedDict()

    def __len__(self) -> int:
        """Subjects that are remembered."""
        return len(self._logs)

    async def hit(self, subject: str, limit: RateLimit) -> RateDecision:
        """See `RateLimiter.hit`."""
        now_us = round(self._clock.elapsed_s() * MICROSECONDS)
        key = (subject, limit.most, limit.window_us)
        log = self._logs.get(key)
        if log is None:
            log = self._logs[key] = _Log(limit)
        else:
            self._logs.move_to_end(key)
        admitted = log.hit(now_us)
        self._let_go(now_us)
        return RateDecision(admitted, limit, log.remaining, log.reset_us(now_us) / MICROSECONDS)

    def _let_go(self, now_us: int) -> None:
        """Forget who has asked least recently, where nothing counts any more or there are too many."""
        for _ in range(LET_GO_AT_ONCE):
            key = next(iter(self._logs))
            if len(self._logs) <= self._max_subjects and self._logs[key].counts(now_us):
                return
            del self._logs[key]


class _Log:
    """The latest admissions of one subject: a ring of their times that grows up to the limit."""

    __slots__ = ("_admitted", "_gone", "_most", "_times_us", "_window_us")

    def __init__(self, limit: RateLimit) -> None:
        self._most = limit.most
        self._window_us = limit.window_us
        self._times_us = array("q")
        self._admitted = 0  # admission n is at place n % most
        self._gone = 0  # how many of them have left the window

    def hit(self, now_us: int) -> bool:
        """Count one more, where the limit allows it."""
        self._forget_until(now_us - self._window_us)
        if not self.remaining:
            return False
        place = self._admitted % self._most
        if place == len(self._times_us):
            self._times_us.append(now_us)
        else:
            self._times_us[place] = now_us
        self._admitted += 1
        return True

    @property
    def remaining(self) -> int:
        """How many more would be admitted, as of the last hit."""
        return self._most - (self._admitted - self._gone)

    def reset_us(self, now_us: int) -> int:
        """Microseconds until the oldest admission leaves the window; there always is one, after a hit."""
        return self._times_us[self._gone % self._most] + self._window_us - now_us

    def counts(self, now_us: int) -> bool:
        """Whether any admission is still within the window."""
        return self._times_us[(self._admitted - 1) % self._most] + self._window_us > now_us

    def _forget_until(self, last_us: int) -> None:
        while self._gone < self._admitted and self._times_us[self._gone % self._most] <= last_us:
            self._gone += 1
        if self._gone == self._admitted:
            self._times_us = array("q")
            self._admitted = self._gone = 0
