"""Schema migrations, run by the service itself: several replicas may start at once, one of them migrates.

Alembic is imported only when there is something to do: asking whether there is must not slow down every start.
"""

import ast
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

import facepass
from facepass.adapters.pgvector.engine import PoolSettings, connect
from facepass.adapters.pgvector.errors import vendor_errors
from facepass.adapters.pgvector.requirements import check_server, ensure_extension
from facepass.domain.errors import ConfigurationError

ADVISORY_LOCK = 0x66616365_70617373  # "facepass" in ASCII: shared by all replicas of one database
STATEMENT_TIMEOUT_S = 600.0


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
    """Bring the database to a revision, all or nothing; whether anything had to be done.

    Args:
        url: `postgresql://…`
        settings: the service's own; the migration itself and waiting for another replica's may take ten minutes.
        revision: one of `history`, or `head`.

    Raises:
        ConfigurationError: the server is too old, has no pgvector or does not let us install it, or is ahead of us.
        DependencyUnavailable: the database is out of reach.
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
        except BaseException:
            connection.terminate()
            raise
        return connection

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connected, poolclass=NullPool)
    try:
        with vendor_errors():
            async with engine.begin() as connection:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})
                await connection.run_sync(work)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, *, revision: str) -> None:
    from alembic import command  # noqa: PLC0415 - see the module's docstring
    from alembic.config import Config  # noqa: PLC0415

    ensure_extension(connection)
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(script_folder()))
    command.upgrade(config, revision)


def _downgrade(connection: Connection, *, revision: str) -> None:
    from alembic import command  # noqa: PLC0415 - see the module's docstring
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(script_folder()))
    command.downgrade(config, revision)
