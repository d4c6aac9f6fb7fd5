"""What one connection may cost: its time, its messages, and the memory of a service whose clients mean no good."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from dependency_injector import providers
from websockets.asyncio.client import connect

from facepass.adapters.memory.vision import SquareDetector
from facepass.domain.face import BoundingBox, Detection, Image, Landmarks, Point
from facepass.entrypoints import bounded_websocket
from facepass.entrypoints.http.ws.messages import max_message_bytes
from tests.clocks import HandClock
from tests.integration.http.live_support import (
    BINARY,
    CONTINUATION,
    PATHS,
    PING,
    TEXT,
    RawClient,
    ask,
    ended,
    live_container,
    new_key,
    opened,
    running,
    serving,
    token_for,
    told,
)
from tests.integration.http.support import HEADERS, KEY, V1, scene
from tests.integration.http.test_logging import configured, lines

pytestmark = pytest.mark.usefixtures("logging_as_before")

KEY_LINE = f"X-API-Key: {KEY}"
MIB = 1024 * 1024


def by_hand(**options: Any) -> tuple[Any, HandClock]:
    """A service whose time moves by hand."""
    container, clock = live_container(**options), HandClock()
    container.clock.override(providers.Object(clock))
    return container, clock


async def test_a_connection_without_frames_is_closed() -> None:
    async with serving(live_container(limits={"idle_timeout_s": 0.05})) as url, opened(url) as socket:
        assert await ended(socket) == (4408, "No frame came.")


async def test_pings_are_no_frames() -> None:
    container, clock = by_hand()
    async with serving(container) as url, opened(url) as socket:
        clock.pass_s(59)
        await ask(socket, type="ping")
        clock.pass_s(1)
        await socket.send(json.dumps({"type": "ping"}))
        assert (await ended(socket))[0] == 4408


async def test_a_connection_ends_after_its_longest_life() -> None:
    container, clock = by_hand(limits={"recheck_s": 10_000.0, "max_frames_per_s": 1000})
    async with serving(container) as url, opened(url) as socket:
        for _ in range(60):
            clock.pass_s(59.9)
            await socket.send(scene(1))
            await told(socket)
        clock.pass_s(6)
        await socket.send(scene(1))
        assert await ended(socket) == (1000, "Connect again.")


async def test_a_connection_ends_with_its_token() -> None:
    container, clock = by_hand(limits={"recheck_s": 10_000.0})
    async with serving(container) as url:
        headers = {"Authorization": f"Bearer {await token_for(url, ttl_s=50)}"}
        async with opened(url, headers=headers) as socket:
            clock.pass_s(49)
            await socket.send(scene(1))
            await told(socket)
            clock.pass_s(1)
            await socket.send(scene(1))
            assert await ended(socket) == (4401, "The credential has expired.")


async def test_a_connection_ends_soon_after_its_key_is_revoked() -> None:
    container, clock = by_hand()
    async with serving(container) as url:
        key = await new_key(url, "detect")
        async with opened(url, headers={"X-API-Key": key}) as socket:
            async with httpx.AsyncClient(base_url=url.replace("ws:", "http:"), headers=HEADERS) as client:
                assert (await client.delete(f"{V1}/keys/{key[:11]}")).status_code == 200
            clock.pass_s(59)
            await socket.send(scene(1))
            await told(socket)
            clock.pass_s(1)
            await socket.send(scene(1))
            assert (await ended(socket))[0] == 4401


async def test_a_flood_of_messages_is_closed() -> None:
    container, _ = by_hand(limits={"max_frames_per_s": 2})
    async with serving(container) as url, opened(url) as socket:
        for _ in range(20):
            await ask(socket, type="ping")
        await socket.send(json.dumps({"type": "ping"}))
        assert (await ended(socket))[0] == 1008


async def test_a_flood_in_one_piece_is_closed_too() -> None:
    async with serving(live_container()) as url, RawClient.connected(url, KEY_LINE) as client:
        await client.send(TEXT, b"{}", times=10_000)
        assert await client.ended() == (1008, "too many messages at once")


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
async def test_a_message_longer_than_any_frame_is_closed_and_its_sender_sees_why(opcode: int) -> None:
    longest = max_message_bytes(100_000)
    async with serving(live_container(max_upload_bytes=100_000)) as url:
        async with opened(url) as socket:
            await socket.send("x" * longest if opcode == TEXT else bytes(longest))
            assert (await told(socket))["type"] == "error"
        async with RawClient.connected(url, KEY_LINE) as client:
            await client.send(opcode, bytes(100 * longest))  # all of it, before the answer is looked for
            assert (await client.ended())[0] == 1009


async def test_a_stranger_may_send_no_more_than_a_credential() -> None:
    async with serving(live_container()) as url, connect(url + PATHS[0]) as socket:
        await socket.send("x" * (bounded_websocket.MAX_FIRST_BYTES + 1))
        assert (await ended(socket))[0] == 1009


@pytest.mark.parametrize("more", ["X-API-Key: " + "k" * 9000, "\r\n".join(f"X-{number}: 1" for number in range(200))])
async def test_a_handshake_with_too_much_in_it_is_answered(more: str) -> None:
    async with running(live_container()) as service:
        with pytest.raises(AssertionError, match=r"HTTP/1\.1 431 "):
            async with RawClient.connected(service.url, more):
                pass


async def test_a_message_in_very_many_fragments_is_closed_whatever_comes_after_it() -> None:
    stream = configured(log_format="json")
    async with serving(live_container()) as url, RawClient.connected(url, KEY_LINE) as client:
        await client.send(BINARY, b"x", last=False)
        await client.send(CONTINUATION, b"x", last=False, times=2 * bounded_websocket.MAX_FRAGMENTS)
        await client.send(PING, b"x", times=100)
        assert await client.ended() == (1008, "too many fragments")
    assert [line["event"] for line in lines(stream)] == ["request"]


async def test_a_message_in_fragments_is_one_message() -> None:
    async with serving(live_container()) as url, opened(url) as socket:
        picture = scene(1)
        await socket.send([picture[:10], picture[10:20], picture[20:]])
        assert len((await told(socket))["faces"]) == 1


class CrowdDetector(SquareDetector):
    """Finds very many faces in everything: an answer of a megabyte."""

    async def detect(self, image: Image, *, any_rotation: bool = False) -> tuple[Detection, ...]:
        point = Point(1.0, 1.0)
        return (Detection(BoundingBox(0.0, 0.0, 9.0, 9.0), Landmarks(*[point] * 5), confidence=0.9),) * 3000


async def test_a_client_that_never_reads_makes_nothing_grow() -> None:
    stream = configured(log_format="json")
    container = live_container(limits={"max_frames_per_s": 1000})
    container.detector.override(providers.Object(CrowdDetector()))
    frame = scene().ljust(MIB)
    async with running(container) as service:
        async with RawClient.connected(service.url, KEY_LINE) as client:
            held = []
            for _ in range(200):
                await client.send(BINARY, frame)
                held.append(service.bodies.memory.held_bytes)
            (connection,) = service.server.server_state.connections
            unsent_bytes = connection.transport._transport.get_write_buffer_size()  # type: ignore[union-attr]  # ours
        assert 0 < max(held) <= 2 * MIB
        assert unsent_bytes < 2 * MIB
    assert service.bodies.memory.held_bytes == 0
    (line,) = [line for line in lines(stream) if line["event"] == "request"]
    assert line["frames"] >= 190  # the last ones may have been under way when the client left
    assert line["dropped"] > 150


async def test_who_does_not_read_is_closed_after_a_while() -> None:
    stream = configured(log_format="json")
    container = live_container(limits={"max_frames_per_s": 100_000, "answer_timeout_s": 0.2})
    container.detector.override(providers.Object(CrowdDetector()))
    async with running(container) as service, RawClient.connected(service.url, KEY_LINE) as client:
        (connection,) = service.server.server_state.connections
        while not connection.transport.is_closing():  # type: ignore[union-attr]  # ours
            await client.send(BINARY, scene().ljust(MIB))
        assert service.bodies.memory.held_bytes == 0
    (line,) = [line for line in lines(stream) if line["event"] == "request"]
    assert line["close_code"] == 4408


async def test_answers_to_pings_do_not_pile_up_for_who_does_not_read_them() -> None:
    async with running(live_container()) as service, RawClient.connected(service.url, KEY_LINE) as client:
        for _ in range(100):
            await client.send(PING, bytes(125), times=1000)
        (connection,) = service.server.server_state.connections
        unsent_bytes = connection.transport._transport.get_write_buffer_size()  # type: ignore[union-attr]  # ours
        assert unsent_bytes < MIB


async def test_a_service_that_stops_says_so() -> None:
    async with (
        running(live_container()) as service,
        opened(service.url) as socket,
        connect(service.url + PATHS[0]) as stranger,
    ):
        service.server.should_exit = True
        assert await asyncio.gather(ended(socket), ended(stranger)) == [(1012, ""), (1012, "")]
