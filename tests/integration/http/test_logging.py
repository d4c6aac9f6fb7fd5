"""One access line a request, and nothing in any line that must not be written."""

import io
import json
import logging
from typing import Any

import numpy as np
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from facepass.entrypoints import logs
from facepass.entrypoints.settings import Logging
from tests.integration.http.support import HEADERS, KEY, V1, api, index, scene, search

pytestmark = pytest.mark.usefixtures("logging_as_before")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def configured(**options: Any) -> io.StringIO:
    stream = io.StringIO()
    logs.configure(Logging(**options), stream)
    return stream


@pytest.mark.property
@given(
    calls=st.lists(
        st.sampled_from(
            [("GET", "/health"), ("GET", "/nowhere/x"), ("POST", f"{V1}/search"), ("GET", f"{V1}/search/status/a%2Fb"),
             ("HEAD", "/docs"), ("DELETE", f"{V1}/index/batch"), ("PUT", f"{V1}/index")]
        ),
        max_size=5,
    )
)  # fmt: skip
@settings(max_examples=15, deadline=None)
async def test_property_11_one_access_line_a_request(calls: list[tuple[str, str]]) -> None:
    stream = configured(log_format="json", log_level="ERROR")
    async with api() as client:
        answers = [await client.request(method, path) for method, path in calls]
    logged = lines(stream)
    assert [line["request_id"] for line in logged] == [answer.headers["x-request-id"] for answer in answers]
    for (method, path), answer, line in zip(calls, answers, logged, strict=True):
        assert (line["event"], line["method"], line["status"]) == ("request", method, answer.status_code)
        assert line["duration_ms"] >= 0
        assert "a%2Fb" not in json.dumps(line)
        if path == "/health":
            assert line["route"] == "/health"


async def test_lines_hold_no_ids_keys_addresses_or_pictures() -> None:
    stream = configured(log_format="json", log_level="DEBUG")
    async with api() as client:
        await index(client, "my-session", "my-photo", scene(1))
        await search(client, "my-session", scene(2))
        await client.get(f"{V1}/search/status/my-session")
        await client.get(f"{V1}/search/status/unknown-session")
        await client.delete(f"{V1}/index/my-session", headers=HEADERS)
    text = stream.getvalue()
    assert len([line for line in lines(stream) if line["event"] == "request"]) == 5
    for private in ("my-session", "my-photo", "unknown-session", KEY, "127.0.0.1", "testclient", '"faces"'):
        assert private not in text
    assert {line["route"] for line in lines(stream)} >= {f"{V1}/search/status/{{session_id}}", f"{V1}/index"}


async def test_the_access_log_can_be_turned_off() -> None:
    stream = configured(log_format="json")
    async with api(access_log=False) as client:
        await client.get("/health")
    assert stream.getvalue() == ""


@pytest.mark.logs_on_purpose("a long text of one letter looks like encoded bytes")
def test_what_must_not_be_written_is_taken_out() -> None:
    stream = configured(log_format="json")
    structlog.stdlib.get_logger("t").info(
        "e",
        vector=np.ones(128),
        floats=[0.1] * 128,
        image=b"\xff\xd8",
        api_key="k-secret",
        nested={"Authorization": "k-secret", "fine": 1},
        password="k-secret",  # noqa: S106 - what must not come out
        text="x" * 100_000,
    )
    (line,) = lines(stream)
    assert "k-secret" not in stream.getvalue()
    assert line["vector"] == "<ndarray>"
    assert line["floats"] == "<128 items>"
    assert line["image"] == "<bytes>"
    assert line["nested"] == {"Authorization": "***", "fine": 1}
    assert len(line["text"]) < 20_000


def quoting(*given: str) -> None:
    raise ValueError(*given)


def fail(local: str) -> None:
    raise ValueError(len(local))


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_tracebacks_hold_no_local_variables(log_format: str) -> None:
    stream = configured(log_format=log_format)
    try:
        fail("a-vector-" + "in-a-variable")
    except ValueError:
        structlog.stdlib.get_logger("t").exception("broken")
        logging.getLogger("library").exception("broken too")
    assert stream.getvalue().count("Traceback") == 2
    assert "a-vector-in-a-variable" not in stream.getvalue()


def test_libraries_log_in_the_same_form() -> None:
    stream = configured(log_format="json", log_level="WARNING")
    logging.getLogger("library").warning("%s of %d", "two", 2)
    logging.getLogger("library").info("not shown")
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["logger"]) == ("two of 2", "warning", "library")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_line_holds_a_secret_that_an_error_quotes(log_format: str) -> None:
    secret, token = 'a "quoted" secret', "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"
    stream = io.StringIO()
    logs.configure(Logging(log_format=log_format), stream, secrets=[secret])  # type: ignore[arg-type]
    try:
        quoting(secret, "postgresql://u:passw@h/d", token)
    except ValueError:
        structlog.stdlib.get_logger("facepass.t").exception("broken", given=secret)
        logging.getLogger("library").exception("broken by %s", [secret])
    shown = stream.getvalue()
    assert shown.count("Traceback") == 2
    assert "://u:***@h/d" in shown
    for hidden in (secret, json.dumps(secret)[1:-1], "passw", token, "quoted"):
        assert hidden not in shown


def test_libraries_do_not_debug_into_our_log() -> None:
    stream = configured(log_format="json", log_level="DEBUG")
    for name in ("botocore.auth", "httpcore.http11", "sqlalchemy.engine"):
        logging.getLogger(name).debug("Authorization: key")
    structlog.stdlib.get_logger("facepass.search").debug("ours")
    assert [line["event"] for line in lines(stream)] == ["ours"]


def test_a_terminal_gets_text_and_everything_else_json() -> None:
    for stream, is_json in ((Terminal(), False), (io.StringIO(), True)):
        logs.configure(Logging(), stream)
        structlog.stdlib.get_logger("t").info("hello")
        assert stream.getvalue().startswith("{") is is_json
