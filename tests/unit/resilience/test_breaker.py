"""The breaker: when it opens, that one looks and nobody else, and that whoever leaves spoils nothing."""

import asyncio
import math

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.strategies import sampled_from
from prometheus_client import CollectorRegistry

from facepass.adapters.resilience.breaker import BreakerLimits, Call, CircuitBreaker
from facepass.adapters.resilience.metrics import BreakerMetrics
from facepass.application.ports import CircuitState, Readiness
from facepass.domain.errors import (
    Conflict,
    DependencyRefused,
    DependencyUnavailable,
    FacePassError,
    GalleryChanged,
    InvalidRequest,
    NotFound,
    PayloadTooLarge,
)
from tests.clocks import HandClock
from tests.tasks import under_way

LIMITS = BreakerLimits(failures=3, window_s=30.0, open_s=1.0, probe_timeout_s=2.0)
NAME = "it"
PATIENCE_S = 5.0


def away(dependency: str = NAME) -> DependencyUnavailable:
    return DependencyUnavailable(dependency, "It does not answer.")


class Dependency(Readiness):
    """Answers while it is well, and when it is let."""

    def __init__(self) -> None:
        self.well = False
        self.asked = 0
        self.at_once = 0
        self.most_at_once = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def check(self) -> None:
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.answers.wait()
        finally:
            self.at_once -= 1
        if not self.well:
            raise away()


class Bench:
    """A breaker with all that it is made of."""

    def __init__(self, limits: BreakerLimits = LIMITS) -> None:
        self.clock, self.dependency, self.registry = HandClock(), Dependency(), CollectorRegistry()
        self.breaker = CircuitBreaker(
            NAME, probe=self.dependency, clock=self.clock, metrics=BreakerMetrics(self.registry), limits=limits
        )

    async def call(self, error: BaseException | None = None, *, takes_s: float = 0.0) -> None:
        async with self.breaker.guarding():
            self.clock.pass_s(takes_s)
            if error is not None:
                raise error

    async def fail(self, times: int = LIMITS.failures) -> None:
        for _ in range(times):
            with pytest.raises(DependencyUnavailable):
                await self.call(away())

    def metric(self, name: str) -> float | None:
        return self.registry.get_sample_value(name, {"dependency": NAME})

    @property
    def state(self) -> CircuitState:
        return self.breaker.state


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_all_series_are_there_from_the_start(bench: Bench) -> None:
    names = ("circuit_breaker_state", "dependency_failures_total", "dependency_refused_total")
    assert [bench.metric(name) for name in names] == [0, 0, 0]


async def test_it_opens_after_failures_in_a_row_and_refuses_at_once(bench: Bench) -> None:
    await bench.fail(2)
    await bench.call()
    await bench.fail(2)
    assert bench.state is CircuitState.CLOSED
    await bench.fail(1)
    assert (bench.state, bench.metric("circuit_breaker_state")) == (CircuitState.OPEN, 2)
    bench.clock.pass_s(0.3)
    for _ in range(10):
        with pytest.raises(DependencyUnavailable) as refused:
            await bench.call()
        assert (refused.value.dependency, refused.value.retry_after_s) == (NAME, 1)
    assert bench.dependency.asked == 0
    assert (bench.metric("dependency_failures_total"), bench.metric("dependency_refused_total")) == (5, 10)


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (away(), True),
        (away("another"), False),
        (DependencyRefused(NAME, "busy"), False),
        (InvalidRequest.field("s3_key", "is none"), False),
        (ZeroDivisionError(), False),
        (asyncio.CancelledError(), False),
    ],
)
async def test_what_is_no_outage_opens_nothing_and_ends_no_row(
    bench: Bench, error: BaseException, counts: bool
) -> None:
    await bench.fail(2)
    for _ in range(10):
        with pytest.raises(type(error)):
            await bench.call(error)
        if counts:
            break
    assert (bench.state is CircuitState.OPEN) == counts
    if not counts:
        await bench.fail(1)
        assert bench.state is CircuitState.OPEN


@pytest.mark.parametrize("error", [NotFound("a"), Conflict("b"), GalleryChanged("c"), PayloadTooLarge("d")])
async def test_answers_end_a_row(bench: Bench, error: FacePassError) -> None:
    await bench.fail(2)
    with pytest.raises(FacePassError):
        await bench.call(error)
    await bench.fail(2)
    assert bench.state is CircuitState.CLOSED


async def test_failures_far_apart_are_no_row(bench: Bench) -> None:
    for _ in range(5):
        await bench.fail(1)
        bench.clock.pass_s(LIMITS.window_s + 1)
    assert bench.state is CircuitState.CLOSED


async def test_after_the_pause_one_looks_and_all_others_are_refused(bench: Bench) -> None:
    await bench.fail()
    bench.clock.pass_s(LIMITS.open_s)
    assert bench.state is CircuitState.HALF_OPEN
    bench.dependency.answers.clear()
    first = await under_way(bench.call())
    async with asyncio.timeout(PATIENCE_S):
        others = await asyncio.gather(*(bench.call() for _ in range(50)), return_exceptions=True)
    assert {type(other) for other in others} == {DependencyUnavailable}
    assert {other.retry_after_s for other in others if isinstance(other, DependencyUnavailable)} == {2}
    assert (bench.dependency.asked, bench.metric("circuit_breaker_state")) == (1, 1)
    bench.dependency.well = True
    bench.dependency.answers.set()
    await first
    assert bench.state is CircuitState.CLOSED
    await asyncio.gather(*(bench.call() for _ in range(50)))
    assert (bench.dependency.asked, bench.dependency.most_at_once) == (1, 1)


async def test_a_probe_in_vain_opens_it_for_another_while(bench: Bench) -> None:
    await bench.fail()
    for probes in (1, 2, 3):
        bench.clock.pass_s(LIMITS.open_s)
        with pytest.raises(DependencyUnavailable):
            await bench.call()
        with pytest.raises(DependencyUnavailable):
            await bench.call()
        assert (bench.dependency.asked, bench.state) == (probes, CircuitState.OPEN)


async def test_a_probe_that_is_cancelled_leaves_its_place_to_the_next(bench: Bench) -> None:
    await bench.fail()
    bench.clock.pass_s(LIMITS.open_s)
    bench.dependency.answers.clear()
    for _ in range(3):
        looking = await under_way(bench.call())
        looking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looking
        assert bench.state is CircuitState.HALF_OPEN
    bench.dependency.well = True
    bench.dependency.answers.set()
    await bench.call()
    assert (bench.dependency.asked, bench.state) == (4, CircuitState.CLOSED)


async def test_a_silent_dependency_holds_the_probe_no_longer_than_its_limit() -> None:
    bench = Bench(BreakerLimits(probe_timeout_s=0.01))
    await bench.fail()
    bench.clock.pass_s(1.0)
    bench.dependency.answers.clear()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(DependencyUnavailable, match="no answer within"):
            await bench.call()
    assert bench.state is CircuitState.OPEN


async def test_after_it_has_closed_a_first_failure_opens_it_again_and_a_success_ends_the_trial(bench: Bench) -> None:
    bench.dependency.well = True
    for successes, expected in ((0, CircuitState.OPEN), (1, CircuitState.CLOSED)):
        await bench.fail()
        bench.clock.pass_s(LIMITS.open_s)
        for _ in range(successes):
            await bench.call()
        await bench.fail(1)
        assert bench.state is expected
        bench.clock.pass_s(LIMITS.open_s)
        await bench.call()
        await bench.call()


async def test_what_began_before_an_outage_is_no_news_after_it(bench: Bench) -> None:
    old = [await bench.breaker.enter() for _ in range(5)]
    await bench.fail()
    bench.clock.pass_s(LIMITS.open_s)
    bench.dependency.well = True
    await bench.call()
    for call in old:
        bench.breaker.settle(call, away())
    assert bench.state is CircuitState.CLOSED
    new = await bench.breaker.enter()
    await bench.fail(2)
    bench.breaker.settle(old[0], None)
    await bench.fail(1)
    assert bench.state is CircuitState.OPEN
    bench.breaker.settle(new, None)
    assert bench.state is CircuitState.OPEN


async def test_slow_answers_in_a_row_have_the_next_caller_look() -> None:
    bench = Bench(BreakerLimits(slow_s=5.0))
    bench.dependency.well = True
    await bench.call(takes_s=6.0)
    await bench.call(takes_s=6.0)
    await bench.call(takes_s=4.0)
    for _ in range(3):
        await bench.call(takes_s=6.0)
    assert (bench.state, bench.dependency.asked) == (CircuitState.HALF_OPEN, 0)
    await bench.call()
    assert (bench.state, bench.dependency.asked) == (CircuitState.CLOSED, 1)


async def test_a_health_check_looks_whatever_the_breaker_believes(bench: Bench) -> None:
    for _ in range(LIMITS.failures):
        with pytest.raises(DependencyUnavailable):
            await bench.breaker.check()
    assert bench.state is CircuitState.OPEN
    with pytest.raises(DependencyUnavailable):
        await bench.breaker.check()
    assert bench.dependency.asked == LIMITS.failures + 1
    bench.dependency.well = True
    await bench.breaker.check()
    assert bench.state is CircuitState.CLOSED
    await bench.call()


@pytest.mark.parametrize("well", [True, False])
async def test_health_checks_share_the_one_probe(bench: Bench, well: bool) -> None:
    await bench.fail()
    bench.clock.pass_s(LIMITS.open_s)
    bench.dependency.answers.clear()
    looking = [await under_way(bench.call()), *[await under_way(bench.breaker.check()) for _ in range(20)]]
    bench.dependency.well = well
    bench.dependency.answers.set()
    results = await asyncio.gather(*looking, return_exceptions=True)
    assert {type(result) for result in results} == ({type(None)} if well else {DependencyUnavailable})
    assert bench.dependency.asked == 1


class Breaker(RuleBasedStateMachine):
    """Callers that come, end and leave in any order, over a dependency that comes and goes."""

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.bench = self.run(self.make())
        self.calls: list[Call] = []
        self.probes: list[asyncio.Task[Call]] = []

    async def make(self) -> Bench:
        return Bench()

    def run(self, work):  # type: ignore[no-untyped-def]  # any coroutine's result
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        for probe in self.probes:
            probe.cancel()
        self.run(asyncio.sleep(0))
        self.run(asyncio.sleep(0))
        self.loop.close()

    @rule()
    def enter(self) -> None:
        before, busy = self.bench.state, bool(self.probes)
        task = self.loop.create_task(self.bench.breaker.enter())
        for _ in range(3):
            self.run(asyncio.sleep(0))
        if not task.done():
            assert before is CircuitState.HALF_OPEN
            assert not busy
            self.probes.append(task)
        elif task.exception() is None:
            assert not busy
            self.calls.append(task.result())
        else:
            assert isinstance(error := task.exception(), DependencyUnavailable)
            assert 1 <= error.retry_after_s <= max(1, math.ceil(LIMITS.probe_timeout_s)) or not before
            assert before is not CircuitState.CLOSED

    @precondition(lambda self: self.calls)
    @rule(error=sampled_from([None, away(), away("another"), NotFound("x")]))
    def settle(self, error: Exception | None) -> None:
        self.bench.breaker.settle(self.calls.pop(), error)

    @rule(seconds=sampled_from([0.5, 1.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.bench.clock.pass_s(seconds)

    @rule(well=sampled_from([True, False]), at_once=sampled_from([True, False]))
    def change(self, *, well: bool, at_once: bool) -> None:
        self.bench.dependency.well = well
        (self.bench.dependency.answers.set if at_once else self.bench.dependency.answers.clear)()
        for _ in range(3):
            self.run(asyncio.sleep(0))
        for probe in [probe for probe in self.probes if probe.done()]:
            self.probes.remove(probe)
            if probe.exception() is None:
                self.calls.append(probe.result())

    @precondition(lambda self: self.probes)
    @rule()
    def leave(self) -> None:
        self.probes.pop().cancel()
        for _ in range(3):
            self.run(asyncio.sleep(0))
        assert self.bench.state is CircuitState.HALF_OPEN

    @invariant()
    def never_two_probes(self) -> None:
        if hasattr(self, "bench"):
            assert len(self.probes) <= 1
            assert self.bench.dependency.most_at_once <= 1


TestBreaker = Breaker.TestCase
TestBreaker.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
