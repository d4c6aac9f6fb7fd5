"""Which web pages' scripts may read answers: those that are named, on every answer, and never with credentials."""

import functools

import httpx
import pytest
from dependency_injector import providers
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar import Litestar
from litestar.routes import HTTPRoute

from facepass.entrypoints.container import Container, in_memory
from facepass.entrypoints.http.app import create_app
from facepass.entrypoints.http.middleware.cors import EXPOSED_HEADERS, METHODS
from facepass.entrypoints.settings import Origin, Secret, Security, Settings, Uploads
from tests.integration.http.support import HEADERS, KEY, V1, client_of, scene
from tests.integration.http.test_headers import Broken

SHOP = "https://shop.example"
LOCAL = "http://localhost:3000"
CROSS_ORIGIN = "access-control-"


def container(*origins: str) -> Container:
    made = in_memory(
        Settings(
            security=Security(api_keys=(Secret(KEY),), cors_origins=tuple(map(Origin.parse, origins))),
            uploads=Uploads(max_upload_bytes=200_000),
        )
    )
    made.index_status.override(providers.Object(Broken()))
    return made


@functools.cache
def app(*origins: str) -> Litestar:
    """Building it takes longer than what is asked of it."""
    return create_app(container(*origins))


def service(*origins: str) -> httpx.AsyncClient:
    return client_of(app(*origins))


def granted(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith(CROSS_ORIGIN)}


def varies(answer: httpx.Response) -> set[str]:
    (line,) = answer.headers.get_list("vary") or [""]
    return {name.strip() for name in line.split(",")} - {""}


ANSWERS = [
    ("GET", "/health", {}, 200),
    ("GET", "/metrics", {}, 200),
    ("GET", "/docs", {}, 200),
    ("POST", f"{V1}/detect", {"headers": HEADERS, "files": {"file": scene(1)}}, 200),
    ("POST", f"{V1}/detect", {"headers": HEADERS}, 400),
    ("POST", f"{V1}/detect", {}, 401),
    ("GET", f"{V1}/search/status/s", {}, 404),
    ("GET", "/api/v2/search/status/s", {}, 404),
    ("GET", "/nowhere", {}, 404),
    ("PUT", f"{V1}/search", {}, 405),
    ("POST", f"{V1}/detect", {"headers": HEADERS, "files": {"file": bytes(300_000)}}, 413),
    ("GET", f"{V1}/index/status", {"headers": HEADERS}, 500),
    ("OPTIONS", f"{V1}/search", {}, 204),
]


@pytest.mark.parametrize(("method", "path", "options", "status"), ANSWERS)
async def test_every_answer_is_readable_for_a_named_page_and_for_no_other(
    method: str, path: str, options: dict[str, dict[str, str]], status: int
) -> None:
    async def ask(origin: str) -> httpx.Response:
        headers = {**options.get("headers", {}), "Origin": origin}
        answer = await client.request(method, path, **{**options, "headers": headers})  # type: ignore[arg-type]
        assert answer.status_code == status, answer.text
        return answer

    async with service(SHOP, LOCAL) as client:
        for origin in (SHOP, LOCAL):
            answer = await ask(origin)
            assert granted(answer) == {
                "access-control-allow-origin": origin,
                "access-control-expose-headers": EXPOSED_HEADERS,
            }
            assert "Origin" in varies(answer)
        for stranger in ("https://shop.example.evil", "http://shop.example", f"{SHOP}:8443", "null", f"{SHOP}/"):
            answer = await ask(stranger)
            assert granted(answer) == {}
            assert "Origin" in varies(answer)


async def test_without_named_pages_nothing_is_said() -> None:
    async with service() as client:
        for method in ("GET", "OPTIONS"):
            headers = {"Origin": SHOP, "Access-Control-Request-Method": "GET"}
            answer = await client.request(method, "/health", headers=headers)
            assert granted(answer) == {}
            assert "Origin" not in varies(answer)


async def test_what_an_answer_depended_on_before_it_still_depends_on() -> None:
    async with service(SHOP) as client:
        assert varies(await client.get("/health")) == {"Accept-Encoding", "Origin"}
        assert varies(await client.get("/docs", headers={"Origin": SHOP})) == {"Accept-Encoding", "Origin"}
        assert varies(await client.get("/nowhere")) == {"Origin"}


async def test_every_page_may_be_let_in_but_never_with_credentials() -> None:
    async with service("*") as client:
        preflight = await client.options(
            f"{V1}/index", headers={"Origin": SHOP, "Access-Control-Request-Method": "POST"}
        )
        for answer in (await client.get("/health", headers={"Origin": SHOP, "Cookie": "a=b"}), preflight):
            assert answer.headers["access-control-allow-origin"] == "*"
            assert "access-control-allow-credentials" not in answer.headers
            assert "Origin" not in varies(answer)
        assert granted(await client.get("/health")) == {}


async def test_preflights_of_every_route_need_no_key() -> None:
    asked = [
        (method, route.path_format.replace("{", "").replace("}", ""))
        for route in app(SHOP).routes
        if isinstance(route, HTTPRoute)
        for method in route.methods - {"OPTIONS"}
    ]
    assert {path.split("/")[2] for _, path in asked if path.startswith("/api/")} == {"v1", "v2"}
    async with service(SHOP) as client:
        for method, path in asked:
            headers = {
                "Origin": SHOP,
                "Access-Control-Request-Method": method,
                "Access-Control-Request-Headers": "content-type,x-api-key",
            }
            answer = await client.options(path, headers=headers)
            assert (answer.status_code, answer.content) == (204, b"")
            assert answer.headers["access-control-allow-origin"] == SHOP
            assert method in answer.headers["access-control-allow-methods"].split(", ")
            allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
            assert {"x-api-key", "authorization", "content-type", "if-none-match", "prefer", "x-request-id"} == {
                *allowed
            }
            assert int(answer.headers["access-control-max-age"]) > 0
            assert "access-control-allow-credentials" not in answer.headers
            assert varies(answer) == {"Origin"}
            assert answer.headers["x-request-id"]


async def test_a_preflight_of_a_stranger_is_an_ordinary_question() -> None:
    async with service(SHOP) as client:
        headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        answer = await client.options(f"{V1}/search", headers=headers)
        assert answer.status_code == 204
        assert "POST" in answer.headers["allow"]
        assert granted(answer) == {}


async def test_several_origins_are_none() -> None:
    async with service(SHOP) as client:
        answer = await client.get("/health", headers=[("Origin", SHOP), ("Origin", SHOP)])
        assert granted(answer) == {}


@given(origin=st.binary(max_size=40))
@settings(max_examples=60)
async def test_no_other_bytes_are_a_named_page(origin: bytes) -> None:
    header = bytes(byte for byte in origin if 32 <= byte != 127).strip()
    if header == SHOP.encode():
        return
    async with service(SHOP) as client:
        assert granted(await client.get("/health", headers=[(b"Origin", header)])) == {}


def test_methods_are_those_that_routes_have() -> None:
    routes = [route for route in app().routes if isinstance(route, HTTPRoute)]
    served = {method for route in routes for method in route.methods} - {"OPTIONS"}
    assert served <= set(METHODS.split(", "))
