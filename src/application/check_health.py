"""Is the service fit to answer?"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from facepass.application.ports import Circuit, CircuitState, Clock, Readiness
from facepass.domain.errors import DependencyUnavailable

OPTIONAL_PATIENCE_S: Final = 0.5
"""Longest wait for what the service can do without: whoever asks whether it is ready waits a second or two at most, and
must not take it out of service for that."""


class HealthStatus(StrEnum):
    """Of the whole service."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    """Something is away that the service can do without for a while."""
    UNHEALTHY = "unhealthy"


class OutagePolicy(StrEnum):
    """What becomes of calls that need a dependency which is away."""

    CLOSED = "closed"
    """They are refused."""
    OPEN = "open"
    """They go on without it."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """Something outside that the service needs.

    Attributes:
        readiness: whether it answers.
        essential: whether the service can do nothing without it.
        policy: for the calls that need it.
        without_it: what callers see meanwhile, in a sentence.
        circuit: of the breaker before it; None where it cannot be away.
    """

    readiness: Readiness
    essential: bool
    policy: OutagePolicy
    without_it: str
    circuit: Circuit | None = None


@dataclass(frozen=True, slots=True)
class DependencyHealth:
    """One dependency at one moment.

    Attributes:
        dependency: which.
        answers: whether it did, within its time limit.
        latency_ms: until it did, or until it was given up.
        circuit: of its breaker, after it was asked; None where there is none.
    """

    dependency: Dependency
    answers: bool
    latency_ms: float
    circuit: CircuitState | None


@dataclass(frozen=True, slots=True)
class Health:
    """The service at one moment.

    Attributes:
        dependencies: by name.
    """

    status: HealthStatus
    dependencies: Mapping[str, DependencyHealth]
    uptime_s: float


class CheckHealth:
    """Asks every dependency, all at once, each within its own time limit."""

    def __init__(self, dependencies: Mapping[str, Dependency], *, clock: Clock) -> None:
        self._dependencies = dict(dependencies)
        self._clock = clock
        self._started_s = clock.elapsed_s()

    async def __call__(self) -> Health:
        """The present state; never raises for a dependency that is out of reach."""
        answers = await asyncio.gather(*(self._ask(dependency) for dependency in self._dependencies.values()))
        missing = {answer.dependency.essential for answer in answers if not answer.answers}
        status = HealthStatus.HEALTHY
        if missing:
            status = HealthStatus.UNHEALTHY if True in missing else HealthStatus.DEGRADED
        dependencies = dict(zip(self._dependencies, answers, strict=True))
        return Health(status, dependencies, self._clock.elapsed_s() - self._started_s)

    async def _ask(self, dependency: Dependency) -> DependencyHealth:
        asked_s = self._clock.elapsed_s()
        try:
            async with asyncio.timeout(None if dependency.essential else OPTIONAL_PATIENCE_S):
                await dependency.readiness.check()
            answers = True
        except (DependencyUnavailable, TimeoutError):
            answers = False
        circuit = None if dependency.circuit is None else dependency.circuit.state
        return DependencyHealth(dependency, answers, 1e3 * (self._clock.elapsed_s() - asked_s), circuit)
