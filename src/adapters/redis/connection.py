"""How Redis is reached: bounded in time and connections, never asked twice, its errors translated."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import TimeoutError as RedisTimeoutError

from facepass.domain.errors import ConfigurationError, DependencyUnavailable

DEPENDENCY = "redis"
SOCKET_TIMEOUT_S = 0.25
"""For connecting, and for each answer."""
CALL_TIMEOUT_S = 0.5
"""For a call with all that belongs to it: a connection that comes free, or a new one with its greetings."""
MAX_CONNECTIONS = 16

UNREACHABLE = "Redis cannot be reached"
MEANINGS: tuple[tuple[type[Exception], str], ...] = (
    (AuthenticationError, "Redis refuses our credentials"),
    (NoPermissionError, "Redis does not let our user do what is needed"),
    (BusyLoadingError, "Redis is starting up"),
    (OutOfMemoryError, "Redis is out of memory"),
    (ReadOnlyError, "Redis takes no writes at the moment: it is a replica"),
    (ResponseError, "Redis refuses to do what was asked"),
    (TimeoutError, "Redis did not answer within the time limit"),
    (RedisTimeoutError, "Redis did not answer within the time limit"),
)
"""The first that fits. Nothing of the original text: it can hold addresses."""

_ADDRESS = {"connection_class", "host", "port", "db", "username", "password", "path"}


def create_client(url: str) -> Redis:
    """A client that connects with its first call. A broken call is not repeated: it may have been heeded.

    Args:
        url: `redis://user:password@host:port/number`, `rediss://` for TLS, which takes `ssl_…` options of redis-py as
            its query, or `unix://user:password@/path`.

    Raises:
        ConfigurationError: the address is not understood; its text is not told.
    """
    try:
        pool = _pool(url)
    except (TypeError, ValueError, RedisError):
        # Without the original, which may quote parts of a password that is not percent-encoded.
        raise ConfigurationError(
            "REDIS_URL, or REDIS_HOST, is no address of Redis. Write redis://user:password@host:port/number, with "
            "rediss:// for TLS, and percent-encode what is special in the password."
        ) from None
    return Redis.from_pool(pool)


def _pool(url: str) -> BlockingConnectionPool:
    options: dict[str, Any] = {**parse_url(url)}
    if not options.get("host") and not options.get("path"):
        raise ValueError("names no host")
    if any(name not in _ADDRESS and not name.startswith("ssl_") for name in options):
        raise ValueError("names an option that is not ours to take")
    if "path" not in options and not re.fullmatch(r"/?\d*", urlsplit(url).path):
        raise ValueError("names no database by its number")
    pool = BlockingConnectionPool(
        **options,
        max_connections=MAX_CONNECTIONS,
        timeout=SOCKET_TIMEOUT_S,
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=SOCKET_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
    # opens nothing, but refuses what it does not understand
    pool.make_connection()  # type: ignore[no-untyped-call]  # it has no types
    return pool


@asynccontextmanager
async def bounded(client: Redis) -> AsyncIterator[None]:
    """Ask Redis inside, for `CALL_TIMEOUT_S` at the most.

    After a silence no idle connection is trusted: whatever swallowed one may have swallowed all, and each would cost
    another call its time limit after Redis is back.

    Raises:
        DependencyUnavailable: `redis`, whatever the reason.
    """
    try:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            yield
    except (RedisError, OSError) as error:
        if isinstance(error, TimeoutError | RedisTimeoutError):
            with suppress(RedisError, OSError):
                await client.connection_pool.disconnect(inuse_connections=False)
        meaning = next((meaning for kind, meaning in MEANINGS if isinstance(error, kind)), UNREACHABLE)
        raise DependencyUnavailable(DEPENDENCY, meaning) from error
