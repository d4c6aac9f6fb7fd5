"""Gauges of the store are read again and again, seldom where it takes long, and gone where it cannot be done."""

import asyncio
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from facepass.domain.errors import DependencyUnavailable
from facepass.entrypoints.gauging import INTERVAL_S, MAX_INTERVAL_S, REST, gauged, kept_up_to_date
from tests.clocks import HandClock
from tests.integration.http.support import memory_container
from tests.tasks import until


class Store:
    """Answers with the next number, or fails; each answer takes `took_s`."""

    def __init__(self, clock: HandClock) -> None:
        self.clock, self.took_s = clock, 0.0
        self.error: Exception | None = None
        self.asked = 0

    async def __call__(self) -> int:
        self.asked += 1
        self.clock.pass_s(self.took_s)
        if self.error is not None:
            raise self.error
        return self.asked


class Rounds:
    """Lets readings go on one at a time.

    Attributes:
        shown: what was shown last.
        paused: seconds before each further reading.
    """

    def __init__(self) -> None:
        self.clock = HandClock()
        self.store = Store(self.clock)
        self.shown: int | None = -1
        self.paused: list[float] = []
        self._go_on = asyncio.Semaphore(0)

    async def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        await self._go_on.acquire()

    def show(self, found: int | None) -> None:
        self.shown = found

    async def next_one(self, change: Callable[[Store], None]) -> int | None:
        """What is shown after one more reading, which `change` has prepared."""
        change(self.store)
        readings = len(self.paused)
        self._go_on.release()
        await until(lambda: len(self.paused) > readings)
        return self.shown


def failing(error: Exception | None) -> Callable[[Store], None]:
    return lambda store: setattr(store, "error", error)


def taking(seconds: float) -> Callable[[Store], None]:
    return lambda store: setattr(store, "took_s", seconds)


async def test_it_is_read_at_once_and_every_30_seconds_and_gone_in_the_end() -> None:
    rounds = Rounds()
    async with kept_up_to_date(rounds.store, rounds.show, clock=rounds.clock, pause=rounds.pause):
        await until(lambda: bool(rounds.paused))
        assert (rounds.shown, rounds.paused) == (1, [INTERVAL_S])
        assert await rounds.next_one(failing(None)) == 2
    assert rounds.shown is None


async def test_what_takes_long_is_read_seldom() -> None:
    rounds = Rounds()
    async with kept_up_to_date(rounds.store, rounds.show, clock=rounds.clock, pause=rounds.pause):
        await until(lambda: bool(rounds.paused))
        for seconds in (0.5, 2.0, 60.0):
            await rounds.next_one(taking(seconds))
    assert rounds.paused == [INTERVAL_S, INTERVAL_S, REST * 2.0, MAX_INTERVAL_S]


@pytest.mark.parametrize("error", [DependencyUnavailable("database", "away"), ZeroDivisionError()])
async def test_nothing_is_shown_while_it_cannot_be_read_and_that_is_logged_once(error: Exception) -> None:
    rounds = Rounds()
    with capture_logs() as logs:
        async with kept_up_to_date(rounds.store, rounds.show, clock=rounds.clock, pause=rounds.pause):
            await until(lambda: bool(rounds.paused))
            assert await rounds.next_one(failing(error)) is None
            assert await rounds.next_one(failing(error)) is None
            assert await rounds.next_one(failing(None)) == 4
            assert await rounds.next_one(failing(error)) is None
    assert [line["event"] for line in logs] == ["gauges_not_read"] * 2


async def test_a_service_keeps_its_gauges_while_it_serves() -> None:
    container = memory_container()
    registry, go_on = container.whole_registry(), asyncio.Event()

    async def pause(_: float) -> None:
        await go_on.wait()

    async with gauged(container, pause=pause):
        await until(lambda: registry.get_sample_value("stored_photos") == 0)
        await until(lambda: registry.get_sample_value("job_queue_age_seconds") == 0)
    assert registry.get_sample_value("stored_photos") is None
    assert registry.get_sample_value("job_units", {"state": "queued"}) is None
