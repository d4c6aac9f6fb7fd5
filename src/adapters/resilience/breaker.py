"""Knows whether a dependency is away, so that callers are told at once instead of after a time limit each.

Closed, calls go through. It opens after a few failures in a row: an outage makes such a row under any traffic, few
calls or many, while a share of failures needs many calls to mean anything; and where only some calls fail, refusing the
others would make it worse. Open, calls are refused for a second. Then it is half open: the next caller looks, by a
question that costs the dependency nothing, and all others are refused meanwhile. A caller's own call is no probe: it
may take as long as its time limit and hold up the recovery, or be a write that nobody needs to see fail.
"""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from facepass.adapters.resilience.metrics import BreakerMetrics
from facepass.application.ports import Circuit, CircuitState, Clock, Readiness
from facepass.domain.errors import Conflict, DependencyRefused, DependencyUnavailable, NotFound, PayloadTooLarge

ANSWERS = (NotFound, Conflict, PayloadTooLarge)
"""Errors that are answers. All others say nothing of the dependency, or not whether it was asked."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """When it opens, and for how long.

    Attributes:
        failures: in a row, after which it opens.
        window_s: a failure longer ago than this before the next one begins no row.
        open_s: no one asks for so long.
        probe_timeout_s: of the question that decides whether it closes.
        slow_s: an answer that took longer counts as a failure; None where answers may take their time. A row that
            ends with one is only a suspicion: the next caller looks at once.
    """

    failures: int = 3
    window_s: float = 30.0
    open_s: float = 1.0
    probe_timeout_s: float = 2.0
    slow_s: float | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was let through.

    Attributes:
        era: what happened since the breaker opened or closed last; what a call of another era found is no news.
    """

    era: int
    begun_s: float


class CircuitBreaker(Circuit):
    """One for each dependency and process, for one event loop."""

    def __init__(
        self,
        dependency: str,
        *,
        probe: Readiness,
        clock: Clock,
        metrics: BreakerMetrics,
        limits: BreakerLimits | None = None,
    ) -> None:
        """Closed.

        Args:
            dependency: its name, as in `DependencyUnavailable`.
            probe: answers where the dependency does.
            clock: for the pauses.
            metrics: where it is counted.
            limits: None for the defaults.
        """
        self._dependency = dependency
        self._probe = probe
        self._clock = clock
        self._metrics = metrics
        self._limits = limits or BreakerLimits()
        self._era = 0
        self._failures = 0
        self._failed_s = -math.inf
        self._due_s: float | None = None  # None while closed
        self._probing: asyncio.Event | None = None  # set when the probe is over
        self._probe_ends_s = 0.0
        metrics.watch(dependency, self)

    @property
    def state(self) -> CircuitState:
        """See `Circuit.state`."""
        if self._due_s is None:
            return CircuitState.CLOSED
        if self._probing is not None or self._clock.elapsed_s() >= self._due_s:
            return CircuitState.HALF_OPEN
        return CircuitState.OPEN

    @asynccontextmanager
    async def guarding(self) -> AsyncIterator[None]:
        """Ask the dependency inside.

        Raises:
            DependencyUnavailable: it is known to be away.
        """
        call = await self.enter()
        try:
            yield
        except BaseException as error:
            self.settle(call, error)
            raise
        self.settle(call, None)

    async def enter(self) -> Call:
        """Let a call through; `settle` is told how it went, unless nothing came of it.

        Raises:
            DependencyUnavailable: the dependency is known to be away, or was found to be by this caller.
        """
        if self._due_s is not None:
            if self.state is CircuitState.OPEN or self._probing is not None:
                raise self._refusal(self._due_s)
            await self._look()
        return Call(self._era, self._clock.elapsed_s())

    def settle(self, call: Call, error: BaseException | None) -> None:
        """Learn from how a call ended: None where it succeeded."""
        if call.era != self._era:
            return
        if isinstance(error, DependencyUnavailable):
            if error.dependency == self._dependency and not isinstance(error, DependencyRefused):
                self._failed(error.detail, due_in_s=self._limits.open_s)
        elif error is None or isinstance(error, ANSWERS):
            took_s = self._clock.elapsed_s() - call.begun_s
            if self._limits.slow_s is not None and took_s >= self._limits.slow_s:
                self._failed(f"an answer took {took_s:.1f} s", due_in_s=0.0)
            else:
                self._failures = 0

    async def check(self) -> None:
        """Look whether the dependency is there, whatever the breaker believes, and have it believe what was found.

        Never more than one at a time while it is not closed: who comes during a probe waits for it. So recovery shows
        in a health answer as soon as it is there.

        Raises:
            DependencyUnavailable: it is not.
        """
        if self._due_s is None:
            async with self.guarding():
                await self._ask()
        elif self._probing is None:
            await self._look()
        else:
            await self._probing.wait()
            if self._due_s is not None:
                raise self._unavailable(self._due_s)

    async def _look(self) -> None:
        """The one probe: closes, or opens for another while. One that is cancelled leaves its place to the next."""
        self._probing = asyncio.Event()
        self._probe_ends_s = self._clock.elapsed_s() + self._limits.probe_timeout_s
        try:
            await self._ask()
        except DependencyUnavailable as error:
            self._metrics.failed(self._dependency)
            self._open(error.detail, due_in_s=self._limits.open_s)
            raise
        else:
            self._close()
        finally:
            self._probing.set()
            self._probing = None

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(self._limits.probe_timeout_s):
                await self._probe.check()
        except TimeoutError as error:
            detail = f"no answer within {self._limits.probe_timeout_s:g} s"
            raise DependencyUnavailable(self._dependency, detail) from error

    def _failed(self, reason: str, *, due_in_s: float) -> None:
        self._metrics.failed(self._dependency)
        now_s = self._clock.elapsed_s()
        self._failures = self._failures + 1 if now_s - self._failed_s <= self._limits.window_s else 1
        self._failed_s = now_s
        if self._failures >= self._limits.failures:
            self._open(reason, due_in_s=due_in_s)

    def _open(self, reason: str, *, due_in_s: float) -> None:
        if self._due_s is None:
            self._era += 1
            _log.warning("circuit_opened", dependency=self._dependency, reason=reason)
        self._due_s = self._clock.elapsed_s() + due_in_s

    def _close(self) -> None:
        self._era += 1
        self._due_s = None
        # An answer to the probe is no promise: until a call succeeds, one that fails opens it again.
        self._failures, self._failed_s = self._limits.failures - 1, self._clock.elapsed_s()
        _log.info("circuit_closed", dependency=self._dependency)

    def _refusal(self, due_s: float) -> DependencyUnavailable:
        self._metrics.refused(self._dependency)
        return self._unavailable(due_s)

    def _unavailable(self, due_s: float) -> DependencyUnavailable:
        """With the time after which somebody will have looked: coming back earlier is in vain."""
        until_s = due_s if self._probing is None else self._probe_ends_s
        return DependencyUnavailable(
            self._dependency,
            f"The {self._dependency} did not answer a moment ago.",
            retry_after_s=max(1, math.ceil(until_s - self._clock.elapsed_s())),
        )
