"""The ports behind a breaker: what passes, what is refused, and what the breaker hears of a unit of work."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Self

import pytest
from prometheus_client import CollectorRegistry

from facepass.adapters.memory.photos import MemoryImageSource
from facepass.adapters.memory.rate_limiter import InMemoryRateLimiter
from facepass.adapters.memory.store import InMemoryStore
from facepass.adapters.memory.unit_of_work import InMemoryUnitOfWork, InMemoryUnitOfWorkFactory
from facepass.adapters.resilience.breaker import CircuitBreaker
from facepass.adapters.resilience.image_source import GuardedImageSource
from facepass.adapters.resilience.metrics import BreakerMetrics
from facepass.adapters.resilience.rate_limiter import GuardedRateLimiter
from facepass.adapters.resilience.unit_of_work import GuardedUnitOfWorkFactory
from facepass.application.ports import CircuitState, Readiness, T, UnitOfWork, UnitOfWorkFactory
from facepass.domain.errors import Conflict, DependencyUnavailable, NotFound
from facepass.domain.ports import ImageSource, RateLimiter
from facepass.domain.rate import RateDecision, RateLimit
from tests.clocks import HandClock

LIMIT = RateLimit(2, 60.0)
DATABASE, PHOTOS, REDIS = "database", "photos", "redis"


class Outage(Readiness):
    """Of everything, while it lasts."""

    def __init__(self) -> None:
        self.lasts = False

    def strike(self, dependency: str) -> None:
        if self.lasts:
            raise DependencyUnavailable(dependency, "away")

    async def check(self) -> None:
        self.strike("any")


class Source(ImageSource):
    def __init__(self, outage: Outage) -> None:
        self.outage, self.inner = outage, MemoryImageSource({"a.jpg": b"photo"}, max_bytes=100)

    async def read(self, key: str) -> bytes:
        self.outage.strike(PHOTOS)
        return await self.inner.read(key)

    async def keys(self, prefix: str) -> AsyncGenerator[str, None]:
        self.outage.strike(PHOTOS)
        async for key in self.inner.keys(prefix):
            yield key


class Limiter(RateLimiter):
    def __init__(self, outage: Outage) -> None:
        self.outage, self.inner = outage, InMemoryRateLimiter(HandClock())

    async def hit(self, subject: str, limit: RateLimit) -> RateDecision:
        self.outage.strike(REDIS)
        return await self.inner.hit(subject, limit)


class Unit(InMemoryUnitOfWork):
    """Fails where it is told to."""

    def __init__(self, outage: Outage, place: str) -> None:
        super().__init__(InMemoryStore())
        self.outage, self.place, self.begun, self.ended = outage, place, False, False

    async def __aenter__(self) -> Self:
        if self.place == "begin":
            self.outage.strike(DATABASE)
        self.begun = True
        return self

    async def __aexit__(self, *args: object) -> None:
        self.ended = True

    async def commit(self) -> None:
        if self.place == "commit":
            self.outage.strike(DATABASE)


class Units(UnitOfWorkFactory):
    def __init__(self, outage: Outage, place: str) -> None:
        self.outage, self.place, self.made = outage, place, list[Unit]()

    def __call__(self) -> Unit:
        self.made.append(Unit(self.outage, self.place))
        return self.made[-1]

    async def run(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        async with self() as unit:
            result = await work(unit)
            await unit.commit()
        return result


class Bench:
    def __init__(self, dependency: str) -> None:
        self.outage, self.clock = Outage(), HandClock()
        metrics = BreakerMetrics(CollectorRegistry())
        self.breaker = CircuitBreaker(dependency, probe=self.outage, clock=self.clock, metrics=metrics)

    async def goes_away_and_comes_back(self, ask: Callable[[], Awaitable[object]]) -> None:
        """`ask` succeeds, fails three times, is refused, and succeeds again after the pause."""
        await ask()
        self.outage.lasts = True
        for _ in range(3):
            with pytest.raises(DependencyUnavailable, match="away"):
                await ask()
        assert self.breaker.state is CircuitState.OPEN
        self.outage.lasts = False
        with pytest.raises(DependencyUnavailable, match="a moment ago"):
            await ask()
        self.clock.pass_s(1.0)
        await ask()
        assert self.breaker.state is CircuitState.CLOSED


async def test_photos() -> None:
    bench = Bench(PHOTOS)
    source = GuardedImageSource(Source(bench.outage), bench.breaker)
    await bench.goes_away_and_comes_back(lambda: source.read("a.jpg"))
    for _ in range(10):
        with pytest.raises(NotFound):
            await source.read("b.jpg")
    assert await source.read("a.jpg") == b"photo"


async def test_listing_photos() -> None:
    bench = Bench(PHOTOS)
    source = GuardedImageSource(Source(bench.outage), bench.breaker)

    async def listed() -> list[str]:
        return [key async for key in source.keys("")]

    await bench.goes_away_and_comes_back(listed)
    assert await listed() == ["a.jpg"]


async def test_rate_limits() -> None:
    bench = Bench(REDIS)
    limiter = GuardedRateLimiter(Limiter(bench.outage), bench.breaker)
    await bench.goes_away_and_comes_back(lambda: limiter.hit("s", LIMIT))
    assert not (await limiter.hit("s", LIMIT)).admitted


@pytest.mark.parametrize("place", ["begin", "work", "commit"])
@pytest.mark.parametrize("way", ["run", "call", "call and catch"])
async def test_units_of_work(place: str, way: str) -> None:
    bench = Bench(DATABASE)
    inner = Units(bench.outage, place)
    units = GuardedUnitOfWorkFactory(inner, bench.breaker)

    async def work(unit: UnitOfWork) -> str:
        if place == "work":
            bench.outage.strike(DATABASE)
        assert await unit.audit.head()
        return "done"

    async def ask() -> str:
        if way == "run":
            return await units.run(work)
        caught = None
        async with units() as unit:
            result = await work(unit)
            try:
                await unit.commit()
            except DependencyUnavailable as error:
                if way == "call":
                    raise
                caught = error
        if caught:
            raise caught
        return result

    await bench.goes_away_and_comes_back(ask)
    assert all(unit.ended == unit.begun for unit in inner.made)
    assert len(inner.made) == 6 - (way == "run")  # a unit that is refused was made, and never begun


async def test_conflicts_are_answers_and_leaving_says_nothing() -> None:
    bench = Bench(DATABASE)
    units = GuardedUnitOfWorkFactory(InMemoryUnitOfWorkFactory(InMemoryStore()), bench.breaker)

    async def conflict(_: UnitOfWork) -> None:
        raise Conflict("another model")

    async def leave(_: UnitOfWork) -> None:
        raise asyncio.CancelledError

    for _ in range(10):
        with pytest.raises(Conflict):
            await units.run(conflict)
        with pytest.raises(asyncio.CancelledError):
            await units.run(leave)
        with pytest.raises(Conflict):
            async with units() as unit:
                await conflict(unit)
    assert bench.breaker.state is CircuitState.CLOSED
