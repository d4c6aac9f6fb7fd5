"""How the object store is reached: signed, bounded in time, its refusals translated."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import Any

import aioboto3  # type: ignore[import-untyped] # it has no types
from aiobotocore.config import AioConfig  # type: ignore[import-untyped] # as above
from aiohttp import ClientError as ConnectionFailed
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped] # as above

from facepass.adapters.s3.address import MISSING, PASSING, REFUSALS, ObjectStoreAddress
from facepass.adapters.s3.http_session import BoundSession
from facepass.domain.errors import ConfigurationError, DependencyUnavailable, NotFound

DEPENDENCY = "object store"
CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 60.0
ATTEMPTS = 4
"""Of each request, all of which may be repeated: they put whole parts, read or delete."""


@asynccontextmanager
async def opened(address: ObjectStoreAddress) -> AsyncIterator[Any]:
    """A client, for as long as the block lasts. Connects with the first request.

    Raises:
        ConfigurationError: the endpoint is no address.
    """
    config = AioConfig(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        http_session_cls=BoundSession,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        s3={"addressing_style": "auto" if address.endpoint is None else "path"},
        # checksums in trailers are beyond what compatible stores understand; TLS and our own SHA-256 guard the bytes
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    client = _session().client(
        "s3",
        endpoint_url=address.endpoint,
        region_name=address.region,
        aws_access_key_id=address.access_key,
        aws_secret_access_key=address.secret_key,
        config=config,
    )
    try:
        entered = await client.__aenter__()
    except ValueError as error:
        raise ConfigurationError("S3_ENDPOINT is no address of an object store") from error
    try:
        yield entered
    finally:
        await client.__aexit__(None, None, None)


@cache
def _session() -> Any:
    """One for all: it keeps the descriptions of the interface, which take 0.1 s to read. It knows no keys."""
    return aioboto3.Session()


@contextmanager
def vendor_errors(what: str) -> Iterator[None]:
    """Translate what the object store, or the way there, refuses.

    Args:
        what: is asked for, for the message.

    Raises:
        NotFound: there is no such object.
        ConfigurationError: the key, its rights or the address are wrong.
        DependencyUnavailable: it is out of reach, or overloaded; waiting may help.
    """
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
        code = str(error.response.get("Error", {}).get("Code") or status)
        if code in MISSING:
            raise NotFound(f"the object store has no {what}") from error
        if code in PASSING:
            raise DependencyUnavailable(DEPENDENCY, f"the object store answers {code} for {what}") from error
        raise ConfigurationError(REFUSALS.get(code, f"the object store answers {code} for {what}")) from error
    except (BotoCoreError, ConnectionFailed, TimeoutError, OSError) as error:
        raise DependencyUnavailable(
            DEPENDENCY, f"the object store cannot be reached ({type(error).__name__})"
        ) from error
