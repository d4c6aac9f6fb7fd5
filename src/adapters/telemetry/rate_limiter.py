"""Rate limits, measured, and open while they cannot be kept: a Redis that is away must not close the service."""

import structlog
from prometheus_client import CollectorRegistry, Counter

from facepass.adapters.telemetry.rarely import Rarely
from facepass.application.ports import Clock
from facepass.domain.errors import DependencyUnavailable
from facepass.domain.ports import RateLimiter
from facepass.domain.rate import RateDecision, RateLimit

KINDS = frozenset({"index", "search", "detect", "failed"})
"""Values of the label `kind`: what subjects begin with. Whatever else they may begin with is `other`."""
ADMITTED, REFUSED, UNCHECKED = "admitted", "refused", "unchecked"

logger = structlog.get_logger(__name__)


class FailOpenRateLimiter(RateLimiter):
    """Admits whom the inner one cannot count, and never raises. Policy: open.

    Metric: `rate_limit_decisions_total` by kind of subject and decision, `unchecked` for those who were admitted
    without having been counted.

    Args:
        inner: counts.
        clock: for the log, which tells of it once in a while.
        registry: where the counter is registered.
    """

    def __init__(self, inner: RateLimiter, *, clock: Clock, registry: CollectorRegistry) -> None:
        self._inner = inner
        self._warning = Rarely(clock)
        self._decisions = Counter(
            "rate_limit_decisions_total",
            "Hits on rate limits; unchecked ones were admitted while limits could not be kept.",
            ["kind", "decision"],
            registry=registry,
        )
        for kind in KINDS:
            for decision in (ADMITTED, REFUSED, UNCHECKED):
                self._decisions.labels(kind, decision)

    async def hit(self, subject: str, limit: RateLimit) -> RateDecision:
        """See `RateLimiter.hit`; where nothing could be counted, all of the limit remains."""
        try:
            decision = await self._inner.hit(subject, limit)
        except DependencyUnavailable as error:
            self._warn(error)
            self._count(subject, UNCHECKED)
            return RateDecision(admitted=True, limit=limit, remaining=limit.most, reset_s=0.0)
        self._count(subject, ADMITTED if decision.admitted else REFUSED)
        return decision

    def _warn(self, error: DependencyUnavailable) -> None:
        if self._warning.is_due():
            logger.warning("rate_limits_not_kept", dependency=error.dependency, reason=error.detail)

    def _count(self, subject: str, decision: str) -> None:
        kind = subject.partition(":")[0]
        self._decisions.labels(kind if kind in KINDS else "other", decision).inc()
