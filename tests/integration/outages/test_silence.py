"""A network that swallows what is sent: every call has an end, and no dead connection waits for the next caller."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from facepass.adapters.pgvector.engine import CLIENT_GRACE_S, PoolSettings, create_engine, warm_up
from facepass.adapters.pgvector.readiness import DatabaseReadiness
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.adapters.redis.connection import CALL_TIMEOUT_S, create_client
from facepass.adapters.redis.rate_limiter import RedisRateLimiter
from facepass.adapters.redis.readiness import RedisReadiness
from facepass.domain.errors import DependencyUnavailable
from facepass.domain.rate import RateLimit
from tests.chaos.proxy import Fault, Proxy, proxied
from tests.chaos.stack import at_port
from tests.fixtures_valkey import ValkeyServer
from tests.gallery_builders import new_session

CONNECTIONS = 5
PATIENCE_S = 5.0
"""A busy machine may come late to a time-out."""
SILENT = PoolSettings(timeout_s=0.3)


@asynccontextmanager
async def over_a_proxy(database_url: str) -> AsyncIterator[tuple[Proxy, AsyncEngine]]:
    async with proxied(urlsplit(database_url).port or 0) as proxy:
        engine = create_engine(at_port(database_url, proxy.port), SILENT)
        await warm_up(engine, connections=CONNECTIONS)
        try:
            yield proxy, engine
        finally:
            await engine.dispose()


async def fails_in_time(ask: Callable[[], Awaitable[object]], limit_s: float) -> None:
    begun_s = time.monotonic()
    with pytest.raises(DependencyUnavailable):
        await ask()
    assert time.monotonic() - begun_s < limit_s + PATIENCE_S


@pytest.mark.parametrize("found_by", ["caller", "health"])
async def test_one_silent_connection_has_all_idle_ones_replaced(database_url: str, found_by: str) -> None:
    async with over_a_proxy(database_url) as (proxy, engine):
        units, session = PostgresUnitOfWorkFactory(engine), new_session()
        readiness = DatabaseReadiness(engine, timeout_s=0.2)

        async def look() -> None:
            async with units() as unit:
                assert await unit.galleries.gallery(session) is None

        await look()
        await proxy.become(Fault.CUT)
        await fails_in_time(look if found_by == "caller" else readiness.check, 0.3 + CLIENT_GRACE_S)
        await proxy.become(Fault.NONE)
        # each of the old connections would fail: all of them are still silent
        await asyncio.gather(*(look() for _ in range(CONNECTIONS)))
        await readiness.check()


async def test_a_database_that_takes_connections_and_says_nothing(database_url: str) -> None:
    async with over_a_proxy(database_url) as (proxy, engine):
        await engine.dispose()
        await proxy.become(Fault.CUT)
        await fails_in_time(lambda: warm_up(engine, connections=1), SILENT.timeout_s)


async def test_redis_falls_silent(valkey: ValkeyServer) -> None:
    async with proxied(valkey.port) as proxy:
        client = create_client(at_port(valkey.url, proxy.port))
        limiter, readiness, limit = RedisRateLimiter(client), RedisReadiness(client), RateLimit(100, 3600.0)
        await asyncio.gather(*(limiter.hit("silence", limit) for _ in range(CONNECTIONS)))
        await proxy.become(Fault.CUT)
        await fails_in_time(lambda: limiter.hit("silence", limit), CALL_TIMEOUT_S)
        await proxy.become(Fault.NONE)
        await asyncio.gather(*(limiter.hit("silence", limit) for _ in range(CONNECTIONS)), readiness.check())
        await client.aclose()
