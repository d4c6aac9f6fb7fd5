"""Migrations of filled tables while older replicas read and write, others migrate too, and connections die."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from facepass.adapters.pgvector import migrate
from facepass.adapters.pgvector.engine import PoolSettings
from facepass.domain.errors import DependencyUnavailable
from tests.fixtures_postgres import ask, run_sql
from tests.integration.postgres.migration_data import (
    NEW_ROWS,
    OLD_ROWS,
    Connection,
    contents,
    erase,
    fill,
    index,
    until_true,
)

SETTINGS = PoolSettings()
PHOTOS = 1300
"""More than a batch in `first`, and something behind."""
MIGRATOR = "FROM pg_stat_activity WHERE application_name = 'facepass' AND datname = current_database()"
STOPPED = f"SELECT EXISTS (SELECT {MIGRATOR} AND wait_event_type = 'Lock')"
HALF_WAY = "SELECT count(*) FROM photos_next"
GONE = (asyncpg.UndefinedColumnError, asyncpg.UndefinedTableError, asyncpg.UndefinedObjectError)


@pytest.fixture
async def filled_url(empty_database_url: str) -> str:
    """A database at revision 0001 with photos of three sessions."""
    await migrate.upgrade(empty_database_url, SETTINGS, "0001")
    await fill(empty_database_url, photos=PHOTOS)
    return empty_database_url


@pytest.fixture
async def connection(filled_url: str) -> AsyncIterator[Connection]:
    """Somebody else's."""
    connection = await asyncpg.connect(filled_url)
    yield connection
    await connection.close()


@asynccontextmanager
async def stopped_half_way(url: str, connection: Connection) -> AsyncIterator[asyncio.Task[bool]]:
    """An upgrade that has copied a batch and waits: the next one has a photo of a session that is kept locked."""
    await migrate.upgrade(url, SETTINGS, "0002")
    holder = await asyncpg.connect(url)
    try:
        await holder.execute("BEGIN")
        await holder.execute("SELECT FROM sessions WHERE session_id = 'second' FOR UPDATE")
        upgrade = asyncio.create_task(migrate.upgrade(url, SETTINGS))
        await until_true(connection, STOPPED)
        assert 0 < await connection.fetchval(HALF_WAY) < PHOTOS
        yield upgrade
    finally:
        await holder.close()


async def test_a_connection_that_dies_half_way(filled_url: str, connection: Connection) -> None:
    before = await contents(filled_url, OLD_ROWS)
    async with stopped_half_way(filled_url, connection) as upgrade:
        await connection.execute(f"SELECT pg_terminate_backend(pid) {MIGRATOR}")
        with pytest.raises(DependencyUnavailable):
            await upgrade
        assert await migrate.current(filled_url, SETTINGS) == "0002"
        (await contents(filled_url, OLD_ROWS)).assert_same(before)
        copied = await connection.fetchval("SELECT array_agg(ctid ORDER BY ctid) FROM photos_next")
    await index(connection, "first", "photo 0", 4)
    await index(connection, "first", "written in between", 2)
    before = await contents(filled_url, OLD_ROWS)
    assert await migrate.upgrade(filled_url, SETTINGS)
    (await contents(filled_url, NEW_ROWS)).assert_same(before)
    still = await connection.fetchval("SELECT array_agg(ctid) FROM photos")
    assert len(set(copied) & set(still)) >= len(copied) - 1  # it went on instead of beginning anew


async def test_a_caller_that_gives_up_half_way(filled_url: str, connection: Connection) -> None:
    before = await contents(filled_url, OLD_ROWS)
    async with stopped_half_way(filled_url, connection) as upgrade:
        upgrade.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upgrade
    await migrate.upgrade(filled_url, SETTINGS)
    (await contents(filled_url, NEW_ROWS)).assert_same(before)


async def test_back_after_half_a_copy(filled_url: str, connection: Connection) -> None:
    before = await contents(filled_url, OLD_ROWS)
    async with stopped_half_way(filled_url, connection) as upgrade:
        upgrade.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upgrade
    await migrate.downgrade(filled_url, SETTINGS, "0001")
    await index(connection, "first", "photo 0", 4)
    before = await contents(filled_url, OLD_ROWS)
    await migrate.upgrade(filled_url, SETTINGS)
    (await contents(filled_url, NEW_ROWS)).assert_same(before)


async def test_what_is_written_behind_the_copy_is_followed(filled_url: str, connection: Connection) -> None:
    await index(connection, "unbound", "without faces", 0)
    async with stopped_half_way(filled_url, connection) as upgrade:
        await index(connection, "first", "photo 0", 5)  # again, with more faces than before
        await index(connection, "first", "photo 1", 0)  # again, without any
        await index(connection, "first", "new", 2)
        await index(connection, "unbound", "with a face", 1)  # the session learns its dimension
        await index(connection, "brand new", "of another model", 3, model="model-b")
        await erase(connection, "other")
        await index(connection, "other", "begun again", 1)  # with another model than before
        before = await contents(filled_url, OLD_ROWS)
    await upgrade
    (await contents(filled_url, NEW_ROWS)).assert_same(before)
    assert {row[0] for row in before.rows} == {"first", "second", "unbound", "brand new", "other"}
    counts = await connection.fetch(
        "SELECT face_count, (SELECT count(*) FROM faces WHERE session_pk = pk) AS faces FROM sessions"
    )
    assert all(row["face_count"] == row["faces"] > 0 for row in counts)


async def test_an_older_replica_writes_all_the_while(filled_url: str, connection: Connection) -> None:
    acknowledged: dict[tuple[str, str], int] = {}

    async def write() -> None:
        number = 0
        while True:
            number += 1
            session, name = (
                ("first", "second", "other", f"fresh {number % 50}")[number % 4],
                f"photo {7 * number % 2000}",
            )
            faces = number % 5
            try:
                await index(connection, session, name, faces, model="model-b" if session == "other" else "model-a")
            except GONE:
                return
            acknowledged[session, name] = faces

    writer = asyncio.create_task(write())
    await migrate.upgrade(filled_url, SETTINGS)
    await writer
    rows = (await contents(filled_url, NEW_ROWS)).rows
    for (session, name), faces in acknowledged.items():
        found = [row for row in rows if row[:2] == (session, name)]
        assert len(found) == max(faces, 1)  # a photo without faces is one row
        assert all(row[6] == faces for row in found)
    assert len({row[:2] for row in rows}) == len({row[2] for row in rows})
    assert acknowledged


async def test_several_replicas_upgrade_filled_tables_at_once(filled_url: str) -> None:
    before = await contents(filled_url, OLD_ROWS)
    await asyncio.gather(*(migrate.upgrade(filled_url, SETTINGS) for _ in range(4)))
    (await contents(filled_url, NEW_ROWS)).assert_same(before)
    assert await migrate.current(filled_url, SETTINGS) == migrate.chain()[-1][0]


async def test_a_long_reader_is_waited_for_without_holding_up_others(filled_url: str, connection: Connection) -> None:
    await migrate.upgrade(filled_url, SETTINGS, "0002")
    before = await contents(filled_url, OLD_ROWS)
    dump = connection.transaction()
    await dump.start()
    await connection.execute("SELECT FROM sessions, photos, faces LIMIT 1")
    upgrade = asyncio.create_task(migrate.upgrade(filled_url, SETTINGS))
    watcher = await asyncpg.connect(filled_url)
    for _ in range(2):  # two attempts that end without the lock
        await until_true(watcher, STOPPED)
        asked = time.perf_counter()
        await watcher.execute("SELECT FROM sessions, photos, faces LIMIT 1")
        assert time.perf_counter() - asked < 3 * migrate.LOCK_TIMEOUT_S
        await until_true(watcher, STOPPED.replace("SELECT EXISTS", "SELECT NOT EXISTS"))
    assert await watcher.fetchval("SELECT count(*) FROM photos") == PHOTOS
    await dump.rollback()
    await watcher.close()
    assert await upgrade
    (await contents(filled_url, NEW_ROWS)).assert_same(before)


async def test_nothing_of_the_copy_is_left(filled_url: str) -> None:
    await migrate.upgrade(filled_url, SETTINGS)
    left = (
        "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND (relname LIKE '%next%' OR relname LIKE '%changed%')"
    )
    assert await ask(filled_url, left) == 0
    assert await ask(filled_url, "SELECT count(*) FROM pg_proc WHERE proname LIKE 'note%'") == 0
    assert await ask(filled_url, "SELECT count(*) FROM pg_constraint WHERE NOT convalidated") == 0


async def test_a_step_that_fails_is_rolled_back(filled_url: str) -> None:
    before = await contents(filled_url, OLD_ROWS)
    await run_sql(filled_url, "CREATE TABLE faces_next (somebody_elses int)")
    with pytest.raises(Exception, match="faces_next"):
        await migrate.upgrade(filled_url, SETTINGS)
    assert await migrate.current(filled_url, SETTINGS) == "0001"
    assert await ask(filled_url, "SELECT to_regclass('models') IS NULL")
    await run_sql(filled_url, "DROP TABLE faces_next")
    await migrate.upgrade(filled_url, SETTINGS)
    (await contents(filled_url, NEW_ROWS)).assert_same(before)
