"""What the tests of live detection share: a service on a socket, and a detector that waits to be let go."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from dependency_injector import providers
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from facepass.adapters.memory.vision import SquareDetector
from facepass.domain.face import Detection, Image
from facepass.entrypoints.container import Container
from facepass.entrypoints.http.app import create_app
from facepass.entrypoints.http.body import BodyBudget
from facepass.entrypoints.serve import bind, server_config, url_of
from tests.integration.http.support import HEADERS, V1, memory_container
from tests.integration.http.test_socket import Server

PATHS = ("/ws/detect", f"{V1}/ws/detect", "/api/v2/ws/detect")


class HeldDetector(SquareDetector):
    """Looks at one picture for each time that it is let go on."""

    def __init__(self) -> None:
        self.begun = asyncio.Semaphore(0)
        self.go_on = asyncio.Semaphore(0)

    async def detect(self, image: Image, *, any_rotation: bool = False) -> tuple[Detection, ...]:
        self.begun.release()
        await self.go_on.acquire()
        return await super().detect(image, any_rotation=any_rotation)


class BrokenDetector(SquareDetector):
    """Fails on every picture."""

    async def detect(self, image: Image, *, any_rotation: bool = False) -> tuple[Detection, ...]:
        raise ZeroDivisionError


def live_container(**options: Any) -> Container:
    """In memory; `limits` changes bounds of live detection, everything else is a setting of `support.settings`."""
    limits = options.pop("limits", {})
    container = memory_container(**options)
    container.live_limits.override(providers.Object(replace(container.live_limits(), **limits)))
    return container


@dataclass(frozen=True)
class Running:
    """A service on a socket.

    Attributes:
        url: begins with `ws://`.
        bodies: what all its callers hold.
    """

    url: str
    server: Server
    bodies: BodyBudget


@asynccontextmanager
async def running(container: Container) -> AsyncIterator[Running]:
    """The service as `facepass serve` runs it, on a free port; it has ended when the block is left."""
    app = create_app(container)
    config = server_config(app, max_frame_bytes=container.settings().uploads.max_upload_bytes)
    with bind("127.0.0.1", 0) as listener:
        server = Server(config)
        task = asyncio.create_task(server._serve([listener]))
        await server.up.wait()
        try:
            url = url_of(listener).replace("http:", "ws:")
            yield Running(url, server, app.dependencies["bodies"].dependency())  # type: ignore[union-attr]  # a Provide
        finally:
            server.should_exit = True
            await task


@asynccontextmanager
async def serving(container: Container) -> AsyncIterator[str]:
    """As `running`; only its address."""
    async with running(container) as service:
        yield service.url


@asynccontextmanager
async def opened(
    url: str, path: str = PATHS[0], *, headers: dict[str, str] = HEADERS, **options: Any
) -> AsyncIterator[ClientConnection]:
    """A connection whose caller is known by the key of the tests; `ready` is read already."""
    async with connect(url + path, additional_headers=headers, **options) as socket:
        assert (await told(socket))["type"] == "ready"
        yield socket


async def told(socket: ClientConnection) -> dict[str, Any]:
    """The next message."""
    message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 10))
    return message


async def ask(socket: ClientConnection, **message: Any) -> dict[str, Any]:
    """Send a message, read the next."""
    await socket.send(json.dumps(message))
    return await told(socket)


async def ended(socket: ClientConnection) -> tuple[int, str]:
    """Code and reason with which the service closes; messages before it are skipped."""
    with pytest.raises(ConnectionClosed) as closed:
        await _read_on(socket)
    assert closed.value.rcvd is not None, "no close frame came"
    return closed.value.rcvd.code, closed.value.rcvd.reason


async def _read_on(socket: ClientConnection) -> None:
    async with asyncio.timeout(10):
        while True:
            await socket.recv()


class RawClient:
    """Sends what no library would, and reads only when it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    @asynccontextmanager
    async def connected(cls, url: str, *headers: str) -> AsyncIterator["RawClient"]:
        """A connection after its handshake."""
        address = httpx.URL(url)
        reader, writer = await asyncio.open_connection(address.host, address.port)
        lines = [
            f"GET {PATHS[0]} HTTP/1.1", "Host: service", "Connection: Upgrade", "Upgrade: websocket",
            "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", *headers,
        ]  # fmt: skip
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            assert head.startswith(b"HTTP/1.1 101 "), head
            yield cls(reader, writer)
        finally:
            writer.transport.abort()

    async def send(self, opcode: int, payload: bytes, *, last: bool = True, times: int = 1) -> None:
        """Frames, masked by zeros."""
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xff" + size.to_bytes(8, "big")
        self.writer.write((bytes([opcode | (0x80 if last else 0)]) + length + bytes(4) + payload) * times)
        await self.writer.drain()

    async def ended(self) -> tuple[int, str]:
        """Code and reason of the close frame, after skipping what comes before it."""
        async with asyncio.timeout(10):
            while True:
                opcode, size = await self.reader.readexactly(2)
                if size >= 126:
                    size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
                payload = await self.reader.readexactly(size)
                if opcode == 0x88:
                    return int.from_bytes(payload[:2], "big"), payload[2:].decode()


TEXT, BINARY, CONTINUATION, PING = 1, 2, 0, 9


async def new_key(url: str, *scopes: str) -> str:
    """A managed key."""
    async with httpx.AsyncClient(base_url=url.replace("ws:", "http:")) as client:
        response = await client.post(f"{V1}/keys", headers=HEADERS, json={"name": "n", "scopes": scopes})
    return str(response.json()["secret"])


async def token_for(url: str, session_id: str = "s", ttl_s: int = 3600) -> str:
    """A visitor's token."""
    async with httpx.AsyncClient(base_url=url.replace("ws:", "http:")) as client:
        response = await client.post(f"{V1}/tokens", headers=HEADERS, json={"session_id": session_id, "ttl_s": ttl_s})
    return str(response.json()["token"])
