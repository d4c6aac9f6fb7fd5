"""Migrations on a real server: up, down, up, several at once, and servers that do not qualify."""

import asyncio
import itertools
import time

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import AsyncEngine

from facepass.adapters.pgvector import migrate
from facepass.adapters.pgvector.engine import PoolSettings, create_engine
from facepass.adapters.pgvector.tables import metadata
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.domain.errors import ConfigurationError, DependencyUnavailable
from tests.fixtures_postgres import ask, at_database, run_sql
from tests.gallery_builders import new_session, photo, random_embeddings
from tests.gallery_steps import search, store

REVISIONS = [revision for revision, _ in migrate.chain()]
TABLES = "SELECT array_agg(tablename::text ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public'"


async def index_something(url: str) -> None:
    engine = create_engine(url, PoolSettings())
    units = PostgresUnitOfWorkFactory(engine)
    session = new_session()
    await store(units, photo(session, "p", random_embeddings(1, 3)))
    assert (await search(units, session)).total == 1
    await engine.dispose()


async def test_stairway(empty_database_url: str) -> None:
    for below, revision in zip(["base", *REVISIONS], REVISIONS, strict=False):
        assert await migrate.upgrade(empty_database_url, PoolSettings(), revision)
        await migrate.downgrade(empty_database_url, PoolSettings(), below)
        assert await migrate.upgrade(empty_database_url, PoolSettings(), revision)
        assert await migrate.current(empty_database_url, PoolSettings()) == revision


async def test_down_and_up_with_rows_in_the_tables(empty_database_url: str) -> None:
    await migrate.upgrade(empty_database_url, PoolSettings())
    await index_something(empty_database_url)
    await migrate.downgrade(empty_database_url, PoolSettings(), "base")
    assert await ask(empty_database_url, TABLES) == ["alembic_version"]
    assert await migrate.current(empty_database_url, PoolSettings()) is None
    await migrate.upgrade(empty_database_url, PoolSettings())
    assert await ask(empty_database_url, "SELECT count(*) FROM faces") == 0
    await index_something(empty_database_url)


def is_ours(name: str | None, kind: str, _: object) -> bool:
    return kind != "table" or not (name or "").startswith("pgqueuer")


async def test_tables_of_the_queries_are_those_of_the_migrations(postgres_engine: AsyncEngine) -> None:
    async with postgres_engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(sync, opts={"compare_type": True, "include_name": is_ours}), metadata
            )
        )
    assert differences == []


async def test_vectors_stay_in_their_rows(database_url: str) -> None:
    storage = "SELECT attstorage FROM pg_attribute WHERE attrelid = 'faces'::regclass AND attname = 'embedding'"
    assert await ask(database_url, storage) == b"p"


async def test_several_replicas_at_once(empty_database_url: str) -> None:
    await asyncio.gather(*(migrate.upgrade(empty_database_url, PoolSettings()) for _ in range(5)))
    assert await migrate.current(empty_database_url, PoolSettings()) == REVISIONS[-1]
    assert await ask(empty_database_url, "SELECT count(*) FROM alembic_version") == 1


async def test_nothing_to_do_costs_little(database_url: str) -> None:
    begun = time.perf_counter()
    assert not await migrate.upgrade(database_url, PoolSettings())
    assert time.perf_counter() - begun < 0.2


async def test_a_database_behind_is_told_what_to_run(empty_database_url: str, database_url: str) -> None:
    await migrate.check_current(database_url, PoolSettings())
    with pytest.raises(ConfigurationError, match=f"at revision none, this version needs {REVISIONS[-1]}: run"):
        await migrate.check_current(empty_database_url, PoolSettings())


async def test_history(empty_database_url: str) -> None:
    assert {step.applied for step in await migrate.history(empty_database_url, PoolSettings())} == {False}
    await migrate.upgrade(empty_database_url, PoolSettings())
    steps = await migrate.history(empty_database_url, PoolSettings())
    assert [step.revision for step in steps] == REVISIONS
    assert all(step.applied and step.summary for step in steps)


def test_the_chain_has_no_branches() -> None:
    assert len(set(REVISIONS)) == len(REVISIONS) == len(list((migrate.script_folder() / "versions").glob("*.py")))
    assert all(earlier < later for earlier, later in itertools.pairwise(REVISIONS))


async def test_a_failed_migration_leaves_nothing(empty_database_url: str) -> None:
    await run_sql(empty_database_url, "CREATE TABLE faces (somebody_elses int)")
    with pytest.raises(Exception, match="faces"):
        await migrate.upgrade(empty_database_url, PoolSettings())
    assert await ask(empty_database_url, TABLES) == ["faces"]


async def test_a_database_ahead_of_us_is_refused(database_url: str) -> None:
    await run_sql(database_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match="9999, newer than this version"):
        await migrate.upgrade(database_url, PoolSettings())


async def test_an_account_that_may_not_install_pgvector_is_told(postgres_url: str) -> None:
    url = at_database(postgres_url, "no_vector")
    await run_sql(postgres_url, "CREATE DATABASE no_vector TEMPLATE template0")
    with pytest.raises(ConfigurationError, match="let a superuser run `CREATE EXTENSION vector`"):
        await migrate.upgrade(url, PoolSettings())
    await run_sql(postgres_url, "DROP DATABASE no_vector")


async def test_another_encoding_is_refused(postgres_url: str) -> None:
    url = at_database(postgres_url, "ascii")
    await run_sql(
        postgres_url,
        "CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C'",
    )
    with pytest.raises(ConfigurationError, match="encoded in SQL_ASCII"):
        await migrate.upgrade(url, PoolSettings())
    await run_sql(postgres_url, "DROP DATABASE ascii")


async def test_wrong_addresses(postgres_url: str) -> None:
    with pytest.raises(ConfigurationError, match="postgresql://"):
        await migrate.upgrade("mysql://localhost/facepass", PoolSettings())
    with pytest.raises(ConfigurationError, match="user, password or database name"):
        await migrate.upgrade(at_database(postgres_url, "nowhere"), PoolSettings())
    with pytest.raises(ConfigurationError, match="DB_SSLMODE must be one of"):
        await migrate.upgrade(postgres_url, PoolSettings(sslmode="perhaps"))
    with pytest.raises(DependencyUnavailable, match="cannot be reached"):
        await migrate.upgrade("postgresql://facepass:secret@127.0.0.1:1/facepass", PoolSettings())
