"""What only the limiter in memory has to bound: how many subjects it remembers, and what of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.adapters.memory.rate_limiter import LET_GO_AT_ONCE, InMemoryRateLimiter
from facepass.domain.rate import RateLimit
from tests.clocks import HandClock

LIMIT = RateLimit(1, 60.0)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 5))
async def test_no_more_subjects_are_remembered_than_the_bound(subjects: list[int], max_subjects: int) -> None:
    limiter = InMemoryRateLimiter(HandClock(), max_subjects=max_subjects)
    for subject in subjects:
        await limiter.hit(f"{subject}", LIMIT)
        assert len(limiter) <= max_subjects


async def test_beyond_the_bound_whoever_asked_least_recently_is_forgotten(clock: HandClock) -> None:
    limiter = InMemoryRateLimiter(clock, max_subjects=2)
    await limiter.hit("busy", LIMIT)
    await limiter.hit("quiet", LIMIT)
    assert not (await limiter.hit("busy", LIMIT)).admitted
    await limiter.hit("new", LIMIT)
    assert not (await limiter.hit("busy", LIMIT)).admitted
    assert (await limiter.hit("quiet", LIMIT)).admitted


async def test_whoever_has_nothing_that_counts_is_forgotten_by_and_by(clock: HandClock) -> None:
    limiter = InMemoryRateLimiter(clock)
    for subject in range(10):
        await limiter.hit(f"{subject}", LIMIT)
    clock.pass_s(59.999)
    await limiter.hit("later", LIMIT)
    assert len(limiter) == 11
    clock.pass_s(0.001)
    for left in range(10, 0, -LET_GO_AT_ONCE):
        await limiter.hit("later", LIMIT)
        assert len(limiter) == left + 1 - LET_GO_AT_ONCE


async def test_many_are_admitted_again_after_a_long_pause(clock: HandClock) -> None:
    limiter, limit = InMemoryRateLimiter(clock), RateLimit(1000, 60.0)
    for _ in range(3):
        decisions = [await limiter.hit("subject", limit) for _ in range(1001)]
        assert [decision.admitted for decision in decisions] == [*[True] * 1000, False]
        clock.pass_s(3600.0)
