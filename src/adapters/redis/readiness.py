"""Whether Redis answers, for the health answer."""

from redis.asyncio import Redis

from facepass.adapters.redis.connection import bounded
from facepass.application.ports import Readiness


class RedisReadiness(Readiness):
    """Asks for no more than an answer: a Redis that takes no writes is one, too.

    Args:
        client: whose pool is asked.
    """

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def check(self) -> None:
        """See `Readiness.check`."""
        async with bounded(self._client):
            await self._client.ping()
