"""Is the service fit to answer?"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from facepass.application.ports import Clock, Readiness
from facepass.domain.errors import DependencyUnavailable


class HealthStatus(StrEnum):
    """Of the whole service."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    """Something is away that the service can do without for a while."""
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class DependencyHealth:
    """One dependency at one moment.

    Attributes:
        essential: whether the service can do nothing without it.
        answers: whether it did, within its time limit.
        latency_ms: until it did, or until it was given up.
    """

    essential: bool
    answers: bool
    latency_ms: float


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

    def __init__(self, *, essential: Mapping[str, Readiness], optional: Mapping[str, Readiness], clock: Clock) -> None:
        self._dependencies = {
            **{name: (dependency, True) for name, dependency in essential.items()},
            **{name: (dependency, False) for name, dependency in optional.items()},
        }
        self._clock = clock
        self._started_s = clock.elapsed_s()

    async def __call__(self) -> Health:
        """The present state; never raises for a dependency that is out of reach."""
        answers = await asyncio.gather(
            *(self._ask(dependency, essential=essential) for dependency, essential in self._dependencies.values())
        )
        missing = {answer.essential for answer in answers if not answer.answers}
        status = HealthStatus.HEALTHY
        if missing:
            status = HealthStatus.UNHEALTHY if True in missing else HealthStatus.DEGRADED
        dependencies = dict(zip(self._dependencies, answers, strict=True))
        return Health(status, dependencies, self._clock.elapsed_s() - self._started_s)

    async def _ask(self, dependency: Readiness, *, essential: bool) -> DependencyHealth:
        asked_s = self._clock.elapsed_s()
        try:
            await dependency.check()
            answers = True
        except DependencyUnavailable:
            answers = False
        return DependencyHealth(essential, answers, 1e3 * (self._clock.elapsed_s() - asked_s))
