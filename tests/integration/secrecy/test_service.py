"""A service all of whose secrets are marked, through everything that can happen to it: no mark shows anywhere."""

import contextlib
import io
import json
import traceback
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from dependency_injector import providers

from facepass.adapters.embedded_postgres.server import Server, TimeLimits
from facepass.adapters.pgvector import migrate
from facepass.adapters.pgvector.engine import PoolSettings
from facepass.domain.errors import ConfigurationError, DependencyUnavailable
from facepass.entrypoints import logs
from facepass.entrypoints.configured_secrets import hidden_texts
from facepass.entrypoints.container import Container, build_container
from facepass.entrypoints.environment import load_settings, secret_names
from facepass.entrypoints.lifespan import running
from facepass.entrypoints.settings import Settings
from tests.fixtures_postgres import run_sql
from tests.integration.http.support import V1, api, form, scene
from tests.integration.secrecy.markers import (
    PICTURE,
    WRONG_KEY,
    WRONG_TOKEN,
    assert_clean,
    core,
    found_in,
    in_files,
    markers,
)

HANDING_OUT = {f"{V1}/keys", f"{V1}/tokens"}
TRACED = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_SAMPLER_ARG": "1"}


@pytest.fixture
def server(used_data_dir: Path) -> Iterator[Server]:
    """A database of the test's own, whose role has the marked password."""
    postgres = Server(used_data_dir, port=None, limits=TimeLimits())
    postgres.open()
    yield postgres
    postgres.close()


@pytest.fixture
async def marked(server: Server) -> dict[str, str]:
    """Every secret, marked, of a service on a migrated database."""
    await migrate.upgrade(server.url, PoolSettings())
    await run_sql(server.url, f"ALTER ROLE CURRENT_USER PASSWORD '{core('DATABASE_URL')}'")
    return markers(server.url)


@pytest.fixture(params=["directly", "by files"])
def settings(request: pytest.FixtureRequest, marked: dict[str, str], tmp_path: Path) -> Settings:
    given = marked if request.param == "directly" else in_files(marked, tmp_path / "secrets")
    loaded = load_settings({**given, "LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json", "DB_TIMEOUT_S": "2", **TRACED})
    assert found_in("\n".join(hidden_texts(loaded))) == secret_names()
    return loaded


def in_scenes(settings: Settings) -> Container:
    """On the marked database, with pictures that are scenes."""
    container = build_container(settings)
    container.vision.override(providers.Object("memory"))
    return container


class Quoting:
    """A port that fails, and quotes every secret while it does, as drivers do."""

    def __init__(self, settings: Settings) -> None:
        self._quoted = [*hidden_texts(settings)]

    async def __call__(self, *_: object) -> object:
        raise RuntimeError(f"cannot use {self._quoted} as {json.dumps(self._quoted)} with {WRONG_TOKEN}")


def picture(person: int) -> bytes:
    return json.dumps({**json.loads(scene(person)), "comment": PICTURE}).encode()


async def everything(client: httpx.AsyncClient, key: str) -> AsyncIterator[httpx.Response]:
    """Every kind of call, good and bad."""
    keys, session = {"X-API-Key": key}, {"session_id": "s", "photo_id": "p"}
    yield await client.post(f"{V1}/index", headers=keys, data=session, files={"file": ("p.jpg", picture(1))})
    yield await client.post(f"{V1}/search", data={"session_id": "s"}, files={"file": ("me.jpg", picture(1))})
    yield await client.post(f"{V1}/detect", headers=keys, files={"file": ("p.jpg", picture(1))})
    yield await client.post(f"{V1}/detect", headers=keys, files={"file": ("p.jpg", PICTURE.encode())})
    both = {"file_a": ("a.jpg", picture(1)), "file_b": ("b.jpg", picture(1))}
    yield await client.post(f"{V1}/compare", headers=keys, files=both)
    for path in ("/health", "/metrics", "/openapi.json", "/docs", "/nowhere", f"{V1}/search/status/s"):
        yield await client.get(path, headers=keys)
    yield await client.get(f"{V1}/index/s/photos/p", headers=keys)
    for wrong in (
        {"X-API-Key": WRONG_KEY},
        {"Authorization": f"Bearer {WRONG_TOKEN}"},
        {"X-API-Key": WRONG_TOKEN, "Authorization": f"Basic {WRONG_KEY}"},
        {"X-Request-ID": f"{WRONG_KEY} {WRONG_TOKEN}"},
    ):
        yield await client.get(f"{V1}/index/status", headers=wrong)
    malformed, headers = form([("session_id", b"\xff"), ("file", picture(1)), ("token", WRONG_TOKEN.encode())])
    for body in (malformed, malformed[:-20], PICTURE.encode()):
        yield await client.post(f"{V1}/index", headers={**keys, **headers}, content=body)
    yield await client.post(f"{V1}/index/batch", headers=keys, content=b'{"session_id": 1, ')
    yield await client.get(f"{V1}/index/status", headers=keys)
    yield await client.post(f"{V1}/keys", headers=keys, json={"name": "n", "scopes": ["index"]})
    yield await client.post(f"{V1}/tokens", headers=keys, json={"session_id": "s"})
    yield await client.delete(f"{V1}/index/s", headers=keys)


async def test_nothing_secret_is_logged_or_answered_whatever_happens(
    settings: Settings, server: Server, logging_as_before: None
) -> None:
    log = io.StringIO()
    logs.configure(settings.logging, log, secrets=hidden_texts(settings))
    container, key = in_scenes(settings), settings.security.api_keys[0].reveal()
    container.index_status.override(providers.Object(Quoting(settings)))
    answers: list[httpx.Response] = []
    async with running(container, progress=lambda _: None), api(container) as client:
        answers += [answer async for answer in everything(client, key)]
        server.close()
        answers += [answer async for answer in everything(client, key)]

    statuses = {answer.status_code for answer in answers}
    assert {200, 400, 401, 404, 415, 500, 503} <= statuses
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert {"request", "unhandled_error", "dependency_unavailable"} <= {line["event"] for line in lines}
    assert any("cannot use" in line.get("exception", "") and "***" in line["exception"] for line in lines)
    assert_clean(log.getvalue())
    given = [answer.json() for answer in answers if answer.url.path in HANDING_OUT and answer.is_success]
    handed_out = [answer.get("secret") or answer["token"] for answer in given]
    assert len(handed_out) == 3  # a token needs no database
    assert [text for text in handed_out if text in log.getvalue()] == []
    for answer in answers:
        assert_clean(f"{answer.headers.raw!r}\n{answer.text}")


def objects_of(container: Container) -> Iterator[tuple[str, Any]]:
    """Every provider, and what it provides where that opens nothing."""
    for name, provider in container.providers.items():
        yield name, provider
        if name not in {"embedded_postgres", "onnx_detector", "onnx_model", "onnx_models", "onnx_model_of"}:
            with contextlib.suppress(TypeError, ConfigurationError):  # a factory that wants more, a bucket without name
                yield name, provider()


def test_no_object_shows_a_secret_when_it_is_printed(settings: Settings) -> None:
    # Addresses, and what digests and signatures are made with, are handed over as text: who prints that prints secrets.
    as_text = (str, tuple)
    objects = [(name, each) for name, each in objects_of(in_scenes(settings)) if not isinstance(each, as_text)]
    assert len(objects) > 60
    for name, each in [("settings", settings), *objects]:
        assert found_in(f"{each!r}\n{each}") == set(), name


@pytest.mark.parametrize("broken", ["password", "host", "address"])
async def test_a_database_that_cannot_be_opened_is_told_without_its_address(
    marked: dict[str, str], broken: str, logging_as_before: None
) -> None:
    url = marked["DATABASE_URL"]
    changed = {
        "password": url.replace(core("DATABASE_URL"), core("POSTGRES_PASSWORD")),
        "host": url.replace("127.0.0.1", "127.0.0.1:1,127.0.0.2"),
        "address": url.replace("postgresql:", "mysql:"),
    }[broken]
    loaded = load_settings({**marked, "DATABASE_URL": changed, "DB_TIMEOUT_S": "2"})
    container = in_scenes(loaded)
    with pytest.raises((DependencyUnavailable, ConfigurationError)) as told:
        async with running(container, progress=lambda _: None):
            pass
    error = told.value
    assert_clean(f"{error}\n{error!r}\n{''.join(traceback.format_exception(error))}")
