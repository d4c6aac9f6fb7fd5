"""Rate limits, measured, and open while they cannot be kept: a Redis that is away must not close the service."""

import structlog
from prometheus_client import CollectorRegistry, Counter

from facepass.application.ports import Clock
from facepass.domain.errors import DependencyUnavailable
from facepass.domain.ports import RateLimiter
from facepass.domain.rate import RateDecision, RateLimit

PAUSE_S = 1.0
"""After a failure nobody asks for so long: an outage costs one caller a second a time-out, not every caller."""
WARN_EVERY_S = 60.0
KINDS = frozenset({"index", "search", "detect", "failed"})
"""Values of the label `kind`: what subjects begin with. Whatever else they may begin with is `other`."""
ADMITTED, REFUSED, UNCHECKED = "admitted", "refused", "unchecked"

logger = structlog.get_logger(__name__)


class FailOpenRateLimiter(RateLimiter):
    """Admits whom the inner one cannot count, and never raises.

    Metrics: `rate_limit_decisions_total` by kind of subject and decision, `unchecked` for those who were admitted
    without having been counted; `rate_limiter_failures_total` for how often the inner one failed.

    Args:
        inner: counts.
        clock: for the pauses and the log.
        registry: where the counters are registered.
    """

    def __init__(self, inner: RateLimiter, *, clock: Clock, registry: CollectorRegistry) -> None:
        self._inner = inner
        self._clock = clock
        self._asks_again_s: float | None = None  # None while the inner one answers
        self._warns_again_s: float | None = None
        self._decisions = Counter(
            "rate_limit_decisions_total",
            "Hits on rate limits; unchecked ones were admitted while limits could not be kept.",
            ["kind", "decision"],
            registry=registry,
        )
        self._failures = Counter(
            "rate_limiter_failures_total", "How often what keeps the rate limits was asked in vain.", registry=registry
        )
        for kind in KINDS:
            for decision in (ADMITTED, REFUSED, UNCHECKED):
                self._decisions.labels(kind, decision)

    async def hit(self, subject: str, limit: RateLimit) -> RateDecision:
        """See `RateLimiter.hit`; where nothing could be counted, all of the limit remains."""
        decision = await self._ask(subject, limit)
        if decision is None:
            self._count(subject, UNCHECKED)
            return RateDecision(admitted=True, limit=limit, remaining=limit.most, reset_s=0.0)
        self._count(subject, ADMITTED if decision.admitted else REFUSED)
        return decision

    async def _ask(self, subject: str, limit: RateLimit) -> RateDecision | None:
        if self._asks_again_s is not None:
            now_s = self._clock.elapsed_s()
            if now_s < self._asks_again_s:
                return None
            # Whoever comes first after a pause asks, and no one else until the answer is there or the pause is over.
            self._asks_again_s = now_s + PAUSE_S
        try:
            decision = await self._inner.hit(subject, limit)
        except DependencyUnavailable as error:
            self._failed(error)
            return None
        self._asks_again_s = None
        return decision

    def _failed(self, error: DependencyUnavailable) -> None:
        now_s = self._clock.elapsed_s()
        self._asks_again_s = now_s + PAUSE_S
        self._failures.inc()
        if self._warns_again_s is None or now_s >= self._warns_again_s:
            self._warns_again_s = now_s + WARN_EVERY_S
            logger.warning("rate_limits_not_kept", dependency=error.dependency, reason=error.detail)

    def _count(self, subject: str, decision: str) -> None:
        kind = subject.partition(":")[0]
        self._decisions.labels(kind if kind in KINDS else "other", decision).inc()
