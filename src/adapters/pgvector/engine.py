"""Connections: how they are made, how many there are, and how long anything on them may take."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, cast, get_args

import asyncpg
from sqlalchemy import event, exc
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from facepass.adapters.pgvector.errors import vendor_errors
from facepass.adapters.pgvector.types import register_vector
from facepass.domain.errors import ConfigurationError

APPLICATION = "facepass"
_POOL, _GENERATION = "facepass_pool", "facepass_generation"
CLIENT_GRACE_S = 1.0  # the server should give up first: then the connection stays usable
LOCK_SHARE = 0.8
"""Of a statement's time limit: who waits that long for a lock is told so, rather than that the database is slow."""
BY_INDEX = MappingProxyType({"enable_seqscan": "off"})
"""Whatever a request asks for, an index answers.

Left to itself, PostgreSQL plans the check of a foreign key once for each connection, on a table that is new then for
reading all of it: faces were stored ever slower for that, 900 a second after 50,000 (`benchmarks/search.py --write`).
"""
SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """Bounds of the connections of one process.

    Attributes:
        pool_min: opened by `warm_up`, so that the first requests find them; connections are never closed for being
            idle.
        pool_max: at most so many at once; who wants one more waits.
        timeout_s: of connecting, of waiting for a connection, and of each statement.
        sslmode: as in libpq; None leaves it to the URL.
    """

    pool_min: int = 1
    pool_max: int = 10
    timeout_s: float = 5.0
    sslmode: str | None = None


def driver_dsn(url: str) -> str:
    """The URL as asyncpg takes it, from any spelling of the scheme.

    Raises:
        ConfigurationError: not a PostgreSQL URL.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in {"postgresql", "postgres", "postgresql+asyncpg"}:
        raise ConfigurationError("DATABASE_URL must begin with postgresql://")
    return f"postgresql://{rest}"


async def connect(
    url: str,
    settings: PoolSettings,
    *,
    statement_timeout_s: float | None = None,
    parameters: Mapping[str, str] = MappingProxyType({}),
) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection outside any pool, with asyncpg's own errors.

    Args:
        url: `postgresql://…`
        settings: its time limit and TLS mode are the connection's.
        statement_timeout_s: of each statement; None for the settings' limit.
        parameters: of the server, for this connection.

    Raises:
        ConfigurationError: the URL or the TLS settings make no sense.
    """
    modes = get_args(SslMode)
    if settings.sslmode is not None and settings.sslmode not in modes:
        raise ConfigurationError(f"DB_SSLMODE must be one of {', '.join(modes)}, not {settings.sslmode!r}")
    timeout_s = settings.timeout_s if statement_timeout_s is None else statement_timeout_s
    try:
        return await asyncpg.connect(
            driver_dsn(url),
            ssl=cast("SslMode | None", settings.sslmode),
            timeout=settings.timeout_s,
            command_timeout=timeout_s + CLIENT_GRACE_S,
            server_settings={
                "application_name": APPLICATION,
                "statement_timeout": str(math.ceil(timeout_s * 1000)),
                "lock_timeout": str(math.ceil(LOCK_SHARE * timeout_s * 1000)),
                "idle_in_transaction_session_timeout": str(math.ceil(10 * timeout_s * 1000)),
                **parameters,
            },
        )
    except asyncpg.ClientConfigurationError as error:
        raise ConfigurationError("DATABASE_URL or its TLS settings are not valid") from error


def create_engine(url: str, settings: PoolSettings) -> AsyncEngine:
    """An engine whose pool hands out no connection that is known to be dead. Connects to nothing yet.

    A ping before each use would cost three round trips with this driver. Instead the pool looks whether the socket
    was closed, which costs nothing, and `Transaction` repeats a first statement whose connection died unnoticed.
    """
    driver_dsn(url)  # a wrong URL is told at start, not by the first request

    async def connected() -> "asyncpg.Connection[asyncpg.Record]":
        connection = await connect(url, settings, parameters=BY_INDEX)
        try:
            await register_vector(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    bounds = _Bounds(settings.timeout_s)
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connected,
        pool_size=settings.pool_max,
        max_overflow=0,
        pool_timeout=settings.timeout_s,
        pool_use_lifo=True,
        isolation_level="READ COMMITTED",
        hide_parameters=True,  # they hold vectors, and errors end in logs
        execution_options={_POOL: bounds},
    )
    event.listen(engine.sync_engine, "connect", bounds.opened)
    event.listen(engine.sync_engine, "checkout", bounds.check)
    event.listen(engine.sync_engine, "invalidate", _end_silent)
    return engine


class _Bounds:
    """Which of a pool's connections may be handed out, and how long anybody waits for one.

    Attributes:
        take_timeout_s: from asking for a connection to having one, be it waited for, opened or both.
        generation: of connections; those opened before the last silence of the database are of an earlier one.
        waiting: callers that have asked for a connection and have none yet.
    """

    def __init__(self, timeout_s: float) -> None:
        self.take_timeout_s = timeout_s + CLIENT_GRACE_S
        self.generation = 0
        self.waiting = 0

    def opened(self, _connection: object, record: ConnectionPoolEntry) -> None:
        record.info[_GENERATION] = self.generation

    def check(self, connection: object, record: ConnectionPoolEntry, _proxy: PoolProxiedConnection | None) -> None:
        """Have the pool replace a connection.

        Raises:
            DisconnectionError: it is known to be dead, or may well be.
        """
        driver_connection = getattr(connection, "driver_connection", None)
        if isinstance(driver_connection, asyncpg.Connection) and driver_connection.is_closed():
            raise exc.DisconnectionError("closed by the server or the network")
        if record.info[_GENERATION] != self.generation:
            raise exc.DisconnectionError("opened before the database fell silent")


def _end_silent(connection: object, _record: ConnectionPoolEntry, error: BaseException | None) -> None:
    """Drop a connection that is thrown away for its silence: the pool would wait for its good-bye, two seconds each.

    That of a caller who left is not: the server is told to stop what it was asked.
    """
    driver_connection = getattr(connection, "driver_connection", None)
    silent = error is None or isinstance(error, TimeoutError | exc.DisconnectionError)
    if silent and isinstance(driver_connection, asyncpg.Connection):
        driver_connection.terminate()


def distrust_idle(engine: AsyncEngine) -> None:
    """Replace every idle connection before its next use: the database has not answered on one of them.

    What swallows one connection without a word, such as a firewall that has forgotten them, may have swallowed all;
    each would cost another caller the time limit, after the database is back.
    """
    _bounds_of(engine).generation += 1


async def take(engine: AsyncEngine) -> AsyncConnection:
    """A connection of the pool.

    While the database is away, callers wait for those before them to give up, and then for themselves: the limit is for
    both together.

    Raises:
        TimeoutError: none came free, and could be opened, in time.
    """
    bounds = _bounds_of(engine)
    bounds.waiting += 1
    try:
        async with asyncio.timeout(bounds.take_timeout_s):
            return await engine.connect()
    finally:
        bounds.waiting -= 1


def callers_waiting(engine: AsyncEngine) -> int:
    """How many have asked `take` for a connection and have none yet."""
    return _bounds_of(engine).waiting


def _bounds_of(engine: AsyncEngine) -> _Bounds:
    bounds: _Bounds = engine.sync_engine.get_execution_options()[_POOL]
    return bounds


async def warm_up(engine: AsyncEngine, *, connections: int) -> None:
    """Open so many connections and put them into the pool.

    Raises:
        DependencyUnavailable: the database is out of reach.
    """
    opened = []
    try:
        with vendor_errors():
            for _ in range(connections):
                opened.append(await engine.connect())  # noqa: PERF401 - those opened are closed when one fails
    finally:
        for connection in opened:
            await connection.close()
