"""What every answer shares, whatever happened: a request id, and problems without internals."""

import functools
import io
import uuid

import httpx
import pytest
from dependency_injector import providers
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar import Litestar

from facepass.domain.errors import Conflict, DependencyUnavailable, LowQualityFace, Overloaded
from facepass.entrypoints import logs
from facepass.entrypoints.container import Container
from facepass.entrypoints.http.app import create_app
from facepass.entrypoints.settings import Logging
from tests.integration.http.support import HEADERS, V1, api, client_of, memory_container, problem, scene, search

SECRET = "postgresql://user:hunter2@db/x"  # noqa: S105 - what must not come out


class Failing:
    """A use case that fails in a given way."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def __call__(self, *_: object, **__: object) -> object:
        raise self._error


def failing(name: str, error: Exception) -> Container:
    container = memory_container()
    getattr(container, name).override(providers.Object(Failing(error)))
    return container


@pytest.mark.usefixtures("logging_as_before")
async def test_a_bug_is_answered_without_internals_and_logged_with_them() -> None:
    stream = io.StringIO()
    logs.configure(Logging(log_format="json"), stream)
    async with api(failing("gallery_status", RuntimeError(SECRET))) as client:
        response = await client.get(f"{V1}/search/status/s", headers={"X-Request-ID": "find-me"})
    body = problem(response, 500, "internal")
    assert set(body) == {"type", "title", "status", "detail", "instance", "code", "request_id"}
    assert "hunter2" not in response.text
    assert "RuntimeError" not in response.text
    logged = stream.getvalue()
    assert "Traceback" in logged
    assert "RuntimeError: postgresql://user:***@db/x" in logged
    assert "find-me" in logged


async def test_overload_and_outage_say_when_to_come_back() -> None:
    for error, code in (
        (Overloaded("Full.", retry_after_s=3), "overloaded"),
        (DependencyUnavailable("database", "Away.", retry_after_s=3), "dependency_unavailable"),
    ):
        async with api(failing("search_gallery", error)) as client:
            response = await search(client, "s", scene(1))
            assert problem(response, 503, code)["retry_after_s"] == 3
            assert response.headers["retry-after"] == "3"


async def test_conflict_and_quality() -> None:
    async with api(failing("search_gallery", Conflict("Another model."))) as client:
        assert set(problem(await search(client, "s", scene(1)), 409, "conflict")) & {"errors", "reasons"} == set()
    async with api(failing("search_gallery", LowQualityFace("Poor.", ("too_small", "blurred")))) as client:
        body = problem(await search(client, "s", scene(1)), 400, "low_quality_face")
        assert body["reasons"] == ["too_small", "blurred"]


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1", "/api/v3/search", f"{V1}/index", f"{V1}/search/"])
@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH"])
async def test_unknown_addresses(client: httpx.AsyncClient, path: str, method: str) -> None:
    response = await client.request(method, path)
    code = {404: "not_found", 405: "method_not_allowed"}[response.status_code]
    problem(response, response.status_code, code)


async def test_a_wrong_method_is_told_the_right_ones(client: httpx.AsyncClient) -> None:
    for method, path, allowed in (
        ("GET", "/search", "POST"),
        ("PUT", "/index/batch", "POST"),
        ("POST", "/search/status/s", "GET"),
        ("GET", "/index/s", "DELETE"),
    ):
        response = await client.request(method, V1 + path)
        problem(response, 405, "method_not_allowed")
        assert allowed in response.headers["allow"]
    assert (await client.options(f"{V1}/search")).status_code == 204


async def test_head_is_get_without_a_body(client: httpx.AsyncClient) -> None:
    for path, status in (("/health", 200), (f"{V1}/search/status/s", 404), (f"{V1}/search", 405), ("/docs", 200)):
        got, head = await client.get(path), await client.head(path)
        assert (head.status_code, head.content) == (status, b"")
        assert head.headers["content-type"] == got.headers["content-type"]
        assert int(head.headers["content-length"]) > 0


@pytest.mark.parametrize("path", ["/health", "/nowhere", "/docs", f"{V1}/search/status/s", f"{V1}/search"])
async def test_a_sane_request_id_is_kept(client: httpx.AsyncClient, path: str) -> None:
    for sane in ("a", "A.b_c-9", "x" * 128):
        assert (await client.get(path, headers={"X-Request-ID": sane})).headers["x-request-id"] == sane
    for odd in ("", "x" * 129, "a b", "a;b", 'a"', "é".encode(), "a\tb"):
        made = (await client.get(path, headers={"X-Request-ID": odd})).headers["x-request-id"]
        assert str(uuid.UUID(made)) == made


@functools.cache
def _naming_app() -> Litestar:
    return create_app(memory_container(), new_request_id=lambda: "made")


@given(text=st.binary(max_size=200))
@settings(max_examples=40, deadline=None)
async def test_no_request_id_reaches_the_answer_unchecked(text: bytes) -> None:
    header = bytes(byte for byte in text if 32 <= byte != 127)
    async with client_of(_naming_app()) as client:
        answered = (await client.get("/health", headers=[(b"X-Request-ID", header)])).headers["x-request-id"]
    assert answered == "made" or answered.encode() == header


async def test_personal_answers_are_not_kept(client: httpx.AsyncClient) -> None:
    answers = [
        await client.post(f"{V1}/detect", headers=HEADERS, files={"file": scene(1)}),
        await search(client, "s", scene(1)),
        await client.get(f"{V1}/index/s/photos/p", headers=HEADERS),
        await client.get("/health"),
    ]
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
