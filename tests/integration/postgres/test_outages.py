"""A database that dies, stalls or refuses: what callers see, what is stored, and that it needs no restart of ours."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import psutil
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from facepass.adapters.embedded_postgres import EmbeddedPostgres
from facepass.adapters.pgvector import migrate
from facepass.adapters.pgvector.engine import PoolSettings, create_engine, warm_up
from facepass.adapters.pgvector.readiness import DatabaseReadiness
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.application.ports import UnitOfWorkFactory
from facepass.domain.errors import DependencyRefused, DependencyUnavailable
from facepass.domain.gallery import PhotoId
from tests.fixtures_postgres import run_sql
from tests.gallery_builders import NOON, new_session, photo, random_embeddings
from tests.gallery_steps import assert_same_photo, put, search, store

OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
OTHERS_HERE = f"{OTHERS} AND datname = current_database()"


def kill(data_dir: Path) -> None:
    """End the postmaster as the kernel would, without a word, and see it gone."""
    process = psutil.Process(int((data_dir / "postgres" / "data" / "postmaster.pid").read_text().split()[0]))
    process.kill()
    psutil.wait_procs([process], timeout=5)


@pytest.fixture
async def own_server(used_data_dir: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A server that a test may kill."""
    postgres = EmbeddedPostgres(used_data_dir)
    await postgres.start()
    yield postgres
    await postgres.stop()


@pytest.fixture
async def units(own_server: EmbeddedPostgres) -> AsyncIterator[UnitOfWorkFactory]:
    """Units of work over `own_server`."""
    await migrate.upgrade(own_server.url, PoolSettings())
    engine = create_engine(own_server.url, PoolSettings())
    yield PostgresUnitOfWorkFactory(engine)
    await engine.dispose()


async def test_a_server_killed_inside_a_transaction(
    used_data_dir: Path, own_server: EmbeddedPostgres, units: UnitOfWorkFactory
) -> None:
    session = new_session()
    old = photo(session, "old", random_embeddings(1, 3))
    await store(units, old)

    async with units() as unit:
        await put(unit, photo(session, "old", random_embeddings(2, 5)))
        await put(unit, photo(session, "new", random_embeddings(3, 5)))
        kill(used_data_dir)
        await own_server.ensure_running()
        with pytest.raises(DependencyUnavailable) as refused:
            await unit.commit()
    assert refused.value.dependency == "database"
    assert "127.0.0.1" not in refused.value.detail

    # the same engine goes on, and the photo is as it was
    async with units() as unit:
        assert_same_photo(await unit.galleries.photo(session, old.photo_id), old)
        assert await unit.galleries.photo(session, PhotoId("new")) is None
    assert await store(units, photo(session, "new", random_embeddings(3, 5))) == [False]


async def test_writers_and_readers_through_a_kill(
    used_data_dir: Path, own_server: EmbeddedPostgres, units: UnitOfWorkFactory
) -> None:
    session = new_session()
    await store(units, photo(session, "first", random_embeddings(0, 1)))
    refusals = 0

    async def write(writer: int) -> None:
        nonlocal refusals
        for n in range(20):
            if (writer, n) == (0, 5):
                kill(used_data_dir)
            one = photo(session, f"{writer}-{n}", random_embeddings(n, 3), at=NOON + timedelta(seconds=n))
            stored = False
            while not stored:
                try:
                    await store(units, one)
                    await search(units, session)
                    stored = True
                except DependencyUnavailable:
                    refusals += 1
                    await own_server.ensure_running()

    async with asyncio.timeout(30):
        await asyncio.gather(*(write(writer) for writer in range(4)))
    async with units() as unit:
        status = await unit.galleries.gallery(session)
    assert status is not None
    assert (status.photo_count, status.face_count) == (81, 241)
    assert refusals > 0


async def test_connections_that_died_in_the_pool_are_no_error(postgres_engine: AsyncEngine, database_url: str) -> None:
    units = PostgresUnitOfWorkFactory(postgres_engine)
    session = new_session()
    await warm_up(postgres_engine, connections=5)
    await run_sql(database_url, OTHERS_HERE)
    assert await store(units, photo(session, "a", random_embeddings(1, 2))) == [False]
    await warm_up(postgres_engine, connections=5)
    await run_sql(database_url, OTHERS_HERE)
    assert (await search(units, session)).total == 1


async def test_a_connection_that_dies_before_its_first_statement_is_no_error(
    postgres_engine: AsyncEngine, database_url: str
) -> None:
    units = PostgresUnitOfWorkFactory(postgres_engine)
    session = new_session()
    async with units() as unit:
        await run_sql(database_url, OTHERS_HERE)
        assert await unit.galleries.gallery(session) is None
        await run_sql(database_url, OTHERS_HERE)
        await put(unit, photo(session, "a", random_embeddings(1, 2)))
        await unit.commit()
    assert (await search(units, session)).total == 1


async def test_a_connection_that_dies_between_writes_is_told(postgres_engine: AsyncEngine, database_url: str) -> None:
    units = PostgresUnitOfWorkFactory(postgres_engine)
    session = new_session()
    async with units() as unit:
        await put(unit, photo(session, "a", random_embeddings(1, 2)))
        await run_sql(database_url, OTHERS_HERE)
        with pytest.raises(DependencyUnavailable):
            await put(unit, photo(session, "b", random_embeddings(1, 2)))
        with pytest.raises(DependencyUnavailable):
            await unit.commit()
    async with units() as unit:
        assert await unit.galleries.gallery(session) is None


async def test_a_row_locked_by_somebody_else_is_waited_for_within_the_limit(database_url: str) -> None:
    engine = create_engine(database_url, PoolSettings(timeout_s=0.3))
    units = PostgresUnitOfWorkFactory(engine)
    session = new_session()
    await store(units, photo(session, "a", random_embeddings(1, 2)))
    other = await asyncpg.connect(database_url)
    async with other.transaction():
        await other.execute("SELECT FROM sessions FOR UPDATE")
        with pytest.raises(DependencyRefused, match="somebody else held"):
            await store(units, photo(session, "b", random_embeddings(1, 2)))
        assert (await search(units, session)).total == 1
    await other.close()
    assert await store(units, photo(session, "b", random_embeddings(1, 2))) == [False]
    await engine.dispose()


async def test_a_pool_in_use_is_waited_for_within_the_limit(database_url: str) -> None:
    engine = create_engine(database_url, PoolSettings(pool_max=1, timeout_s=0.2))
    units = PostgresUnitOfWorkFactory(engine)
    async with units():
        with pytest.raises(DependencyRefused, match="no database connection came free"):
            async with units():
                pass
    async with units() as unit:
        assert await unit.galleries.gallery(new_session()) is None
    await engine.dispose()


async def test_a_server_out_of_connections(database_url: str, postgres_url: str) -> None:
    name = database_url.rpartition("/")[2].partition("?")[0]
    await run_sql(postgres_url, f"ALTER DATABASE {name} CONNECTION LIMIT 0")
    engine = create_engine(database_url, PoolSettings())
    with pytest.raises(DependencyUnavailable, match="out of connections") as refused:
        await warm_up(engine, connections=1)
    assert not isinstance(refused.value, DependencyRefused)
    await run_sql(postgres_url, f"ALTER DATABASE {name} CONNECTION LIMIT -1")
    await warm_up(engine, connections=1)
    await engine.dispose()


async def test_a_transaction_cancelled_by_its_caller_leaves_nothing(postgres_engine: AsyncEngine) -> None:
    units = PostgresUnitOfWorkFactory(postgres_engine)
    session = new_session()
    written = asyncio.Event()

    async def write() -> None:
        async with units() as unit:
            await put(unit, photo(session, "a", random_embeddings(1, 2)))
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert postgres_engine.pool.checkedout() == 0
    assert await store(units, photo(session, "a", random_embeddings(1, 2))) == [False]


async def test_readiness(postgres_engine: AsyncEngine, empty_database_url: str) -> None:
    await DatabaseReadiness(postgres_engine, timeout_s=1.0).check()
    await migrate.upgrade(empty_database_url, PoolSettings())
    await migrate.downgrade(empty_database_url, PoolSettings(), "base")
    unreachable = "postgresql://facepass:secret@127.0.0.1:1/facepass"
    for url, words in ((empty_database_url, "run the migrations"), (unreachable, "cannot be reached")):
        engine = create_engine(url, PoolSettings())
        with pytest.raises(DependencyUnavailable, match=words) as refused:
            await DatabaseReadiness(engine, timeout_s=1.0).check()
        assert "secret" not in refused.value.detail
        await engine.dispose()
