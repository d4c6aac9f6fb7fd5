"""Databases that are made for a while, and the exchange of one for another in one step."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg

from facepass.adapters.backup.address import MAINTENANCE, Connection, DatabaseAddress
from facepass.adapters.backup.snapshot import is_empty
from facepass.domain.errors import ConfigurationError, Conflict

STATEMENT_TIMEOUT_S = 600.0
LEAVING_S = 1.0
LEAVING_ATTEMPTS = 20
STOP_THE_SERVICE = "others are connected to the database: stop the service first"

_OTHERS = """
    SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
                   AND backend_type = 'client backend')
"""


@asynccontextmanager
async def scratch_database(server: DatabaseAddress) -> AsyncIterator[DatabaseAddress]:
    """A database of its own beside the given one, dropped at the end unless it was renamed meanwhile.

    Raises:
        ConfigurationError: our role may not make databases.
    """
    name = f"facepass_scratch_{secrets.token_hex(6)}"
    async with _maintenance(server) as connection:
        try:
            await connection.execute(f"CREATE DATABASE {name}")
        except asyncpg.InsufficientPrivilegeError as error:
            raise ConfigurationError(
                "our role may not make databases, which this needs: run `ALTER ROLE … CREATEDB` as a superuser"
            ) from error
    try:
        yield server.named(name)
    finally:
        async with _maintenance(server) as connection:
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def may_create(server: DatabaseAddress) -> bool:
    """Whether our role may make databases on this server."""
    async with _maintenance(server) as connection:
        return bool(
            await connection.fetchval("SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user")
        )


async def state_of(target: DatabaseAddress) -> tuple[str, bool | None]:
    """The name of a database, and whether it is empty; None where it does not exist.

    Raises:
        Conflict: others are connected to it.
    """
    try:
        connection = await target.connect(statement_timeout_s=STATEMENT_TIMEOUT_S)
    except asyncpg.InvalidCatalogNameError:
        return target.name, None
    try:
        await _wait_until_alone(connection)
        return str(await connection.fetchval("SELECT current_database()")), await is_empty(connection)
    finally:
        await connection.close(timeout=target.timeout_s)


async def _wait_until_alone(connection: Connection) -> None:
    """Those who have just hung up are there for a moment longer."""
    for attempt in range(LEAVING_ATTEMPTS):
        if attempt:
            await asyncio.sleep(LEAVING_S / LEAVING_ATTEMPTS)
        if not await connection.fetchval(_OTHERS):
            return
    raise Conflict(STOP_THE_SERVICE)


async def exchange(scratch: DatabaseAddress, target: DatabaseAddress, *, exists: bool) -> None:
    """Give a scratch database the name of the target, and drop what had it; both renamed in one transaction.

    Args:
        scratch: nobody is connected to it.
        target: by the name that it has and shall have.
        exists: whether there is one to drop.

    Raises:
        Conflict: others are connected to either.
        ConfigurationError: the target is not our role's.
    """
    before = f"facepass_before_{secrets.token_hex(6)}"
    async with _maintenance(target) as connection:
        try:
            async with connection.transaction():
                if exists:
                    await _rename(connection, target.name, before)
                await _rename(connection, scratch.name, target.name)
        except asyncpg.ObjectInUseError as error:
            raise Conflict(STOP_THE_SERVICE) from error
        except asyncpg.InsufficientPrivilegeError as error:
            raise ConfigurationError(
                f"the database {target.name} belongs to another role: restore as its owner"
            ) from error
        if exists:
            await connection.execute(f"DROP DATABASE {before} WITH (FORCE)")


async def _rename(connection: Connection, old: str, new: str) -> None:
    statement = await connection.fetchval(
        "SELECT format('ALTER DATABASE %I RENAME TO %I', $1::text, $2::text)", old, new
    )
    await connection.execute(statement)


@asynccontextmanager
async def _maintenance(server: DatabaseAddress) -> AsyncIterator[Connection]:
    connection = await server.named(MAINTENANCE).connect(statement_timeout_s=STATEMENT_TIMEOUT_S)
    try:
        yield connection
    finally:
        with suppress(TimeoutError):
            await connection.close(timeout=server.timeout_s)
