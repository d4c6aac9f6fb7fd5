"""What callers see when there is more to do than can be done: early refusals, and nothing that is left behind."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from dependency_injector import providers
from litestar.types import HTTPReceiveMessage, Message

from facepass.application import index_batch
from facepass.application.ports import WorkKind
from facepass.domain.errors import Overloaded
from facepass.entrypoints.container import Container
from facepass.entrypoints.http.app import create_app
from facepass.entrypoints.http.middleware import crowd as crowds
from facepass.entrypoints.http.middleware.crowd import Crowd
from tests.integration.http.live_support import HeldDetector, opened, serving, told
from tests.integration.http.support import HEADERS, V1, api, form, index, memory_container, problem, scene
from tests.integration.http.test_socket import exchange, listening, request_head
from tests.tasks import under_way

LARGE = scene(1).ljust(3 * 1024 * 1024)
PATIENCE_S = 10


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def until(holds: Callable[[], bool]) -> None:
    """Return when something holds that the kernel tells nobody of."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)


class Full:
    """An admission whose lines of some kinds are full, and that knows who asked for what."""

    def __init__(self, inner: Any, *kinds: WorkKind) -> None:
        self._inner = inner
        self._full = kinds
        self.admitted: list[WorkKind] = []

    def check(self, kind: WorkKind) -> None:
        if kind in self._full:
            raise Overloaded("Too many pictures are waiting already.", retry_after_s=7)

    def admit(self, kind: WorkKind, *, begun: bool = False) -> Any:
        self.admitted.append(kind)
        return self._inner.admit(kind, begun=begun)


def full(*kinds: WorkKind) -> tuple[Container, Full]:
    container = memory_container()
    admission = Full(container.admission(), *kinds)
    container.admission.override(providers.Object(admission))
    return container, admission


CALLS = {
    "/search": (WorkKind.SEARCH, [("session_id", b"s"), ("file", scene(1))]),
    "/detect": (WorkKind.DETECT, [("file", scene(1))]),
    "/compare": (WorkKind.DETECT, [("file_a", scene(1)), ("file_b", scene(1))]),
    "/index": (WorkKind.INDEX, [("session_id", b"s"), ("photo_id", b"p"), ("file", scene(1))]),
    "/index/s/forget": (WorkKind.SEARCH, [("file", scene(1))]),
}


@pytest.mark.parametrize("path", CALLS)
async def test_a_picture_that_would_wait_too_long_is_refused_unread(path: str) -> None:
    kind, fields = CALLS[path]
    container, admission = full(kind)
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        content, _ = form(fields)
        for byte in range(0, len(content), 64):
            read += 1
            yield content[byte : byte + 64]

    async with api(container) as client:
        headers = {**HEADERS, "Content-Type": form(fields)[1]["Content-Type"]}
        refused = await client.post(V1 + path, headers=headers, content=body())
        answer = problem(refused, 503, "overloaded")
        assert (answer["retry_after_s"], refused.headers["retry-after"]) == (7, "7")
        assert admission.admitted == []
        others = [each for each in CALLS if CALLS[each][0] is not kind]
        await index(client, "s", "p", scene(1)) if kind is not WorkKind.INDEX else None
        for other in others:
            content, sent = form(CALLS[other][1])
            answered = await client.post(V1 + other, headers={**HEADERS, **sent}, content=content)
            assert answered.status_code in {200, 404}, "no kind stands in another's way"


async def test_who_may_not_call_is_told_so_first() -> None:
    container, _ = full(*WorkKind)
    async with api(container) as client:
        problem(await client.post(f"{V1}/detect", files={"file": scene(1)}), 401, "unauthorized")


async def test_every_picture_is_of_its_kind() -> None:
    container, admission = full()
    container.memory_photos()["a"] = scene(1)
    batch = {"session_id": "s", "photos": [{"photo_id": "b", "s3_key": "a"}]}
    async with api(container) as client:
        await index(client, "s", "p", scene(1))
        await client.post(f"{V1}/index/batch", headers=HEADERS, json=batch)
        await client.post(f"{V1}/search", files={"file": scene(1)}, data={"session_id": "s"})
        await client.post(f"{V1}/detect", headers=HEADERS, files={"file": scene(1)})
    async with serving(container) as url, opened(url) as socket:
        await socket.send(scene(1))
        assert (await told(socket))["type"] == "detections"
    assert admission.admitted == [WorkKind.INDEX, WorkKind.BATCH, WorkKind.SEARCH, WorkKind.DETECT, WorkKind.LIVE]


async def test_a_large_picture_waits_on_disk_and_is_found_in() -> None:
    container, files = memory_container(), open_files()
    detector = HeldDetector()
    container.detector.override(providers.Object(detector))
    async with api(container) as client:
        waiting = asyncio.create_task(client.post(f"{V1}/detect", headers=HEADERS, files={"file": LARGE}))
        await asyncio.wait_for(detector.begun.acquire(), PATIENCE_S)
        assert container.picture_disk().held_bytes == len(LARGE)
        assert container.picture_memory().held_bytes < 64 * 1024
        detector.go_on.release()
        found = await waiting
        assert len(found.json()["faces"]) == 1
        assert (container.picture_disk().held_bytes, container.picture_memory().held_bytes) == (0, 0)
    assert open_files() == files


@pytest.mark.parametrize("http", ["httptools", "h11"])
async def test_a_caller_that_leaves_while_it_sends_leaves_no_file(http: str) -> None:
    async with listening(http) as url:
        files, address = open_files(), httpx.URL(url)
        content, headers = form([("file", LARGE)])
        head = request_head("POST", f"{V1}/detect", **{**headers, "Content-Length": str(len(content))})
        _, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(head + content[: len(content) // 2])
        await writer.drain()
        await until(lambda: open_files() > files + 2)  # both ends of the connection, and the file
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        await until(lambda: open_files() <= files)
        status, _, _ = await exchange(url, request_head("GET", "/health/live", Connection="close"))
        assert b" 200" in status


@pytest.mark.parametrize("broken", ["refused", "wrong field", "cut off"])
async def test_no_refusal_leaves_a_file(broken: str) -> None:
    container, files = memory_container(max_upload_bytes=4 * 1024 * 1024), open_files()
    fields = {
        "refused": [("file", LARGE * 2)],
        "wrong field": [("file", LARGE), ("x", b"")],
        "cut off": [("file", LARGE)],
    }
    content, headers = form(fields[broken])
    async with api(container) as client:
        answered = await client.post(
            f"{V1}/detect",
            headers={**HEADERS, **headers},
            content=content if broken != "cut off" else content[:-10],
        )
    assert answered.status_code in {400, 413}
    assert (container.picture_disk().held_bytes, container.picture_memory().held_bytes) == (0, 0)
    assert open_files() == files


async def test_photos_of_all_batches_are_read_a_few_at_a_time() -> None:
    container = memory_container()
    detector = HeldDetector()
    container.detector.override(providers.Object(detector))
    places = container.pictures_at_work()
    photos = container.memory_photos()
    photos |= {str(number): scene(number) for number in range(2 * places)}
    async with api(container) as client:
        batches = [
            asyncio.create_task(
                client.post(
                    f"{V1}/index/batch",
                    headers=HEADERS,
                    json={"session_id": f"s{batch}", "photos": [{"photo_id": key, "s3_key": key} for key in photos]},
                )
            )
            for batch in range(3)
        ]
        for _ in range(3 * len(photos)):
            await asyncio.wait_for(detector.begun.acquire(), PATIENCE_S)
            held = container.picture_memory().held_bytes
            assert held <= places * container.source_limits().max_bytes
            detector.go_on.release()
        answers = [await batch for batch in batches]
    assert [answer.json()["indexed"] for answer in answers] == [len(photos)] * 3
    assert container.picture_memory().held_bytes == 0


async def test_batches_under_way_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_batch, "MOST_AT_ONCE", 1)
    container = memory_container()
    detector = HeldDetector()
    container.detector.override(providers.Object(detector))
    container.memory_photos()["a"] = scene(1)
    batch = {"session_id": "s", "photos": [{"photo_id": "p", "s3_key": "a"}]}
    async with api(container) as client:
        first = asyncio.create_task(client.post(f"{V1}/index/batch", headers=HEADERS, json=batch))
        await asyncio.wait_for(detector.begun.acquire(), PATIENCE_S)
        refused = await client.post(f"{V1}/index/batch", headers=HEADERS, json=batch)
        assert problem(refused, 503, "overloaded")["retry_after_s"] == 30
        detector.go_on.release()
        assert (await first).json()["indexed"] == 1
        detector.go_on.release()
        assert (await client.post(f"{V1}/index/batch", headers=HEADERS, json=batch)).json()["indexed"] == 1


async def test_beyond_the_crowd_there_is_a_problem_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowds, "MOST_REQUESTS", 0)
    monkeypatch.setitem(Crowd.__init__.__kwdefaults__, "most", 0)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(memory_container())),  # type: ignore[arg-type]  # Litestar's own types
        base_url="http://service",
    ) as client:
        refused = await client.get(f"{V1}/upload/supported-formats")
        assert problem(refused, 503, "overloaded")["retry_after_s"] == 5
        assert refused.headers["x-request-id"] == refused.json()["request_id"]
        assert (await client.get("/health/live")).status_code == 200
        assert (await client.get("/metrics")).status_code == 200


async def test_who_leaves_the_crowd_makes_room() -> None:
    begun, end = asyncio.Event(), asyncio.Event()

    async def inner(*_: object) -> None:
        begun.set()
        await end.wait()

    async def receive() -> HTTPReceiveMessage:
        raise AssertionError("nothing is read")

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    crowd = Crowd(inner, most=1)
    scope: Any = {"type": "http", "path": "/api/v1/search"}
    first = await under_way(crowd(scope, receive, send))
    assert begun.is_set()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    end.set()
    await crowd(scope, receive, send)
    assert sent == []
