"""Live detection: frames in, faces out, the newest frame first, and every failure a message of its own."""

import asyncio
import base64
import io
import json
from typing import Any

import httpx
import pytest
from dependency_injector import providers
from websockets.asyncio.client import connect

from tests.integration.http.live_support import (
    PATHS,
    BrokenDetector,
    HeldDetector,
    ask,
    live_container,
    opened,
    running,
    serving,
    told,
)
from tests.integration.http.support import HEADERS, V1, scene
from tests.integration.http.test_logging import configured, lines

pytestmark = pytest.mark.usefixtures("logging_as_before")


def in_base64(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


@pytest.mark.parametrize("path", PATHS)
async def test_a_binary_frame_is_answered_as_by_post_detect(path: str) -> None:
    async with serving(live_container()) as url:
        async with httpx.AsyncClient(base_url=url.replace("ws:", "http:")) as client:
            posted = (await client.post(f"{V1}/detect", headers=HEADERS, files={"file": scene(1, 2)})).json()
        async with opened(url, path) as socket:
            await socket.send(scene(1, 2))
            answer = await told(socket)
    assert answer.pop("took_ms") >= 0
    assert answer == {"type": "detections", "id": 1, "dropped": 0, "faces": posted["faces"], "image": posted["image"]}
    assert len(answer["faces"]) == 2


@pytest.mark.parametrize("frame_id", ["a", "", 7, -1])
async def test_a_frame_in_json_is_answered_under_its_id(frame_id: str | int) -> None:
    async with serving(live_container()) as url, opened(url) as socket:
        answer = await ask(socket, type="frame", data=in_base64(scene(3)), id=frame_id)
        assert (answer["type"], answer["id"], len(answer["faces"])) == ("detections", frame_id, 1)
        assert (await ask(socket, type="frame", data=in_base64(scene())))["id"] == 2


async def test_ready_says_what_may_be_sent() -> None:
    container = live_container(max_upload_bytes=1234, limits={"max_frames_per_s": 3})
    async with serving(container) as url, connect(url + PATHS[0], additional_headers=HEADERS) as socket:
        assert await told(socket) == {"type": "ready", "max_frame_bytes": 1234, "max_frames_per_s": 3}


async def test_the_newest_frame_wins() -> None:
    container, detector = live_container(), HeldDetector()
    container.detector.override(providers.Object(detector))
    async with serving(container) as url, opened(url) as socket:
        await socket.send(scene(1))
        await detector.begun.acquire()
        for people in range(1, 6):
            await socket.send(scene(*range(people)))
        assert (await ask(socket, type="ping"))["type"] == "pong"  # so all of them have arrived
        answers = []
        for _ in range(2):
            detector.go_on.release()
            answers.append(await told(socket))
        await socket.send(scene(1))
        detector.go_on.release()
        answers.append(await told(socket))
    found = [(answer["id"], len(answer["faces"]), answer["dropped"]) for answer in answers]
    assert found == [(1, 1, 4), (6, 5, 0), (7, 1, 0)]


async def test_no_more_frames_are_looked_at_than_ready_said() -> None:
    async with serving(live_container(limits={"max_frames_per_s": 5})) as url, opened(url) as socket:
        begun_s = asyncio.get_running_loop().time()
        for _ in range(3):
            await socket.send(scene(1))
            await told(socket)
        assert asyncio.get_running_loop().time() - begun_s >= 0.39


WRONG: list[tuple[str, str | bytes, Any]] = [
    ("unsupported_image", b"no picture", 1),
    ("payload_too_large", bytes(5001), 2),
    ("unsupported_image", json.dumps({"type": "frame", "data": "AAAA", "id": "x"}), "x"),
    ("payload_too_large", json.dumps({"type": "frame", "data": in_base64(bytes(5001)), "id": "x"}), "x"),
    ("invalid_request", "{", None),
    ("invalid_request", "[" * 5000, None),
    ("invalid_request", "null", None),
    ("invalid_request", "{}", None),
    ("invalid_request", json.dumps({"type": "picture"}), None),
    ("invalid_request", json.dumps({"type": "frame"}), None),
    ("invalid_request", json.dumps({"type": "frame", "data": "***"}), None),
    ("invalid_request", json.dumps({"type": "frame", "data": "AAAA", "id": 1.5}), None),
    ("invalid_request", json.dumps({"type": "frame", "data": "AAAA", "id": "x" * 129}), None),
    ("invalid_request", json.dumps({"type": "frame", "data": "AAAA", "extra": 1}), None),
    ("invalid_request", json.dumps({"type": "ping", "x" * 4000: 1}), None),
    ("invalid_request", json.dumps({"type": "auth", "key": "again"}), None),
]


async def test_what_cannot_be_used_is_said_and_the_connection_goes_on() -> None:
    async with serving(live_container(max_upload_bytes=5000)) as url, opened(url) as socket:
        for code, message, frame_id in WRONG:
            await socket.send(message)
            answer = await told(socket)
            assert (answer["type"], answer["code"], answer.get("id")) == ("error", code, frame_id), message
            assert 0 < len(answer["detail"]) < 300
        assert len((await ask(socket, type="frame", data=in_base64(scene(1))))["faces"]) == 1


async def test_frames_are_refused_while_all_memory_for_pictures_is_taken() -> None:
    async with running(live_container()) as service, opened(service.url) as socket:
        with service.bodies.lease() as others:
            others.take(service.bodies.memory.max_held_bytes)
            await socket.send(scene(1))
            answer = await told(socket)
        assert (answer["code"], answer["id"], answer["retry_after_s"]) == ("overloaded", 1, 2)
        await socket.send(scene(1))
        assert (await told(socket))["type"] == "detections"


async def test_a_picture_that_breaks_something_is_logged_and_the_connection_goes_on() -> None:
    stream = configured(log_format="json")
    container = live_container()
    container.detector.override(providers.Object(BrokenDetector()))
    async with serving(container) as url, opened(url) as socket:
        for _ in range(2):
            await socket.send(scene(1))
            assert (await told(socket))["code"] == "internal"
    broken = [line for line in lines(stream) if line["event"] == "unhandled_error"]
    assert len(broken) == 2
    assert "ZeroDivisionError" in broken[0]["exception"]
    (access,) = [line for line in lines(stream) if line["event"] == "request"]
    assert broken[0]["request_id"] == access["request_id"]
    assert '"faces"' not in stream.getvalue()


async def test_both_kinds_of_ping_are_answered() -> None:
    async with serving(live_container()) as url, opened(url) as socket:
        assert await ask(socket, type="ping") == {"type": "pong"}
        await asyncio.wait_for(await socket.ping(), 10)


async def test_one_access_line_a_connection_tells_what_came_of_it() -> None:
    stream: io.StringIO = configured(log_format="json", log_level="ERROR")
    container, detector = live_container(), HeldDetector()
    container.detector.override(providers.Object(detector))
    headers = {**HEADERS, "X-Request-ID": "mine"}
    async with serving(container) as url, opened(url, PATHS[1], headers=headers) as socket:
        assert socket.response is not None
        assert socket.response.headers["X-Request-ID"] == "mine"
        await socket.send(scene(1))
        await detector.begun.acquire()
        await socket.send(scene(1))
        await socket.send(scene(1))
        await ask(socket, type="ping")
        await socket.close(4321)
    (line,) = lines(stream)
    assert line["duration_ms"] > 0
    assert line["caller"].startswith("key:configured-")
    told_of = {
        name: line[name] for name in ("method", "route", "status", "close_code", "frames", "dropped", "request_id")
    }
    assert told_of == {
        "method": "WS",
        "route": PATHS[1],
        "status": 101,
        "close_code": 4321,
        "frames": 3,
        "dropped": 1,
        "request_id": "mine",
    }
