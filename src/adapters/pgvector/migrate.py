"""Schema migrations, run by the service itself: several replicas may start at once, one of them migrates.

Each migration is a transaction of its own, or copies in batches and then goes on where it was broken off. One that gets
a lock too late is begun again: while it waited, others waited behind it. Whose turn it is decides a lock of the
session's, so this does not work through a pooler that shares connections by transaction.

Alembic is imported only when there is something to do: asking whether there is must not slow down every start.
"""

import ast
import asyncio
import functools
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import structlog
from sqlalchemy import Connection, exc, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

import facepass
from facepass.adapters.pgvector.engine import PoolSettings, connect
from facepass.adapters.pgvector.errors import DEPENDENCY, vendor_errors
from facepass.adapters.pgvector.requirements import check_server, ensure_extension
from facepass.domain.errors import ConfigurationError, DependencyUnavailable

ADVISORY_LOCK = 0x66616365_70617373  # "facepass" in ASCII: shared by all replicas of one database
STATEMENT_TIMEOUT_S = 600.0
TURN_TIMEOUT_S = 600.0
TURN_POLL_S = 0.1
LOCK_TIMEOUT_S = 0.3
"""Of each table: a migration locks up to three, one after the other, so whoever comes later waits for less than 1 s."""
ATTEMPTS = 100
PAUSE_S = (0.5, 1.5)
"""Between two attempts, by chance within these: time for those who had to wait."""
IN_EACH_OTHERS_WAY = {"55P03", "40001", "40P01"}
"""SQLSTATE of a lock that took too long, of a row that somebody else changed meanwhile, of a deadlock."""

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Revision:
    """One migration, oldest first in `history`."""

    revision: str
    summary: str
    applied: bool


def script_folder() -> Path:
    """Where the migrations are: inside the installed package, or beside it in a checkout.

    Raises:
        ConfigurationError: neither.
    """
    package = Path(facepass.__file__).resolve().parent
    for folder in (package / "migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise ConfigurationError("the migrations are missing from this installation: install facepass again")


def chain() -> tuple[tuple[str, str], ...]:
    """Revision and summary of every migration, oldest first, read from the files without running them.

    Raises:
        ConfigurationError: they are no single line of descent.
    """
    found: dict[str | None, tuple[str, str]] = {}
    for path in sorted((script_folder() / "versions").glob("*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        values = {
            node.targets[0].id: ast.literal_eval(node.value)
            for node in module.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id in {"revision", "down_revision"}
        }
        if values["down_revision"] in found:
            raise ConfigurationError(f"two migrations follow {values['down_revision']}")
        summary = (ast.get_docstring(module) or "").partition("\n")[0]
        found[values["down_revision"]] = (values["revision"], summary)
    line: list[tuple[str, str]] = []
    while (following := found.get(line[-1][0] if line else None)) is not None:
        line.append(following)
    return tuple(line)


async def current(url: str, settings: PoolSettings) -> str | None:
    """The revision the database is at; None for one that was never migrated.

    Raises:
        ConfigurationError: the URL is not valid, or the database or the account does not exist.
        DependencyUnavailable: the database is out of reach.
    """
    with vendor_errors():
        try:
            connection = await connect(url, settings)
        except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
            # at start this is a wrong setting, and waiting does not mend it
            raise ConfigurationError("the database refuses our user, password or database name") from error
        try:
            if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
                return None
            revision = await connection.fetchval("SELECT version_num FROM alembic_version")
            return None if revision is None else str(revision)
        finally:
            await connection.close(timeout=settings.timeout_s)


async def history(url: str, settings: PoolSettings) -> tuple[Revision, ...]:
    """Every migration, oldest first, and whether the database has it.

    Raises:
        ConfigurationError, DependencyUnavailable: as for `current`.
    """
    at = await current(url, settings)
    names = [revision for revision, _ in chain()]
    applied = names.index(at) + 1 if at in names else 0
    return tuple(Revision(revision, summary, number < applied) for number, (revision, summary) in enumerate(chain()))


async def check_current(url: str, settings: PoolSettings) -> None:
    """Make sure that the database is at the newest revision, changing nothing.

    Raises:
        ConfigurationError: it is not; says what to run.
        DependencyUnavailable: the database is out of reach.
    """
    at = await current(url, settings)
    newest = chain()[-1][0]
    if at != newest:
        raise ConfigurationError(
            f"the database is at revision {at or 'none'}, this version needs {newest}: run `facepass db upgrade`"
        )


async def upgrade(url: str, settings: PoolSettings, revision: str = "head") -> bool:
    """Bring the database to a revision; whether anything had to be done. Broken off, it goes on when called again.

    Args:
        url: `postgresql://…`
        settings: the service's own; each statement, and waiting for another replica's migration, may take ten minutes.
        revision: one of `history`, or `head`.

    Raises:
        ConfigurationError: the server is too old, has no pgvector or does not let us install it, or is ahead of us.
        DependencyUnavailable: the database is out of reach, or others kept it locked for a hundred attempts.
    """
    at = await current(url, settings)
    known = [name for name, _ in chain()]
    if at is not None and at not in known:
        raise ConfigurationError(f"the database is at revision {at}, newer than this version of facepass")
    target = known[-1] if revision == "head" else revision
    if at == target:
        return False
    await _run(url, settings, functools.partial(_upgrade, revision=target))
    return True


async def downgrade(url: str, settings: PoolSettings, revision: str) -> None:
    """Take a database back to an older revision, `base` for none. Removes the data that only newer ones have.

    Raises:
        ConfigurationError, DependencyUnavailable: as for `upgrade`.
    """
    await _run(url, settings, functools.partial(_downgrade, revision=revision))


async def _run(url: str, settings: PoolSettings, work: Callable[[Connection], None]) -> None:
    async def connected() -> "asyncpg.Connection[asyncpg.Record]":
        connection = await connect(url, settings, statement_timeout_s=STATEMENT_TIMEOUT_S)
        try:
            await check_server(connection)
            await connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT_S}s'")
        except BaseException:
            connection.terminate()
            raise
        return connection

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=connected, poolclass=NullPool, hide_parameters=True
    )
    try:
        with vendor_errors():
            async with engine.connect() as connection:
                await _take_turn(connection)
                await _again_and_again(connection, work)
    finally:
        await engine.dispose()


async def _take_turn(connection: AsyncConnection) -> None:
    """Lock the others out for as long as the connection lasts.

    Asks again and again: waiting inside the database would be a transaction, and an index that is built concurrently
    waits for all of those.
    """
    patience_ends = time.monotonic() + TURN_TIMEOUT_S
    while True:
        taken = await connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": ADVISORY_LOCK})
        await connection.commit()
        if taken:
            return
        if time.monotonic() >= patience_ends:
            raise DependencyUnavailable(DEPENDENCY, "another process is still migrating the database")
        await asyncio.sleep(TURN_POLL_S)


async def _again_and_again(connection: AsyncConnection, work: Callable[[Connection], None]) -> None:
    """Do `work` until nobody is in its way."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            await connection.run_sync(work)
        except exc.PendingRollbackError as error:
            raise _first(error) from None
        except exc.DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None)
            if state not in IN_EACH_OTHERS_WAY:
                raise
            if attempt == ATTEMPTS:
                detail = "others kept the tables locked: migrate again when their long transactions have ended"
                raise DependencyUnavailable(DEPENDENCY, detail) from error
            logger.info("migration_begins_again", attempt=attempt, sqlstate=state)
        else:
            return
        await connection.rollback()
        await asyncio.sleep(random.uniform(*PAUSE_S))  # noqa: S311 - no secret depends on it


def _first(error: BaseException) -> BaseException:
    """Why the connection is gone: to clean up on it fails, too, and would hide that."""
    while isinstance(error, exc.PendingRollbackError) and error.__context__ is not None:
        error = error.__context__
    return error


def _upgrade(connection: Connection, *, revision: str) -> None:
    from alembic import command  # noqa: PLC0415 - see the module's docstring

    ensure_extension(connection)
    connection.commit()
    command.upgrade(_config(connection), revision)
    connection.commit()


def _downgrade(connection: Connection, *, revision: str) -> None:
    from alembic import command  # noqa: PLC0415 - see the module's docstring

    command.downgrade(_config(connection), revision)
    connection.commit()


def _config(connection: Connection) -> Any:
    from alembic.config import Config  # noqa: PLC0415 - see the module's docstring

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(script_folder()))
    return config
