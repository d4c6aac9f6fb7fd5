"""Rate limits, not asked for while what keeps them is away. Whether callers are admitted then is for others to say."""

from facepass.adapters.resilience.breaker import CircuitBreaker
from facepass.domain.ports import RateLimiter
from facepass.domain.rate import RateDecision, RateLimit


class GuardedRateLimiter(RateLimiter):
    """Asks the inner one while the breaker lets it.

    Args:
        inner: counts.
        breaker: of what the replicas count in.
    """

    def __init__(self, inner: RateLimiter, breaker: CircuitBreaker) -> None:
        self._inner = inner
        self._breaker = breaker

    async def hit(self, subject: str, limit: RateLimit) -> RateDecision:
        """See `RateLimiter.hit`."""
        async with self._breaker.guarding():
            return await self._inner.hit(subject, limit)
