"""The pool in numbers: who has a connection, and who waits for one."""

import asyncio

import pytest

from facepass.adapters.pgvector.engine import PoolSettings, create_engine
from facepass.adapters.pgvector.pool_figures import EnginePool
from facepass.adapters.pgvector.transaction import reading
from facepass.domain.errors import DependencyUnavailable
from tests.tasks import under_way, until

PATIENCE_S = 30


def figures(pool: EnginePool) -> tuple[int, int, int, int]:
    return pool.active, pool.idle, pool.waiting, pool.most


async def test_the_pool_is_counted(shared_database_url: str) -> None:
    engine = create_engine(shared_database_url, PoolSettings(pool_max=2, timeout_s=5))
    pool, end = EnginePool(engine), asyncio.Event()

    async def hold() -> None:
        async with reading(engine):
            await end.wait()

    try:
        assert figures(pool) == (0, 0, 0, 2)
        holders = [await under_way(hold()) for _ in range(3)]
        async with asyncio.timeout(PATIENCE_S):
            await until(lambda: pool.active == 2 and pool.waiting == 1)
        end.set()
        await asyncio.gather(*holders)
        assert figures(pool) == (0, 2, 0, 2)
        await engine.dispose()
        assert figures(pool) == (0, 0, 0, 2), "of the pool there is now"
    finally:
        await engine.dispose()


async def test_who_gave_up_waits_no_more() -> None:
    engine = create_engine("postgresql://nobody@127.0.0.1:1/none", PoolSettings(timeout_s=0.5))
    pool = EnginePool(engine)
    with pytest.raises(DependencyUnavailable):
        async with reading(engine):
            pass
    assert (pool.active, pool.waiting) == (0, 0)
    await engine.dispose()
