"""Bodies are bounded before and while they are read, one by one and all together."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from litestar.types import HTTPReceiveMessage

from facepass.domain.errors import InvalidRequest, Overloaded, PayloadTooLarge
from facepass.entrypoints.http import body as bodies
from facepass.entrypoints.http.answers import HttpRequest
from facepass.entrypoints.http.body import read_body
from facepass.entrypoints.http.problems import RequestTimeout
from tests.integration.http.support import HEADERS, V1, api, body_budget, form, problem, scene


class Sender:
    """A caller that sends given chunks and counts what was asked for."""

    def __init__(self, *chunks: bytes, then: str = "end") -> None:
        self._chunks = list(chunks)
        self._then = then
        self.asked = 0

    async def receive(self) -> HTTPReceiveMessage:
        self.asked += 1
        if not self._chunks and self._then == "leave":
            return {"type": "http.disconnect"}
        if not self._chunks and self._then == "stall":
            await asyncio.Event().wait()
        chunk = self._chunks.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(self._chunks) or self._then != "end"}

    def request(self, **headers: str) -> HttpRequest:
        listed = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "headers": listed, "state": {}}
        return HttpRequest(scope, receive=self.receive)  # type: ignore[arg-type]  # all that reading looks at


async def test_an_announced_excess_is_refused_unread() -> None:
    sender, budget = Sender(b"x"), body_budget()
    with budget.lease() as lease, pytest.raises(PayloadTooLarge):
        await read_body(sender.request(content_length="11"), max_bytes=10, lease=lease, feed=lambda _: None)
    assert sender.asked == 0


async def test_an_unannounced_excess_is_refused_at_once() -> None:
    sender, budget, kept = Sender(*[b"x" * 4] * 100), body_budget(), list[bytes]()
    with budget.lease() as lease, pytest.raises(PayloadTooLarge):
        await read_body(sender.request(), max_bytes=10, lease=lease, feed=kept.append)
    assert (sender.asked, b"".join(kept)) == (3, b"x" * 8)


async def test_all_bodies_together_are_bounded() -> None:
    budget = body_budget(10)
    with budget.lease() as first:
        await read_body(Sender(b"x" * 8).request(), max_bytes=10, lease=first, feed=lambda _: None)
        with budget.lease() as second, pytest.raises(Overloaded):
            await read_body(Sender(b"x" * 8).request(), max_bytes=10, lease=second, feed=lambda _: None)
        assert budget.memory.held_bytes == 8
    assert budget.memory.held_bytes == 0


async def test_a_caller_that_leaves_is_noticed() -> None:
    with body_budget().lease() as lease, pytest.raises(InvalidRequest):
        await read_body(Sender(b"x", then="leave").request(), max_bytes=10, lease=lease, feed=lambda _: None)


async def test_a_caller_that_stalls_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_TIMEOUT_S", 0.01)
    with body_budget().lease() as lease, pytest.raises(RequestTimeout):
        await read_body(Sender(b"x", then="stall").request(), max_bytes=10, lease=lease, feed=lambda _: None)


async def test_a_chunked_excess_is_answered_413_and_stops() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        content, _ = form([("file", b"")])
        yield content.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        for _ in range(4000):
            sent += 64 * 1024
            yield bytes(64 * 1024)

    async with api(max_upload_bytes=100_000) as client:
        headers = {**HEADERS, "Content-Type": "multipart/form-data; boundary=limit0"}
        response = await client.post(f"{V1}/detect", headers=headers, content=endless())
    problem(response, 413, "payload_too_large")
    # What was discarded after the refusal is bounded as well, and the connection is given up.
    assert sent < 66 * 1024 * 1024
    assert response.headers["connection"] == "close"


async def test_a_file_of_exactly_the_limit_is_read() -> None:
    picture = scene(1)
    async with api(max_upload_bytes=len(picture)) as client:
        assert (await client.post(f"{V1}/detect", headers=HEADERS, files={"file": picture})).status_code == 200
        problem(
            await client.post(f"{V1}/detect", headers=HEADERS, files={"file": picture + b" "}), 413, "payload_too_large"
        )


async def test_each_of_two_files_has_its_own_limit() -> None:
    picture = scene(1)
    async with api(max_upload_bytes=len(picture)) as client:
        for larger in ("file_a", "file_b"):
            files = {name: picture + b" " * (name == larger) for name in ("file_a", "file_b")}
            body = problem(await client.post(f"{V1}/compare", headers=HEADERS, files=files), 413, "payload_too_large")
            assert larger in body["detail"]


async def test_a_json_body_is_bounded() -> None:
    async with api() as client:
        headers = {**HEADERS, "Content-Type": "application/json"}
        response = await client.post(f"{V1}/index/batch", headers=headers, content=b" " * (4 * 1024 * 1024 + 1))
        problem(response, 413, "payload_too_large")
