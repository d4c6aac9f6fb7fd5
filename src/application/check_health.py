"""Is the service fit to answer?"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from facepass.application.ports import Clock, Readiness
from facepass.domain.errors import DependencyUnavailable


class HealthStatus(StrEnum):
    """Of the whole service."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class Health:
    """The service at one moment.

    Attributes:
        dependencies: by name, whether each answered.
    """

    status: HealthStatus
    dependencies: Mapping[str, bool]
    uptime_s: float


class CheckHealth:
    """Asks every dependency, each within its own time limit."""

    def __init__(self, *, dependencies: Mapping[str, Readiness], clock: Clock) -> None:
        self._dependencies = dependencies
        self._clock = clock
        self._started_s = clock.elapsed_s()

    async def __call__(self) -> Health:
        """The present state; never raises for a dependency that is out of reach."""
        answers = {name: await _answers(dependency) for name, dependency in self._dependencies.items()}
        status = HealthStatus.HEALTHY if all(answers.values()) else HealthStatus.UNHEALTHY
        return Health(status, answers, self._clock.elapsed_s() - self._started_s)


async def _answers(dependency: Readiness) -> bool:
    try:
        await dependency.check()
    except DependencyUnavailable:
        return False
    return True
