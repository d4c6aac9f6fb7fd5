"""The security headers, on every kind of answer there is."""

import functools
from collections.abc import Awaitable, Callable

import httpx
import pytest
from dependency_injector import providers
from litestar import Litestar

from facepass.entrypoints.container import in_memory
from facepass.entrypoints.http.app import create_app
from facepass.entrypoints.http.middleware.request_scope import HSTS, SECURITY_HEADERS
from facepass.entrypoints.http.routes.docs import ASSETS, POLICY
from facepass.entrypoints.settings import Application, Origin, Secret, Security, Settings, Uploads
from tests.integration.http.support import HEADERS, KEY, V1, Unreachable, client_of, index, scene, search

Ask = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]
ORIGIN = "https://photos.example"
OWN_POLICY = {"/docs", "/redoc", "/openapi.json", *(f"/docs/assets/{name}" for name in ASSETS)}
"""Pages with scripts, and what they load."""


class Broken:
    """A use case with a bug."""

    async def __call__(self, *_: object) -> object:
        raise RuntimeError("broken")


def asking(method: str, path: str, **options: object) -> Ask:
    return lambda client: client.request(method, path, **options)  # type: ignore[arg-type]


async def unchanged(client: httpx.AsyncClient) -> httpx.Response:
    await index(client, "s", "p", scene(1))
    tag = (await client.get(f"{V1}/search/status/s")).headers["etag"]
    return await client.get(f"{V1}/search/status/s", headers={"If-None-Match": tag})


async def unchanged_page(client: httpx.AsyncClient) -> httpx.Response:
    tag = (await client.get("/docs")).headers["etag"]
    return await client.get("/docs", headers={"If-None-Match": tag})


PREFLIGHT = {"Origin": ORIGIN, "Access-Control-Request-Method": "DELETE"}
ANSWERS: dict[str, tuple[Ask, int]] = {
    "a result": (lambda client: index(client, "s", "p", scene(1)), 200),
    "an answer in v2": (asking("GET", "/api/v2/upload/supported-formats"), 200),
    "an answer at the root": (asking("GET", "/health/live"), 200),
    "metrics": (asking("GET", "/metrics"), 200),
    "HEAD": (asking("HEAD", "/health/live"), 200),
    "OPTIONS": (asking("OPTIONS", f"{V1}/search"), 204),
    "a preflight": (asking("OPTIONS", f"{V1}/index/s", headers=PREFLIGHT), 204),
    "a redirection": (asking("GET", "/"), 307),
    "unchanged": (unchanged, 304),
    "an unchanged page": (unchanged_page, 304),
    "an invalid request": (asking("POST", f"{V1}/index", headers=HEADERS, data={"session_id": ""}), 400),
    "no face": (lambda client: search_known(client, scene()), 400),
    "no key": (asking("POST", f"{V1}/index"), 401),
    "an unknown session": (asking("GET", f"{V1}/index/unknown/photos/p", headers=HEADERS), 404),
    "no route": (asking("GET", "/nowhere"), 404),
    "an impossible path": (asking("GET", "//a//%00/"), 404),
    "a route's folder": (asking("GET", f"{V1}/"), 404),
    "a wrong method": (asking("PATCH", f"{V1}/search"), 405),
    "no picture": (asking("POST", f"{V1}/detect", headers=HEADERS, files={"file": b"text"}), 415),
    "too large": (asking("POST", f"{V1}/detect", headers=HEADERS, files={"file": bytes(300_000)}), 413),
    "a bug": (asking("GET", f"{V1}/index/status", headers=HEADERS), 500),
    "an outage": (asking("GET", "/health/ready"), 503),
    **{f"HEAD of {page}": (asking("HEAD", page), 200) for page in ("/docs", "/redoc")},
    **{page: (asking("GET", page), 200) for page in sorted(OWN_POLICY)},
}


async def search_known(client: httpx.AsyncClient, selfie: bytes) -> httpx.Response:
    await index(client, "s", "p", scene(1))
    return await search(client, "s", selfie)


@functools.cache
def app(environment: str) -> Litestar:
    """A service whose database is away and one use case of which is broken; built once, as that takes a while."""
    container = in_memory(
        Settings(
            application=Application(environment=environment),  # type: ignore[arg-type]
            security=Security(api_keys=(Secret(KEY),), cors_origins=(Origin.parse(ORIGIN),)),
            uploads=Uploads(max_upload_bytes=200_000),
        )
    )
    container.index_status.override(providers.Object(Broken()))
    container.database_readiness.override(providers.Object(Unreachable()))
    return create_app(container)


@pytest.mark.parametrize("environment", ["development", "production"])
@pytest.mark.parametrize("kind", ANSWERS)
async def test_every_answer_has_the_security_headers(kind: str, environment: str) -> None:
    ask, status = ANSWERS[kind]
    async with client_of(app(environment)) as client:
        answer = await ask(client)
    headers = answer.headers
    assert answer.status_code == status, answer.text
    own = answer.request.url.path in OWN_POLICY
    for name, value in SECURITY_HEADERS.items():
        expected = POLICY if own and name == "Content-Security-Policy" else value
        if name != "Cache-Control":
            assert headers.get_list(name) == [expected], name
    assert len(headers.get_list("Cache-Control")) == 1
    assert len(headers.get_list("X-Request-ID")) == 1
    hsts = [*HSTS.values()] if environment == "production" else []
    assert headers.get_list("Strict-Transport-Security") == hsts
    assert not {"server", "x-powered-by", "set-cookie"} & set(headers)
    assert answer.status_code not in {204, 304} or answer.content == b""


def test_the_headers_say_what_the_specification_asks() -> None:
    assert SECURITY_HEADERS["X-Frame-Options"] == "DENY"
    assert SECURITY_HEADERS["X-Content-Type-Options"] == "nosniff"
    assert SECURITY_HEADERS["X-XSS-Protection"] == "0"
    assert SECURITY_HEADERS["Referrer-Policy"] == "no-referrer"
    assert "includeSubDomains" in HSTS["Strict-Transport-Security"]
    for policy in (SECURITY_HEADERS["Content-Security-Policy"], POLICY):
        assert policy.startswith("default-src 'none';")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-eval" not in policy
    assert "script-src 'self';" in POLICY
