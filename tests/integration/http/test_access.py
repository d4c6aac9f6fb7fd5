"""Who may call what, decided before anything of the body is read."""

from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.http.support import HEADERS, KEY, V1, api, index, problem, scene

PROTECTED = [
    ("POST", "/index"),
    ("POST", "/index/batch"),
    ("DELETE", "/index/s"),
    ("DELETE", "/index/s/photos/p"),
    ("POST", "/index/s/forget"),
    ("GET", "/index/status"),
    ("GET", "/index/s/photos/p"),
    ("POST", "/detect"),
    ("POST", "/compare"),
    ("POST", "/tokens"),
    ("GET", "/keys"),
    ("POST", "/keys"),
    ("POST", "/keys/fp_aaaaaaaa/rotate"),
    ("DELETE", "/keys/fp_aaaaaaaa"),
]
SEARCH = [("POST", "/search"), ("GET", "/search/status/s")]
OPEN = ["/health", "/health/detailed", "/health/live", "/health/ready", "/upload/supported-formats"]


async def _never() -> AsyncIterator[bytes]:
    raise AssertionError("the body was asked for")
    yield b""


def refused(response: httpx.Response) -> None:
    body = problem(response, 401, "unauthorized")
    assert response.headers["www-authenticate"].startswith("ApiKey ")
    assert KEY not in body["detail"]


@pytest.mark.property
@pytest.mark.parametrize("base", [V1, "/api/v2"])
@pytest.mark.parametrize(("method", "path"), PROTECTED)
async def test_property_9_every_protected_route_needs_a_key(method: str, path: str, base: str) -> None:
    async with api() as client:
        refused(await client.request(method, base + path))
        refused(await client.request(method, base + path, headers={"X-API-Key": KEY + "x"}))
        refused(await client.request(method, base + path, headers={"X-API-Key": ""}))
        refused(await client.request(method, base + path, headers={"Authorization": f"Bearer {KEY}"}))


@pytest.mark.property
@given(guess=st.binary(max_size=60))
@settings(max_examples=60, deadline=None)
async def test_property_10_any_other_bytes_are_refused(guess: bytes) -> None:
    printable = bytes(byte for byte in guess if byte >= 32 and byte != 127)
    if printable.strip() == KEY.encode():
        return
    async with api() as client:
        refused(await client.request("POST", f"{V1}/detect", headers=[(b"X-API-Key", printable)]))


async def test_two_keys_are_no_key() -> None:
    async with api() as client:
        headers = [("X-API-Key", KEY), ("X-API-Key", KEY)]
        refused(await client.request("POST", f"{V1}/detect", headers=headers))


@pytest.mark.parametrize(("method", "path"), SEARCH)
async def test_search_is_public_unless_closed(method: str, path: str) -> None:
    async with api() as client:
        assert (await client.request(method, V1 + path)).status_code in {400, 404}
    async with api(search_access="key") as client:
        refused(await client.request(method, V1 + path))
        await index(client, "s", "p", scene(1))
        assert (await client.request(method, V1 + path, headers=HEADERS)).status_code in {200, 400}


@pytest.mark.parametrize("path", OPEN)
async def test_open_routes_stay_open(path: str) -> None:
    async with api(search_access="key") as client:
        assert (await client.get(V1 + path)).status_code == 200


async def test_nothing_is_read_from_a_caller_that_waits_for_a_go_ahead() -> None:
    async with api() as client:
        headers = {"Expect": "100-continue", "Content-Length": "1000"}
        response = await client.post(f"{V1}/index", headers=headers, content=_never())
        refused(response)
        assert response.headers["connection"] == "close"
