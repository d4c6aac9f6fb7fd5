"""Property 16, word by word, and the rest of what a rate limiter promises: in memory and in a real Valkey."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facepass.adapters.memory.rate_limiter import InMemoryRateLimiter
from facepass.adapters.redis.rate_limiter import RedisRateLimiter
from facepass.domain.ports import RateLimiter
from facepass.domain.rate import MICROSECONDS, RateDecision, RateLimit
from tests.clocks import HandClock

_numbers = itertools.count()

# The limiter is shared by the examples of a test: each uses a subject of its own.
examples = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
# A minute and longer, for keys in Valkey expire by a clock of its own: no test lasts so long.
limits = st.builds(RateLimit, st.integers(1, 20), st.sampled_from([60.0, 61.5, 3600.0]))
# Time between two hits, in windows and microseconds: none, an instant, and whatever lies about the limit.
gaps = st.one_of(
    st.just((0.0, 0)),
    st.tuples(st.sampled_from([0.0, 0.05, 0.5, 1.0, 2.0]), st.integers(-2, 2)),
    st.tuples(st.floats(0.0, 1.2), st.just(0)),
    st.tuples(st.floats(0.0, 0.1), st.just(0)),
)
patterns = st.lists(gaps, max_size=60)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(params=["memory", "redis"])
def limiter(request: pytest.FixtureRequest, clock: HandClock) -> RateLimiter:
    if request.param == "memory":
        return InMemoryRateLimiter(clock)
    return RedisRateLimiter(request.getfixturevalue("redis"), clock=clock)


def anybody() -> str:
    """A subject that was never asked for."""
    return f"search:test:{next(_numbers)}"


def times_of(pattern: Sequence[tuple[float, int]], window_us: int) -> list[int]:
    """Moments in microseconds, in order."""
    steps = [max(0, round(windows * window_us) + instants) for windows, instants in pattern]
    return list(itertools.accumulate(steps))


def within(times: Sequence[int], now_us: int, window_us: int) -> list[int]:
    """Those of them that lie in the window that ends now."""
    return [time for time in times if now_us - window_us < time <= now_us]


def us(decision: RateDecision) -> int:
    return round(decision.reset_s * MICROSECONDS)


@pytest.mark.property
@examples
@given(limit=limits, pattern=patterns)
async def test_property_16_no_window_admits_more_and_nobody_under_the_limit_is_refused(
    limiter: RateLimiter, clock: HandClock, limit: RateLimit, pattern: list[tuple[float, int]]
) -> None:
    subject, begin, admitted = anybody(), clock.us, list[int]()
    for time in times_of(pattern, limit.window_us):
        clock.us = begin + time
        decision = await limiter.hit(subject, limit)
        assert decision.admitted == (len(within(admitted, clock.us, limit.window_us)) < limit.most)
        if decision.admitted:
            admitted.append(clock.us)
        counted = within(admitted, clock.us, limit.window_us)
        assert decision.remaining == limit.most - len(counted)
        assert us(decision) == counted[0] + limit.window_us - clock.us
        assert decision.limit == limit
    for first, one_too_many in zip(admitted, admitted[limit.most :], strict=False):
        assert one_too_many - first >= limit.window_us


@pytest.mark.property
@examples
@given(limit=limits, pattern=patterns)
async def test_property_16_whoever_keeps_to_the_limit_is_never_refused(
    limiter: RateLimiter, clock: HandClock, limit: RateLimit, pattern: list[tuple[float, int]]
) -> None:
    subject, begin, hits = anybody(), clock.us, list[int]()
    for gap in pattern:
        (step,) = times_of([gap], limit.window_us)
        earliest = hits[-limit.most] + limit.window_us if len(hits) >= limit.most else 0
        hits.append(max(earliest, (hits[-1] if hits else 0) + step))
        clock.us = begin + hits[-1]
        assert (await limiter.hit(subject, limit)).admitted


@pytest.mark.property
@examples
@given(limit=limits, pattern=patterns.filter(bool))
async def test_property_16_remaining_and_reset_come_true(
    limiter: RateLimiter, clock: HandClock, limit: RateLimit, pattern: list[tuple[float, int]]
) -> None:
    subject, begin = anybody(), clock.us
    for time in times_of(pattern, limit.window_us):
        clock.us = begin + time
        decision = await limiter.hit(subject, limit)
    reset = clock.us + us(decision)
    clock.us = reset - 1
    assert [(await limiter.hit(subject, limit)).admitted for _ in range(decision.remaining + 1)] == [
        *[True] * decision.remaining,
        False,
    ]
    clock.us = reset
    assert (await limiter.hit(subject, limit)).admitted


async def test_the_first_hit(limiter: RateLimiter) -> None:
    limit = RateLimit(100, 60.0)
    assert await limiter.hit(anybody(), limit) == RateDecision(True, limit, remaining=99, reset_s=60.0)


@pytest.mark.parametrize("most", [1, 2, 1000])
async def test_the_last_hit_that_fits_and_the_first_that_does_not(
    limiter: RateLimiter, clock: HandClock, most: int
) -> None:
    limit, subject = RateLimit(most, 60.0), anybody()
    for remaining in reversed(range(most)):
        assert await limiter.hit(subject, limit) == RateDecision(True, limit, remaining, reset_s=60.0)
    clock.pass_s(59.25)
    refused = await limiter.hit(subject, limit)
    assert refused == RateDecision(False, limit, remaining=0, reset_s=0.75)
    assert refused.retry_after_s == 1
    clock.pass_s(0.75)
    assert await limiter.hit(subject, limit) == RateDecision(True, limit, most - 1, reset_s=60.0)


async def test_what_is_refused_does_not_count(limiter: RateLimiter, clock: HandClock) -> None:
    limit, subject = RateLimit(2, 60.0), anybody()
    for _ in range(2):
        await limiter.hit(subject, limit)
    for _ in range(50):
        clock.pass_s(1.0)
        assert not (await limiter.hit(subject, limit)).admitted
    clock.pass_s(10.0)
    assert [(await limiter.hit(subject, limit)).admitted for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("more", ["1", " ", ":1", "\x00", "\ud800", "é" * 10_000])
async def test_subjects_are_counted_each_for_itself(limiter: RateLimiter, more: str) -> None:
    limit, subject = RateLimit(1, 60.0), anybody()
    await limiter.hit(subject, limit)
    assert (await limiter.hit(subject + more, limit)).admitted
    assert (await limiter.hit(subject.upper(), limit)).admitted
    assert not (await limiter.hit(subject, limit)).admitted


@pytest.mark.parametrize("changed", [RateLimit(2, 60.0), RateLimit(5, 60.0), RateLimit(3, 90.0)])
async def test_a_changed_limit_begins_afresh(limiter: RateLimiter, changed: RateLimit) -> None:
    limit, subject = RateLimit(3, 60.0), anybody()
    while (await limiter.hit(subject, limit)).remaining:
        pass
    assert (await limiter.hit(subject, changed)).remaining == changed.most - 1
    assert not (await limiter.hit(subject, limit)).admitted
