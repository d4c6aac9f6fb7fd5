"""Rate limits and what is said of them."""

import math

import pytest

from facepass.domain.rate import RateDecision, RateLimit


@pytest.mark.parametrize(("most", "per_s"), [(0, 1.0), (-1, 1.0), (1, 0.0), (1, -1.0), (1, math.inf), (1, math.nan)])
def test_a_limit_that_admits_nobody_or_never_ends_is_none(most: int, per_s: float) -> None:
    with pytest.raises(ValueError, match="rate limit"):
        RateLimit(most, per_s)


@pytest.mark.parametrize(("per_s", "window_us"), [(60.0, 60_000_000), (0.1, 100_000), (1e-6, 1), (1e-9, 1)])
def test_a_window_is_counted_in_whole_microseconds(per_s: float, window_us: int) -> None:
    assert RateLimit(1, per_s).window_us == window_us


@pytest.mark.parametrize(("reset_s", "retry_after_s"), [(0.0, 1), (0.2, 1), (1.0, 1), (1.000_001, 2), (59.5, 60)])
def test_whoever_waits_as_told_is_not_too_early(reset_s: float, retry_after_s: int) -> None:
    assert RateDecision(False, RateLimit(1, 60.0), 0, reset_s).retry_after_s == retry_after_s
