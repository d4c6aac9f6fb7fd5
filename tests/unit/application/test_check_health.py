"""The state of the service, of that of what it depends on."""

import asyncio

import pytest

from facepass.adapters.memory.readiness import AlwaysReady
from facepass.application.check_health import OPTIONAL_PATIENCE_S, CheckHealth, Dependency, HealthStatus, OutagePolicy
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


def needed(readiness: Readiness, *, essential: bool) -> Dependency:
    return Dependency(readiness, essential=essential, policy=OutagePolicy.CLOSED, without_it="")


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
        {
            **{f"essential {number}": needed(one, essential=True) for number, one in enumerate(essential)},
            **{f"optional {number}": needed(one, essential=False) for number, one in enumerate(optional)},
        },
        clock=HandClock(),
    )
    health = await check()
    assert health.status is status
    assert [(one.dependency.essential, one.answers) for one in health.dependencies.values()] == [
        *((True, isinstance(one, AlwaysReady)) for one in essential),
        *((False, isinstance(one, AlwaysReady)) for one in optional),
    ]


async def test_all_are_asked_at_once_and_each_has_its_latency() -> None:
    clock, database, redis = HandClock(), Slow(), Slow()
    check = CheckHealth(
        {"database": needed(database, essential=True), "redis": needed(redis, essential=False)}, clock=clock
    )
    clock.pass_s(100.0)
    asking = await under_way(check())
    await asyncio.sleep(0)
    clock.pass_s(0.25)
    redis.answers.set()
    await asyncio.sleep(0)
    clock.pass_s(1.0)
    database.answers.set()
    health = await asking
    found = {name: (one.answers, one.latency_ms, one.circuit) for name, one in health.dependencies.items()}
    assert found == {
        "database": (True, pytest.approx(1250.0), None),
        "redis": (True, pytest.approx(250.0), None),
    }
    assert health.uptime_s == 101.25


async def test_nobody_waits_long_for_what_the_service_can_do_without() -> None:
    check = CheckHealth({"photos": needed(Slow(), essential=False)}, clock=HandClock())
    async with asyncio.timeout(10 * OPTIONAL_PATIENCE_S):
        health = await check()
    assert (health.status, health.dependencies["photos"].answers) == (HealthStatus.DEGRADED, False)
