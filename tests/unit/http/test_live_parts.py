"""The parts of live detection that need no socket: the place for the newest frame, bounds, and messages."""

import base64
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.domain.errors import InvalidRequest, Overloaded
from facepass.entrypoints.http.places import Places
from facepass.entrypoints.http.ws.flood import Flood
from facepass.entrypoints.http.ws.messages import Auth, Frame, decode, max_message_bytes
from facepass.entrypoints.http.ws.newest_frame import HeldFrame, NewestFrame
from tests.clocks import HandClock
from tests.tasks import under_way


def frame(number: int) -> HeldFrame:
    return HeldFrame(number, b"")


async def test_whoever_waits_gets_the_next_frame() -> None:
    newest = NewestFrame()
    taking = await under_way(newest.take())
    assert newest.put(frame(1)) is None
    assert await taking == frame(1)
    taking = await under_way(newest.take())
    assert not taking.done()
    taking.cancel()


@given(st.lists(st.sampled_from(["put", "take"]), max_size=30))
async def test_the_newest_frame_is_taken_and_every_other_is_counted(steps: list[str]) -> None:
    newest, waiting, taken, dropped, put = NewestFrame(), None, 0, 0, 0
    for step in steps:
        if step == "put":
            put += 1
            assert newest.put(frame(put)) == waiting
            dropped += waiting is not None
            waiting = frame(put)
        elif waiting is not None:
            assert await newest.take() == waiting
            waiting, taken = None, taken + 1
    assert newest.dropped == dropped
    assert put == taken + dropped + (waiting is not None)


@given(st.lists(st.floats(0, 3), max_size=60), st.integers(1, 10))
def test_no_stretch_of_time_admits_a_second_more_than_the_average(pauses: list[float], most: int) -> None:
    clock = HandClock()
    flood = Flood(most, clock)
    admitted_s: list[float] = []
    for pause in pauses:
        clock.pass_s(pause)
        if flood.admits():
            admitted_s.append(clock.elapsed_s())
    for first, since in enumerate(admitted_s):
        for number, until in enumerate(admitted_s[first:], 1):
            assert number <= most * (1 + until - since) + 1e-6


@given(st.lists(st.floats(0.5, 3), max_size=60))
def test_who_keeps_to_the_average_is_never_refused(pauses: list[float]) -> None:
    clock = HandClock()
    flood = Flood(2, clock)
    for pause in pauses:
        clock.pass_s(pause)
        assert flood.admits()


def test_places_are_given_back_whatever_happens() -> None:
    places = Places(2, most_each=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), places.take("a"):
            raise ZeroDivisionError
        with places.take("a"), pytest.raises(Overloaded), places.take("a"):
            pass
        with places.take("a"), places.take("b"), pytest.raises(Overloaded), places.take("c"):
            pass
    with places.take(None), places.take(None), pytest.raises(Overloaded), places.take(None):
        pass


@given(st.binary(max_size=100), st.none() | st.text(max_size=20) | st.integers(-(2**53) + 1, 2**53 - 1))
def test_frames_come_through_json_unchanged(data: bytes, frame_id: str | int | None) -> None:
    message = json.dumps({"type": "frame", "data": base64.b64encode(data).decode(), "id": frame_id})
    assert decode(message) == Frame(data, frame_id)
    assert len(message.encode()) <= max_message_bytes(len(data))


@given(st.text() | st.recursive(st.none() | st.text(), lambda inner: st.dictionaries(st.text(), inner)).map(json.dumps))
def test_anything_else_is_refused_in_few_words(text: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        decode(text)
    assert 0 < len(refusal.value.detail) < 300


def test_the_longest_message_has_room_for_the_largest_frame() -> None:
    for size in range(10):
        longest = msgspec.json.encode({"type": "frame", "data": bytes(size), "id": "\N{GRINNING FACE}" * 128})
        assert len(longest) <= max_message_bytes(size)


def test_what_is_shown_is_not_in_the_text_of_a_message() -> None:
    first = decode('{"type": "auth", "key": "hidden"}')
    assert isinstance(first, Auth)
    assert first.credentials.keys == ("hidden",)
    assert "hidden" not in f"{first!r} {first.credentials!r}"
