"""Health checks that ask through a breaker: they look even while it is open, and it learns what they find."""

from facepass.adapters.resilience.breaker import CircuitBreaker
from facepass.application.ports import Readiness


class GuardedReadiness(Readiness):
    """Of the dependency that a breaker guards.

    Args:
        breaker: holds the question to ask.
    """

    def __init__(self, breaker: CircuitBreaker) -> None:
        self._breaker = breaker

    async def check(self) -> None:
        """See `Readiness.check`."""
        await self._breaker.check()
