"""The state of the service, of that of what it depends on."""

import asyncio

import pytest

from facepass.adapters.memory.readiness import AlwaysReady
from facepass.application.check_health import CheckHealth, DependencyHealth, HealthStatus
from facepass.application.ports import Readiness
from facepass.domain.errors import DependencyUnavailable
from tests.clocks import HandClock
from tests.tasks import under_way


class Away(Readiness):
    async def check(self) -> None:
        raise DependencyUnavailable("it", "It does not answer.")


class Slow(Readiness):
    """Answers when it is let."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()

    async def check(self) -> None:
        await self.answers.wait()


@pytest.mark.parametrize(
    ("essential", "optional", "status"),
    [
        ([], [], HealthStatus.HEALTHY),
        ([AlwaysReady()], [AlwaysReady()], HealthStatus.HEALTHY),
        ([AlwaysReady()], [AlwaysReady(), Away()], HealthStatus.DEGRADED),
        ([AlwaysReady(), Away()], [AlwaysReady()], HealthStatus.UNHEALTHY),
        ([Away()], [Away()], HealthStatus.UNHEALTHY),
    ],
)
async def test_what_is_away_decides(
    essential: list[Readiness], optional: list[Readiness], status: HealthStatus
) -> None:
    check = CheckHealth(
        essential={f"essential {number}": one for number, one in enumerate(essential)},
        optional={f"optional {number}": one for number, one in enumerate(optional)},
        clock=HandClock(),
    )
    health = await check()
    assert health.status is status
    assert [(one.essential, one.answers) for one in health.dependencies.values()] == [
        *((True, isinstance(one, AlwaysReady)) for one in essential),
        *((False, isinstance(one, AlwaysReady)) for one in optional),
    ]


async def test_all_are_asked_at_once_and_each_has_its_latency() -> None:
    clock, database, redis = HandClock(), Slow(), Slow()
    check = CheckHealth(essential={"database": database}, optional={"redis": redis}, clock=clock)
    clock.pass_s(100.0)
    asking = await under_way(check())
    await asyncio.sleep(0)
    clock.pass_s(0.25)
    redis.answers.set()
    await asyncio.sleep(0)
    clock.pass_s(1.0)
    database.answers.set()
    health = await asking
    assert health.dependencies == {
        "database": DependencyHealth(essential=True, answers=True, latency_ms=pytest.approx(1250.0)),
        "redis": DependencyHealth(essential=False, answers=True, latency_ms=pytest.approx(250.0)),
    }
    assert health.uptime_s == 101.25
