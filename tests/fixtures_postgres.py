"""A real PostgreSQL for the tests: one embedded server a run, a database of its own for each test that asks."""

import asyncio
import contextlib
import itertools
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from facepass.adapters.embedded_postgres.server import Server, TimeLimits
from facepass.adapters.pgvector import migrate
from facepass.adapters.pgvector.engine import PoolSettings, create_engine

MIGRATED = "migrated"
_numbers = itertools.count()


def at_database(url: str, name: str) -> str:
    """The same server, another database."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


async def run_sql(url: str, *statements: str) -> None:
    """Run statements outside any transaction."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def drop_database(url: str, name: str) -> None:
    """Drop a database with whoever is connected; autovacuum, which is the server's own, may keep it until the end."""
    with contextlib.suppress(asyncpg.InsufficientPrivilegeError):
        await run_sql(url, f"DROP DATABASE {name} WITH (FORCE)")


async def ask(url: str, question: str) -> object:
    """The one value that a query gives."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """An empty DATA_DIR. Not below pytest's own folders: those are closed to the account the server runs under."""
    folder = Path(tempfile.mkdtemp(prefix="facepass-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def cluster_image() -> Iterator[Path]:
    """A DATA_DIR that was started and stopped once."""
    folder = Path(tempfile.mkdtemp(prefix="facepass-test-"))
    folder.chmod(0o755)
    server = Server(folder, port=None, limits=TimeLimits())
    server.open()
    server.close()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def used_data_dir(data_dir: Path, cluster_image: Path) -> Path:
    """A DATA_DIR with a cluster in it, on a port of its own: copying takes a tenth of creating."""
    subprocess.run(["cp", "-a", cluster_image / "postgres", data_dir], check=True)  # noqa: S603, S607 - keeps owners
    (data_dir / "postgres" / "port").unlink()
    return data_dir


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The session's server; its own database is left empty."""
    folder = Path(tempfile.mkdtemp(prefix="facepass-test-"))
    folder.chmod(0o755)
    server = Server(folder, port=None, limits=TimeLimits())
    try:
        yield server.open()
    finally:
        server.close()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> str:
    """Name of a migrated database that serves as a template: copying it is faster than migrating."""

    async def make() -> None:
        await run_sql(postgres_url, f"CREATE DATABASE {MIGRATED}")
        await migrate.upgrade(at_database(postgres_url, MIGRATED), PoolSettings())

    asyncio.run(make())
    return MIGRATED


@pytest.fixture
async def empty_database_url(postgres_url: str) -> AsyncIterator[str]:
    """A database without tables."""
    name = f"empty_{next(_numbers)}"
    await run_sql(postgres_url, f"CREATE DATABASE {name}")
    yield at_database(postgres_url, name)
    await drop_database(postgres_url, name)


@pytest.fixture
async def database_url(postgres_url: str, migrated_template: str) -> AsyncIterator[str]:
    """A migrated database without rows."""
    name = f"test_{next(_numbers)}"
    await run_sql(postgres_url, f"CREATE DATABASE {name} TEMPLATE {migrated_template}")
    yield at_database(postgres_url, name)
    await drop_database(postgres_url, name)


@pytest.fixture
async def postgres_engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine over `database_url`."""
    engine = create_engine(database_url, PoolSettings())
    yield engine
    await engine.dispose()


@pytest.fixture(scope="session")
def shared_database_url(postgres_url: str, migrated_template: str) -> str:
    """A migrated database for tests that keep to sessions of their own."""
    asyncio.run(run_sql(postgres_url, f"CREATE DATABASE shared TEMPLATE {migrated_template}"))
    return at_database(postgres_url, "shared")


@pytest.fixture
async def shared_postgres_engine(shared_database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine over `shared_database_url`."""
    engine = create_engine(shared_database_url, PoolSettings())
    yield engine
    await engine.dispose()
