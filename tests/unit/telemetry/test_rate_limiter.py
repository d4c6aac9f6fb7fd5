"""The limiter that stays open: whom it admits, and what it tells."""

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from facepass.adapters.memory.rate_limiter import InMemoryRateLimiter
from facepass.adapters.telemetry.rarely import WARN_EVERY_S
from facepass.adapters.telemetry.rate_limiter import KINDS, FailOpenRateLimiter
from facepass.domain.errors import DependencyUnavailable
from facepass.domain.ports import RateLimiter
from facepass.domain.rate import RateDecision, RateLimit
from tests.clocks import HandClock

LIMIT = RateLimit(2, 60.0)
OPEN = RateDecision(True, LIMIT, remaining=2, reset_s=0.0)


class Fickle(RateLimiter):
    """Counts while it is well."""

    def __init__(self, clock: HandClock) -> None:
        self._inner = InMemoryRateLimiter(clock)
        self.well = True

    async def hit(self, subject: str, limit: RateLimit) -> RateDecision:
        if not self.well:
            raise DependencyUnavailable("redis", "Redis cannot be reached")
        return await self._inner.hit(subject, limit)


class Measured:
    """A limiter with all that it is made of."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.inner = Fickle(self.clock)
        self.registry = CollectorRegistry()
        self._limiter = FailOpenRateLimiter(self.inner, clock=self.clock, registry=self.registry)

    async def hit(self, subject: str = "search:token:t") -> RateDecision:
        return await self._limiter.hit(subject, LIMIT)

    def decisions(self, kind: str, decision: str) -> float | None:
        return self.registry.get_sample_value("rate_limit_decisions_total", {"kind": kind, "decision": decision})


@pytest.fixture
def limiter() -> Measured:
    return Measured()


async def test_decisions_are_passed_on_and_counted_by_kind(limiter: Measured) -> None:
    assert [(await limiter.hit()).admitted for _ in range(3)] == [True, True, False]
    await limiter.hit("index:key:k")
    counted = [limiter.decisions("search", "admitted"), limiter.decisions("search", "refused")]
    assert (counted, limiter.decisions("index", "admitted")) == ([2, 1], 1)


@pytest.mark.parametrize("subject", ["", "203.0.113.7", "SEARCH:x", "anything:x", "search"])
async def test_there_are_no_more_kinds_than_are_known(limiter: Measured, subject: str) -> None:
    await limiter.hit(subject)
    (family,) = (family for family in limiter.registry.collect() if family.name == "rate_limit_decisions")
    assert {sample.labels["kind"] for sample in family.samples} <= {*KINDS, "other"}
    assert limiter.decisions("search" if subject == "search" else "other", "admitted") == 1


async def test_every_kind_is_there_from_the_start(limiter: Measured) -> None:
    for kind in KINDS:
        for decision in ("admitted", "refused", "unchecked"):
            assert limiter.decisions(kind, decision) == 0


async def test_a_failure_admits_and_is_counted(limiter: Measured) -> None:
    limiter.inner.well = False
    assert await limiter.hit() == OPEN
    assert (limiter.decisions("search", "unchecked"), limiter.decisions("search", "admitted")) == (1, 0)
    limiter.inner.well = True
    assert (await limiter.hit()).remaining == 1


async def test_the_log_says_so_once_a_minute_and_names_no_subject(limiter: Measured) -> None:
    limiter.inner.well = False
    with capture_logs() as logged:
        for _ in range(2 * round(WARN_EVERY_S) + 1):
            await limiter.hit("search:address:203.0.113.7")
            limiter.clock.pass_s(1.0)
    assert limiter.decisions("search", "unchecked") == 121
    assert (
        logged
        == [
            {
                "event": "rate_limits_not_kept",
                "log_level": "warning",
                "dependency": "redis",
                "reason": "Redis cannot be reached",
            }
        ]
        * 3
    )


async def test_what_is_no_outage_is_not_hidden(limiter: Measured) -> None:
    class Broken(RateLimiter):
        async def hit(self, subject: str, limit: RateLimit) -> RateDecision:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await FailOpenRateLimiter(Broken(), clock=HandClock(), registry=CollectorRegistry()).hit("search", LIMIT)
