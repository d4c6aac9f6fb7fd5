"""What an operator does to a database outside of requests: migrate it, look at it.

Beside `container` and `lifespan` the one module that knows adapters, so that the command line need not.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from facepass.adapters.embedded_postgres import postmaster
from facepass.adapters.pgvector import migrate
from facepass.adapters.pgvector.engine import PoolSettings, connect
from facepass.adapters.pgvector.errors import vendor_errors
from facepass.adapters.pgvector.migrate import Revision
from facepass.entrypoints.container import Container
from facepass.entrypoints.settings import Settings

Progress = Callable[[str], None]


class Migrations:
    """The schema of a database that is open.

    Attributes:
        url: of the database, password included.
    """

    def __init__(self, url: str, pool: PoolSettings) -> None:
        self.url = url
        self._pool = pool

    async def upgrade(self, revision: str) -> bool:
        """Bring the schema to a revision, or `head`; whether anything had to be done.

        Raises:
            ConfigurationError, DependencyUnavailable: see `migrate.upgrade`.
        """
        return await migrate.upgrade(self.url, self._pool, revision)

    async def downgrade(self, revision: str) -> None:
        """Take the schema back to an older revision, or `base`; what only newer ones hold is lost.

        Raises:
            ConfigurationError, DependencyUnavailable: see `migrate.downgrade`.
        """
        await migrate.downgrade(self.url, self._pool, revision)

    async def current(self) -> str | None:
        """The revision the database is at; None for none."""
        return await migrate.current(self.url, self._pool)

    async def history(self) -> tuple[Revision, ...]:
        """Every migration, oldest first, and whether the database has it."""
        return await migrate.history(self.url, self._pool)


@asynccontextmanager
async def migrations(settings: Settings, *, progress: Progress) -> AsyncIterator[Migrations]:
    """The schema of the configured database; the embedded one runs as long as the block lasts.

    Raises:
        ConfigurationError, DependencyUnavailable: the embedded database cannot be started.
    """
    container = Container(settings=settings)
    pool = container.pool()
    if not settings.database.is_embedded:
        yield Migrations(container.database_url(), pool)
        return
    progress("Starting the embedded database.")
    embedded = container.embedded_postgres()
    url = await embedded.start()
    try:
        yield Migrations(url, pool)
    finally:
        await embedded.stop()


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What a database says about itself.

    Attributes:
        revision: of our schema; None where it was never made.
        head: the revision this version of FacePass needs.
    """

    postgresql: str
    pgvector: str | None
    revision: str | None
    head: str


def embedded_state(settings: Settings) -> str:
    """`running`, `stopped` or `missing`: of the embedded database, found out without touching it."""
    data = settings.application.data_dir.absolute() / "postgres" / "data"
    if not data.exists():
        return "missing"
    pid_file = postmaster.read_pid_file(data)
    return "running" if pid_file and postmaster.is_server(pid_file.pid, data) else "stopped"


async def database_facts(settings: Settings, *, progress: Progress) -> DatabaseFacts:
    """Ask the configured database about itself; the embedded one must be running.

    Raises:
        ConfigurationError: it refuses us.
        DependencyUnavailable: it is out of reach.
    """
    pool = Container(settings=settings).pool()
    async with migrations(settings, progress=progress) as schema:
        revision = await schema.current()
        with vendor_errors():
            connection = await connect(schema.url, pool)
            try:
                version = await connection.fetchval("SHOW server_version")
                pgvector = await connection.fetchval("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
            finally:
                await connection.close(timeout=pool.timeout_s)
    return DatabaseFacts(version, pgvector, revision, migrate.chain()[-1][0])
