"""Connections to the old database."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

import asyncpg

from facepass.adapters.first_generation.errors import vendor_errors
from facepass.domain.errors import ConfigurationError

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

APPLICATION = "facepass import-v1"
CLOSE_TIMEOUT_S = 5.0
_SCHEMES = ("postgresql://", "postgres://")


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """How the old database is reached.

    Attributes:
        dsn: `postgresql://…`, TLS as libpq's `sslmode` in it; shown by no repr.
        connect_timeout_s: of connecting.
        statement_timeout_s: of each statement; copying and sorting a large table take minutes.
    """

    dsn: str = field(repr=False)
    connect_timeout_s: float = 10.0
    statement_timeout_s: float = 3600.0


@asynccontextmanager
async def connected(settings: SourceSettings) -> AsyncIterator[Connection]:
    """A connection that is closed in the end.

    Raises:
        ConfigurationError: the DSN is wrong, or the database keeps texts of no known encoding.
        DependencyUnavailable: the database is out of reach.
    """
    if not settings.dsn.startswith(_SCHEMES):
        raise ConfigurationError("the DSN of the old database must begin with postgresql://")
    limit_ms = str(math.ceil(settings.statement_timeout_s * 1000))
    with vendor_errors():
        try:
            connection = await asyncpg.connect(
                settings.dsn,
                timeout=settings.connect_timeout_s,
                command_timeout=settings.statement_timeout_s + 1.0,
                server_settings={
                    "application_name": APPLICATION,
                    "statement_timeout": limit_ms,
                    "idle_in_transaction_session_timeout": limit_ms,
                },
            )
        except OSError:  # a certificate that does not fit is both
            raise
        except ValueError as error:  # the driver's own error is one, and so is what its parser lets through
            raise ConfigurationError("the DSN of the old database is not valid") from error
    try:
        with vendor_errors():
            if await connection.fetchval("SHOW server_encoding") == "SQL_ASCII":
                raise ConfigurationError("the old database is encoded in SQL_ASCII: restore it into one of UTF8 first")
        yield connection
    finally:
        try:
            await connection.close(timeout=CLOSE_TIMEOUT_S)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):  # it was lost, which was told before
            connection.terminate()


@asynccontextmanager
async def snapshot(connection: Connection) -> AsyncIterator[None]:
    """Reads inside see one state of the database. A connection on which one failed is good for nothing but closing.

    Raises:
        DependencyUnavailable: the database is out of reach.
    """
    transaction = connection.transaction(isolation="repeatable_read", readonly=True)
    with vendor_errors():
        await transaction.start()
    yield
    with vendor_errors():
        await transaction.rollback()
