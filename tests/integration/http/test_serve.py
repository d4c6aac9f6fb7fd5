"""The server as a process: it says where it listens, finishes what is in flight, and explains why it cannot start."""

import asyncio
import os
import signal
import socket

import httpx
import pytest

from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.container import in_memory
from facepass.entrypoints.serve import bind, serve, url_of
from facepass.entrypoints.settings import Secret, Security, Server, Settings
from tests.integration.http.live_support import RawClient, ended, opened
from tests.integration.http.process_support import answering, free_port, refused, started
from tests.integration.http.support import HEADERS, KEY, V1, form, scene


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_requests_in_flight_finish(number: signal.Signals) -> None:
    process, url = await started()
    await answering(url)
    content, headers = form([("file", scene(1))])
    address = httpx.URL(url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    head = f"POST {V1}/detect HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nContent-Length: {len(content)}\r\n"
    writer.write((head + f"Content-Type: {headers['Content-Type']}\r\n\r\n").encode() + content[:40])
    await writer.drain()
    async with httpx.AsyncClient(base_url=url) as client:
        # Answered after the first bytes were taken in: the request above is in flight by now.
        assert (await client.post(f"{V1}/detect", headers=HEADERS, files={"file": scene(1)})).status_code == 200
    process.send_signal(number)
    await refused(address)
    writer.write(content[40:])
    status = await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    assert status == b"HTTP/1.1 200 OK\r\n"
    assert await asyncio.wait_for(process.wait(), 30) == 0


async def test_a_signal_closes_websockets_also_those_that_are_not_read() -> None:
    process, url = await started()
    await answering(url)
    url = url.replace("http:", "ws:")
    async with opened(url) as socket, RawClient.connected(url, f"X-API-Key: {KEY}"):
        process.send_signal(signal.SIGTERM)
        assert (await ended(socket))[0] == 1012
        assert await asyncio.wait_for(process.wait(), Server().shutdown_grace_s) == 0


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        settings = Settings(server=Server(api_port=port), security=Security(api_keys=(Secret(KEY),)))
        with pytest.raises(ConfigurationError, match=rf"API_PORT={port}: something else listens"):
            await asyncio.to_thread(serve, in_memory(settings), progress=print)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may listen anywhere")
def test_a_port_that_is_not_allowed_is_explained() -> None:
    with pytest.raises(ConfigurationError, match="above 1023"):
        bind("127.0.0.1", 1)


def test_an_address_that_is_not_here_is_named() -> None:
    for host in ("203.0.113.7", "no such host"):
        with pytest.raises(ConfigurationError, match=f"API_HOST={host}"):
            bind(host, free_port())


@pytest.mark.parametrize(
    ("host", "shown"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]")],  # noqa: S104 - for a moment, by a test
)
def test_addresses_are_shown_as_a_person_types_them(host: str, shown: str) -> None:
    try:
        listener = bind(host, 0)
    except ConfigurationError:
        pytest.skip(f"{host} does not exist here")
    with listener:
        assert url_of(listener) == f"http://{shown}:{listener.getsockname()[1]}"
