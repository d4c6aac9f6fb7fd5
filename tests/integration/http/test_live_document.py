"""`docs/websocket.md` says what is so, and its example runs."""

import asyncio
import re
import sys
from pathlib import Path

import msgspec

from facepass.entrypoints.http.openapi import openapi_document
from facepass.entrypoints.http.ws.close_codes import CloseCode
from facepass.entrypoints.http.ws.limits import FLOOD_FACTOR, LiveLimits
from facepass.entrypoints.http.ws.messages import Auth, Detections, Failure, Frame, Ping, Pong, Ready
from tests.integration.http.live_support import PATHS, live_container, serving
from tests.integration.http.support import KEY, scene

TEXT = (Path(__file__).parents[3] / "docs" / "websocket.md").read_text(encoding="utf-8")
FROM_CLIENT = {"auth": Auth, "frame": Frame, "ping": Ping}
FROM_SERVICE = {"ready": Ready, "detections": Detections, "error": Failure, "pong": Pong}


def test_every_close_code_is_there_with_its_meaning() -> None:
    assert re.findall(r"^\| (\d{4}) \| (.+) \|$", TEXT, re.MULTILINE) == [
        (str(code.number), code.meaning) for code in CloseCode
    ]


def test_every_message_is_there_as_it_is() -> None:
    shown = {}
    for example in re.findall(r"`(\{\"type\".+?\})`", TEXT):
        kind = msgspec.json.decode(example)["type"]
        shape = {**FROM_CLIENT, **FROM_SERVICE}[kind]
        shown[kind] = msgspec.json.decode(example, type=shape)
    assert shown.keys() == {*FROM_CLIENT, *FROM_SERVICE}


def test_limits_are_those_in_force() -> None:
    limits = LiveLimits(max_connections=1, max_frame_bytes=1, max_frames_per_s=1)
    assert f"within {limits.auth_timeout_s:.0f} s" in TEXT
    assert f"{limits.max_connections_of_token} of them with one token" in TEXT
    assert f"{limits.max_strangers} more that have shown nothing yet, {limits.max_strangers_of_address} of one" in TEXT
    assert f"| without a frame | {limits.idle_timeout_s:.0f} s |" in TEXT
    assert f"| an answer that is not taken | {limits.answer_timeout_s:.0f} s |" in TEXT
    assert f"| life | {limits.life_s / 3600:.0f} h," in TEXT
    assert (limits.recheck_s, FLOOD_FACTOR) == (60.0, 10)


async def test_the_example_runs(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.+?)```", TEXT, re.DOTALL)
    (tmp_path / "a.jpg").write_bytes(scene(1, 2))
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    async with serving(live_container()) as url:
        example = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, url + PATHS[0], KEY, "a.jpg", "b.jpg",
            cwd=tmp_path, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        printed, _ = await asyncio.wait_for(example.communicate(), 60)
    assert printed.decode().splitlines() == ["a.jpg detections 2", "b.jpg error 0"]
    assert example.returncode == 0


def test_the_api_s_documentation_mentions_it() -> None:
    assert "/ws/detect" in openapi_document(live_container())["info"]["description"]
