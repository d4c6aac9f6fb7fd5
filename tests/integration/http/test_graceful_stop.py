"""A stop loses no request: readiness goes first, kept connections are told, what has begun to arrive is answered."""

import asyncio
import signal

import httpx

from tests.integration.http.process_support import answering, refused, started
from tests.integration.http.support import HEADERS, KEY, V1, scene

PATIENCE_S = 20
LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
LONG_S = 60


class Kept:
    """A connection that its client keeps."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, url: str) -> "Kept":
        address = httpx.URL(url)
        return cls(*await asyncio.open_connection(address.host, address.port))

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self) -> tuple[int, bool]:
        """The next one's status, and whether it asks to close."""
        async with asyncio.timeout(PATIENCE_S):
            head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await self._reader.readexactly(length)
        return int(head[9:12]), b"\r\nconnection: close\r\n" in head

    async def rest(self) -> bytes:
        """What comes until the service closes it."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._reader.read()

    def close(self) -> None:
        self._writer.close()


async def until_not_ready(client: httpx.AsyncClient) -> httpx.Response:
    async with asyncio.timeout(PATIENCE_S):
        while (response := await client.get("/health/ready")).status_code == 200:  # noqa: ASYNC110 a process sets no event
            await asyncio.sleep(0.01)
    return response


async def test_readiness_goes_first_while_requests_are_still_answered() -> None:
    process, url = await started(shutdown_lead_s=LONG_S, shutdown_grace_s=2 * LONG_S)
    await answering(url)
    kept, idle = await Kept.to(url), await Kept.to(url)
    for connection in (kept, idle):
        await connection.send(LIVE)
        assert await connection.answer() == (200, False)
    process.send_signal(signal.SIGTERM)
    async with httpx.AsyncClient(base_url=url) as client:
        stopping = await until_not_ready(client)
        assert (stopping.status_code, stopping.json()["status"]) == (503, "stopping")
        assert (await client.get("/health")).json()["status"] == "stopping"
        assert (await client.get("/health/live")).status_code == 200
        searched = await client.post(f"{V1}/detect", headers=HEADERS, files={"file": scene(1)})
        assert (searched.status_code, searched.headers["connection"]) == (200, "close")
    await kept.send(LIVE)
    assert await kept.answer() == (200, True)
    assert await kept.rest() == b""
    process.send_signal(signal.SIGTERM)  # enough of the lead
    assert await idle.rest() == b""
    assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0
    kept.close()
    idle.close()


async def test_the_end_of_the_lead_loses_nothing_that_has_begun_to_arrive() -> None:
    process, url = await started(shutdown_lead_s=LONG_S, shutdown_grace_s=2 * LONG_S)
    await answering(url)
    kept, fresh, body = [await Kept.to(url) for _ in range(3)]
    await kept.send(LIVE)
    assert await kept.answer() == (200, False)
    await kept.send(LIVE[:20])
    await fresh.send(LIVE[:20])
    head = f"POST {V1}/detect HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nContent-Length: 2\r\n\r\n"
    await body.send(head.encode())
    await answering(url)  # a round later: all of that has been read
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    await refused(httpx.URL(url))
    await kept.send(LIVE[20:])
    await fresh.send(LIVE[20:])
    await body.send(b"no")
    assert await kept.answer() == await fresh.answer() == (200, True)
    assert await body.answer() == (400, True)
    assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0
    for connection in (kept, fresh, body):
        connection.close()


async def test_a_terminal_waits_for_no_balancer() -> None:
    process, url = await started(shutdown_lead_s=LONG_S, shutdown_grace_s=2 * LONG_S)
    await answering(url)
    process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0


async def test_what_is_not_done_within_the_grace_is_broken_off() -> None:
    process, url = await started(shutdown_grace_s=1)
    await answering(url)
    stuck = await Kept.to(url)
    await stuck.send(f"POST {V1}/detect HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nContent-Length: 9\r\n\r\n".encode())
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0
    stuck.close()


async def test_a_further_signal_breaks_off_at_once() -> None:
    process, url = await started(shutdown_grace_s=LONG_S)
    await answering(url)
    stuck = await Kept.to(url)
    await stuck.send(LIVE[:20])
    process.send_signal(signal.SIGTERM)
    await refused(httpx.URL(url))
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0
    stuck.close()
