"""What the queue of jobs is made of, beside its adapter: connections of its own, and patience."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import asyncpg

from facepass.adapters.pgvector.engine import PoolSettings, connect


def connector(url: str, pool: PoolSettings) -> Callable[[], Awaitable["asyncpg.Connection[asyncpg.Record]"]]:
    """Makes connections beside the pool's."""
    return lambda: connect(url, pool)


async def jittered_sleep(pause_s: float) -> None:
    """Wait for half to one and a half times as long: those who wait for the same thing do not come back together."""
    await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
