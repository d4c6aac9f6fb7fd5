"""What only a real connection shows: early answers, broken bodies, keep-alive, and paths as servers hand them over."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn

from facepass.entrypoints.http.app import create_app
from facepass.entrypoints.serve import bind, url_of
from tests.integration.http.support import HEADERS, KEY, V1, form, index, memory_container, problem, scene
from tests.integration.http.test_ids import HOSTILE, round_trip


class Server(uvicorn.Server):
    """uvicorn without signals, which says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@asynccontextmanager
async def listening(http: str, **options: object) -> AsyncIterator[str]:
    app = create_app(memory_container(**options))
    config = uvicorn.Config(app, http=http, lifespan="off", log_config=None, access_log=False)  # type: ignore[arg-type]  # its own literals
    with bind("127.0.0.1", 0) as listener:
        server = Server(config)
        task = asyncio.create_task(server._serve([listener]))
        await server.up.wait()
        try:
            yield url_of(listener)
        finally:
            server.should_exit = True
            await task


@pytest.fixture(params=["httptools", "h11"])
async def url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    async with listening(request.param, max_upload_bytes=200_000) as address:
        yield address


async def exchange(url: str, *sent: bytes) -> tuple[bytes, dict[str, str], bytes]:
    """Send bytes and read one answer: status line, headers, body."""
    address = httpx.URL(url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        for chunk in sent:
            writer.write(chunk)
            await writer.drain()
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode("latin-1")
        status, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await asyncio.wait_for(reader.readexactly(int(headers.get("content-length", "0"))), 10)
    finally:
        writer.close()
        await writer.wait_closed()
    return status.encode(), headers, body


def request_head(method: str, path: str, **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: service", f"X-API-Key: {KEY}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def test_a_client_that_sends_everything_first_sees_413(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        problem(await index(client, "s", "p", bytes(3_000_000)), 413, "payload_too_large")
        problem(await index(client, "s", "p", bytes(3_000_000)), 413, "payload_too_large")
        assert (await index(client, "s", "p", scene(1))).status_code == 200


async def test_a_chunked_excess_is_answered_too(url: str) -> None:
    head = request_head(
        "POST", f"{V1}/detect", Transfer_Encoding="chunked", Content_Type="multipart/form-data; boundary=limit0"
    )
    start = b'--limit0\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
    chunks = [b"%x\r\n%s\r\n" % (len(part), part) for part in (start, *[bytes(50_000)] * 40)]
    status, headers, body = await exchange(url, head, *chunks, b"0\r\n\r\n")
    assert status.startswith(b"HTTP/1.1 413")
    assert json.loads(body)["code"] == "payload_too_large"
    assert headers["content-type"] == "application/problem+json"


async def test_who_waits_for_a_go_ahead_gets_the_refusal_instead(url: str) -> None:
    head = request_head(
        "POST",
        f"{V1}/detect",
        Content_Length="900000000",
        Expect="100-continue",
        Content_Type="multipart/form-data; boundary=limit0",
    )
    status, headers, _ = await exchange(url, head)
    assert status.startswith(b"HTTP/1.1 413")
    assert headers["connection"] == "close"


async def test_a_refused_key_leaves_the_connection_usable(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_connections=1)) as client:
        files = {"file": bytes(150_000)}
        for _ in range(3):
            problem(await client.post(f"{V1}/detect", files=files), 401, "unauthorized")
        assert (await client.post(f"{V1}/detect", headers=HEADERS, files={"file": scene(1)})).status_code == 200


async def test_a_client_that_leaves_in_the_middle_harms_nobody(url: str) -> None:
    address = httpx.URL(url)
    content, headers = form([("file", scene(1))])
    head = request_head("POST", f"{V1}/detect", Content_Length=str(len(content)), Content_Type=headers["Content-Type"])
    for part in (head, head + content[: len(content) // 2]):
        _, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(part)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    async with httpx.AsyncClient(base_url=url) as client:
        assert (await client.get("/health")).status_code == 200


async def test_ids_survive_a_real_server(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        for value in HOSTILE:
            await round_trip(client, value, value)


async def test_a_literal_dot_dot_is_an_id_like_any_other(url: str) -> None:
    for name in ("..", "."):
        status, _, body = await exchange(url, request_head("DELETE", f"{V1}/index/{name}"))
        assert (status, json.loads(body)["deleted"]) == (b"HTTP/1.1 200 OK", False)


async def test_head_sends_no_body(url: str) -> None:
    address = httpx.URL(url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(request_head("HEAD", "/health") + request_head("GET", "/health/live", Connection="close"))
    answers = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert answers.count(b"HTTP/1.1 200") == 2
    assert answers.count(b'"status"') == 1
