"""The first connection of a process, made before there is a pool: it keeps to the settings of the pool's."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

import pytest

from facepass.domain.errors import DependencyUnavailable, FacePassError
from facepass.entrypoints.container import build_container
from facepass.entrypoints.lifespan import storage_running
from facepass.entrypoints.settings import Database, Settings
from facepass.entrypoints.upkeep import migrations

PROTOCOL_3, SSL_REQUEST = 196608, 80877103
"""Codes of the first packet (PostgreSQL documentation, Message Formats: StartupMessage and SSLRequest)."""
FIRST_PACKET_BYTES = 8


@dataclass
class Listener:
    """Reads the first packet of each connection, and answers nothing."""

    port: int = 0
    silent: bool = False
    codes: list[int] = field(default_factory=list)

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, code = struct.unpack(">II", await reader.readexactly(FIRST_PACKET_BYTES))
        self.codes.append(code)
        if self.silent:
            await reader.read()
        writer.close()


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    made = Listener()
    async with await asyncio.start_server(made.hear, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made


async def serve(settings: Settings) -> None:
    async with storage_running(build_container(settings)):
        pass


async def ask_revision(settings: Settings) -> None:
    async with migrations(settings, progress=print) as schema:
        await schema.current()


opening = pytest.mark.parametrize("opened", [serve, ask_revision])


@opening
@pytest.mark.parametrize(("sslmode", "code"), [("disable", PROTOCOL_3), ("require", SSL_REQUEST)])
async def test_it_is_as_encrypted_as_configured(
    listener: Listener,
    opened: Callable[[Settings], Awaitable[None]],
    sslmode: Literal["disable", "require"],
    code: int,
) -> None:
    database = Database(postgres_host="127.0.0.1", postgres_port=listener.port, db_sslmode=sslmode)
    with pytest.raises(FacePassError):
        await opened(Settings(database=database))
    assert listener.codes[0] == code


@opening
async def test_it_waits_no_longer_than_configured(
    listener: Listener, opened: Callable[[Settings], Awaitable[None]]
) -> None:
    listener.silent = True
    database = Database(postgres_host="127.0.0.1", postgres_port=listener.port, db_timeout_s=0.1)
    async with asyncio.timeout(3):  # the default is 5 s
        with pytest.raises(DependencyUnavailable):
            await opened(Settings(database=database))
