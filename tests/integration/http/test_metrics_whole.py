"""A scrape tells of everything that is documented, and of nothing that callers sent."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from dependency_injector import providers
from litestar import Litestar
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from websockets.asyncio.client import connect

from facepass.entrypoints.container import Container, build_container
from facepass.entrypoints.gauging import gauged
from facepass.entrypoints.http.app import create_app, create_watch_app
from facepass.entrypoints.lifespan import running
from facepass.entrypoints.metrics_reference import complete_registry, entries
from facepass.entrypoints.settings import Application, Database, Recognition, Secret, Security, Settings
from tests.fixtures_postgres import run_sql
from tests.integration.http.live_support import PATHS, HeldDetector, ask, live_container, opened, serving, told
from tests.integration.http.support import HEADERS, KEY, V1, client_of, index, memory_container, scene, search
from tests.tasks import until

PATIENCE_S = 30
SAMPLE = re.compile(r"([a-z_]+)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
NEEDS_DATABASE = {
    "backup_last_success_timestamp_seconds", "circuit_breaker_state", "db_connections_active", "db_connections_idle",
    "db_connections_max", "db_connections_waiting", "dependency_failures_total", "dependency_refused_total",
    "stored_bytes",
}  # fmt: skip
NEEDS_LARGE_STORE = {"search_recall"}
CONTRACT = {
    "facepass_build_info", "facepass_model_info", "embeddings_total", "faces_detected_total", "inference_seconds",
    "gallery_search_seconds", "photos_stored_total", "db_connections_active", "db_connections_idle",
    "db_connections_max", "db_connections_waiting", "stored_sessions", "stored_photos", "stored_faces", "stored_bytes",
    "job_units", "job_queue_age_seconds", "job_units_total", "live_connections", "live_frames_total",
    "backup_last_success_timestamp_seconds", "data_dir_free_bytes", "data_dir_size_bytes", "memory_limit_bytes",
    "process_resident_memory_bytes", "process_open_fds", "process_max_fds", "python_gc_collections_total",
    "http_requests_total", "http_request_duration_seconds", "search_requests_total", "search_duration_seconds",
    "index_requests_total", "index_duration_seconds", "admission_waiting", "admission_running",
    "admission_refused_total", "admission_wait_seconds", "inference_batch_size", "circuit_breaker_state",
    "dependency_failures_total", "dependency_refused_total", "search_recall", "rate_limit_decisions_total",
}  # fmt: skip
"""Names that dashboards and alerts are made of."""


def samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """What a scrape answered, histograms as one name."""
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        found = SAMPLE.fullmatch(line)
        assert found, line
        name, labels, value = found.groups()
        for suffix in ("_bucket", "_sum", "_count"):
            name = name.removesuffix(suffix)
        yield name, dict(LABEL.findall(labels or "")), float(value)


async def scraped(client: httpx.AsyncClient) -> list[tuple[str, dict[str, str], float]]:
    response = await client.get("/metrics")
    assert response.status_code == 200
    return [*samples(response.text)]


async def until_gauged(container: Container) -> None:
    registry = container.whole_registry()
    async with asyncio.timeout(PATIENCE_S):
        await until(lambda: registry.get_sample_value("stored_photos") is not None)
        await until(lambda: registry.get_sample_value("job_queue_age_seconds") is not None)


async def done(container: Container, client: httpx.AsyncClient, session: str, *keys: str) -> None:
    """A job, worked on by hand."""
    photos = [{"photo_id": key, "s3_key": key} for key in keys]
    response = await client.post(
        f"{V1}/index/batch",
        headers={**HEADERS, "Prefer": "respond-async"},
        json={"session_id": session, "photos": photos},
    )
    assert response.status_code == 202, response.text
    queued = container.memory_store().queued_units
    while queued:
        await container.run_unit()(queued.popleft())


def test_everything_promised_is_documented() -> None:
    assert {entry.name for entry in entries(complete_registry())} >= CONTRACT


async def test_a_service_in_memory_tells_of_everything_that_needs_no_database() -> None:
    container = memory_container()
    container.memory_photos().update({"a": scene(1)})
    async with client_of(create_app(container)) as client, gauged(container):
        assert (await index(client, "party", "p", scene(1, 2))).status_code == 200
        assert (await index(client, "party", "p", scene(1))).status_code == 200
        assert (await search(client, "party", scene(1))).status_code == 200
        await done(container, client, "party", "a", "gone")
        await until_gauged(container)
        found = await scraped(client)
    assert CONTRACT - {name for name, _, _ in found} == NEEDS_DATABASE | NEEDS_LARGE_STORE
    values = {(name, *labels.values()): value for name, labels, value in found}
    assert values["photos_stored_total", "new"] == 2
    assert values["photos_stored_total", "replaced"] == 1
    assert values["job_units_total", "done"] == values["job_units_total", "failed"] == 1
    assert values["faces_detected_total",] == 5
    assert values["embeddings_total", "colour-128"] == 5


@asynccontextmanager
async def on_postgres(url: str, folder: Path) -> AsyncIterator[tuple[Container, httpx.AsyncClient]]:
    """A service whose pictures are scenes, on a real database."""
    container = build_container(
        Settings(
            application=Application(data_dir=folder),
            database=Database(database_url=Secret(url)),
            recognition=Recognition(ml_threads=1),
            security=Security(api_keys=(Secret(KEY),)),
        )
    )
    container.vision.override(providers.Object("memory"))
    async with running(container, progress=lambda _: None), client_of(create_app(container)) as client:
        yield container, client


async def test_a_service_on_postgresql_tells_of_the_rest(database_url: str, tmp_path: Path) -> None:
    async with on_postgres(database_url, tmp_path) as (container, client):
        assert (await index(client, "party", "p", scene(1, 2))).status_code == 200
        assert (await search(client, "party", scene(1))).status_code == 200
        await run_sql(database_url, "INSERT INTO last_backup (taken_at) VALUES ('2026-05-17T12:00:00Z')")
        async with gauged(container):
            await until_gauged(container)
            found = await scraped(client)
        left = {name for name, _, _ in await scraped(client)}
    assert {name for name, _, _ in found} >= CONTRACT - NEEDS_LARGE_STORE
    values = {(name, *labels.values()): value for name, labels, value in found}
    assert values["backup_last_success_timestamp_seconds",] == 1779019200
    assert (values["stored_sessions",], values["stored_photos",], values["stored_faces",]) == (1, 1, 2)
    assert values["stored_bytes",] > 0
    assert values["db_connections_max",] == 10
    assert values["db_connections_active",] + values["db_connections_idle",] >= 2
    assert values["circuit_breaker_state", "database"] == 0
    assert not left & {"stored_photos", "job_units", "backup_last_success_timestamp_seconds"}, "gone with who reads it"


async def test_live_connections_and_frames_are_counted() -> None:
    container = live_container(limits={"max_frame_bytes": 1000})
    registry = container.whole_registry()

    def frames() -> list[float | None]:
        outcomes = ("answered", "failed", "dropped")
        return [registry.get_sample_value("live_frames_total", {"outcome": outcome}) for outcome in outcomes]

    async with serving(container) as url:
        async with connect(url + PATHS[0]):
            assert registry.get_sample_value("live_connections") == 0, "nobody knows who that is"
        async with opened(url) as socket, opened(url):
            assert registry.get_sample_value("live_connections") == 2
            assert frames() == [0, 0, 0]
            for picture in (scene(1), b"no picture", b"0" * 1001):
                await socket.send(picture)
                await told(socket)
            assert (await ask(socket, type="ping"))["type"] == "pong"
            assert frames() == [1, 2, 0]
        async with asyncio.timeout(PATIENCE_S):
            await until(lambda: registry.get_sample_value("live_connections") == 0)


async def test_frames_that_nobody_looks_at_are_dropped() -> None:
    container, detector = live_container(), HeldDetector()
    container.detector.override(providers.Object(detector))
    registry = container.whole_registry()
    async with serving(container) as url:
        async with opened(url) as socket:
            await socket.send(scene(1))
            await detector.begun.acquire()
            for _ in range(3):
                await socket.send(scene(2))
            assert (await ask(socket, type="ping"))["type"] == "pong"  # so all of them have arrived
            assert registry.get_sample_value("live_frames_total", {"outcome": "dropped"}) == 2
        async with asyncio.timeout(PATIENCE_S):
            await until(lambda: registry.get_sample_value("live_connections") == 0)
    outcomes = ("answered", "failed", "dropped")
    counts = [registry.get_sample_value("live_frames_total", {"outcome": outcome}) for outcome in outcomes]
    assert counts == [0, 0, 4], "also the one that was looked at, and the one that waited"


async def test_a_scrape_is_good_openmetrics() -> None:
    container = memory_container()
    async with client_of(create_app(container)) as client, gauged(container):
        await asyncio.gather(*everything(client, "party"))
        await until_gauged(container)
        text = (await client.get("/metrics", headers={"Accept": "application/openmetrics-text"})).text
    names = [family.name for family in text_string_to_metric_families(text)]
    assert len(set(names)) == len(names) > 30


CALLERS_WORDS = ("marker-7f3a", "MARKER-7F3A", "marker_7f3a", "marker%2D7f3a")


def everything(client: httpx.AsyncClient, word: str) -> list[Any]:
    """Calls that hold a caller's word wherever one may stand."""
    wrong = {"X-API-Key": word, "Authorization": f"Bearer {word}", "X-Request-ID": word, "X-Forwarded-For": word}
    return [
        index(client, word, word, scene(1)),
        search(client, word, scene(1)),
        search(client, word, b"no picture", **{word: word}),
        client.get(f"{V1}/search/status/{word}"),
        client.get(f"{V1}/index/{word}/{word}", headers=HEADERS),
        client.delete(f"{V1}/index/{word}/{word}", headers=HEADERS),
        client.delete(f"{V1}/index/{word}", headers=HEADERS),
        client.get(f"{V1}/jobs/{word}", headers=HEADERS),
        client.get(f"/{word}/{word}?{word}={word}", headers=wrong),
        client.get(f"{V1}/index/status", headers=wrong),
        client.get(f"/metrics?{word}={word}", headers={"Accept": word, "User-Agent": word}),
        client.request(word.upper().replace("%", "-"), f"/{word}", headers={"Host": word}),
        client.post(f"{V1}/keys", headers=HEADERS, json={"name": word, "scopes": ["index"]}),
        client.post(f"{V1}/tokens", headers=HEADERS, json={"session_id": word}),
        client.post(f"{V1}/detect", headers=HEADERS, files={word: (word, scene(1), word)}),
    ]


async def test_no_label_holds_what_callers_send() -> None:
    container = memory_container()
    container.memory_photos().update({CALLERS_WORDS[0]: scene(1)})
    async with client_of(create_app(container)) as client, gauged(container):
        for word in CALLERS_WORDS:
            await asyncio.gather(*everything(client, word))
        await done(container, client, CALLERS_WORDS[0], CALLERS_WORDS[0], "gone")
        await until_gauged(container)
        text = (await client.get("/metrics")).text
    assert re.findall(r"(?i)marker.*", text) == []
    of_labels: dict[str, set[str]] = {}
    for _, labels, _ in samples(text):
        for name, value in labels.items():
            of_labels.setdefault(name, set()).add(value)
    templates = {path for path in _templates(create_app(container)) if "{" in path or path.startswith("/")}
    assert of_labels["route"] <= templates | {"unmatched"}
    assert of_labels["method"] <= {"GET", "POST", "DELETE", "other"}
    assert all(len(values) < 100 for values in of_labels.values()), of_labels


def _templates(app: Litestar) -> set[str]:
    return {route.path_format for route in app.routes}


async def test_the_number_of_series_does_not_grow_with_callers() -> None:
    async with client_of(create_app(memory_container())) as client:
        await asyncio.gather(*everything(client, "first"))
        await client.get("/metrics")
        before = len(await scraped(client))
        for number in range(20):
            await asyncio.gather(*everything(client, f"another-{number}"))
        assert len(await scraped(client)) == before


async def test_what_a_worker_answers() -> None:
    container = memory_container()
    async with client_of(create_watch_app(container)) as client:
        assert (await client.get("/health/live")).json() == {"status": "healthy"}
        assert (await client.get("/health/ready")).status_code == 200
        assert {name for name, _, _ in await scraped(client)} >= {"job_units_total", "facepass_build_info"}
        assert (await client.get("/")).status_code == 404
        assert (await client.post(f"{V1}/search")).status_code == 404
        container.serving().stop()
        assert (await client.get("/health/ready")).status_code == 503
        assert (await client.get("/health/live")).status_code == 200
