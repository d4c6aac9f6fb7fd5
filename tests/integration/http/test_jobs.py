"""Jobs over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from facepass.entrypoints.container import Container
from facepass.entrypoints.http.app import create_app
from facepass.entrypoints.http.job_events import MAX_LISTENERS
from tests.integration.http.support import HEADERS, V1, client_of, memory_container, problem, scene, wrong_fields

BATCH, JOBS = f"{V1}/index/batch", f"{V1}/jobs"
ASYNC = {**HEADERS, "Prefer": "wait=5, respond-async; q=1"}


def batch(*photos: str, session: str = "gala") -> dict[str, Any]:
    return {"session_id": session, "photos": [{"photo_id": photo, "s3_key": photo} for photo in photos]}


@asynccontextmanager
async def service(**options: Any) -> AsyncIterator[tuple[Container, httpx.AsyncClient]]:
    container = memory_container(**options)
    photos = container.memory_photos()
    photos.update({"a": scene(1), "b": scene(2), "empty": scene(), "bad": b"no picture"})
    async with client_of(create_app(container)) as client:
        yield container, client


@pytest.fixture
async def running() -> AsyncIterator[tuple[Container, httpx.AsyncClient]]:
    async with service() as both:
        yield both


async def submit(client: httpx.AsyncClient, *photos: str, session: str = "gala") -> str:
    response = await client.post(BATCH, headers=ASYNC, json=batch(*photos, session=session))
    assert response.status_code == 202, response.text
    return str(response.json()["job_id"])


async def work(container: Container) -> None:
    queued = container.memory_store().queued_units
    while queued:
        await container.run_unit()(queued.popleft())


async def job(client: httpx.AsyncClient, job_id: str, **query: str) -> dict[str, Any]:
    response = await client.get(f"{JOBS}/{job_id}", headers=HEADERS, params=query)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def test_a_batch_in_the_background(running: tuple[Container, httpx.AsyncClient]) -> None:
    container, client = running
    response = await client.post(BATCH, headers=ASYNC, json=batch("a", "empty", "bad", "gone"))
    accepted = response.json()
    assert (response.status_code, response.headers["Preference-Applied"]) == (202, "respond-async")
    assert accepted["status_url"] == response.headers["Location"] == f"{JOBS}/{accepted['job_id']}"
    queued = (await client.get(accepted["status_url"], headers=HEADERS)).json()
    assert (queued["state"], queued["total"], queued["started_at"]) == ("queued", 4, None)
    await work(container)
    done = await job(client, accepted["job_id"])
    assert done.pop("created_at") <= done.pop("started_at") <= done.pop("finished_at")
    assert done == {
        "job_id": accepted["job_id"],
        "kind": "index",
        "session_id": "gala",
        "state": "finished",
        "total": 4,
        "done": 2,
        "failed": 2,
        "cancelled": 0,
        "without_faces": 1,
        "faces_indexed": 1,
        "errors": [
            {"photo_id": "bad", "code": "unsupported_image", "detail": "The file is not a scene."},
            {"photo_id": "gone", "code": "not_found", "detail": "No photo is stored under 'gone'."},
        ],
        "more_errors_after": None,
    } | {"errors": done["errors"]}
    assert [(error["photo_id"], error["code"]) for error in done["errors"]] == [
        ("bad", "unsupported_image"),
        ("gone", "not_found"),
    ]


async def test_a_large_batch_becomes_a_job_by_itself() -> None:
    async with service(batch_sync_max=2) as (_, client):
        waited_for = await client.post(BATCH, headers=HEADERS, json=batch("a", "b"))
        assert waited_for.status_code == 200
        accepted = await client.post(BATCH, headers=HEADERS, json=batch("a", "b", "empty"))
        assert accepted.status_code == 202
        refused = await client.post(BATCH, headers=HEADERS, json=batch(*map(str, range(10_001))))
        assert wrong_fields(refused) == {"photos"}


async def test_a_job_is_refused_as_a_batch_is(running: tuple[Container, httpx.AsyncClient]) -> None:
    container, client = running
    twice = await client.post(BATCH, headers=ASYNC, json=batch("a", "a"))
    assert wrong_fields(twice) == {"photos[1].photo_id"}
    assert (await client.post(BATCH, headers={"Prefer": "respond-async"}, json=batch("a"))).status_code == 401
    assert not container.memory_store().jobs


async def test_cancelling_and_trying_again(running: tuple[Container, httpx.AsyncClient]) -> None:
    container, client = running
    stopped = await submit(client, "a", "b")
    for _ in range(2):
        answer = await client.delete(f"{JOBS}/{stopped}", headers=HEADERS)
        assert (answer.status_code, answer.json()["state"], answer.json()["cancelled"]) == (200, "cancelled", 2)
    failed = await submit(client, "late")
    await work(container)
    container.memory_photos()["late"] = scene(3)
    again = await client.post(f"{JOBS}/{failed}/retry", headers=HEADERS)
    assert (again.status_code, again.json()["state"], again.json()["failed"]) == (200, "running", 0)
    await work(container)
    assert (await job(client, failed))["done"] == 1


async def test_jobs_page_by_page_and_by_session(running: tuple[Container, httpx.AsyncClient]) -> None:
    _, client = running
    ids = sorted([await submit(client, "a", session=f"s{number % 2}") for number in range(3)], reverse=True)
    page = (await client.get(JOBS, headers=HEADERS, params={"limit": "2"})).json()
    assert ([one["job_id"] for one in page["jobs"]], page["next_cursor"]) == (ids[:2], ids[1])
    rest = (await client.get(JOBS, headers=HEADERS, params={"cursor": page["next_cursor"]})).json()
    assert ([one["job_id"] for one in rest["jobs"]], rest["next_cursor"]) == (ids[2:], None)
    of_session = (await client.get(JOBS, headers=HEADERS, params={"session_id": "s1"})).json()
    assert [one["session_id"] for one in of_session["jobs"]] == ["s1"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1e2", "limit"),
        ("cursor=x", "cursor"),
        ("session_id=", "session_id"),
        ("session=s", "session"),
        ("limit=1&limit=2", "limit"),
        ("&", "query"),
    ],
)
async def test_wrong_queries_are_named(running: tuple[Container, httpx.AsyncClient], query: str, field: str) -> None:
    _, client = running
    assert wrong_fields(await client.get(f"{JOBS}?{query}", headers=HEADERS)) == {field}


async def test_unknown_jobs(running: tuple[Container, httpx.AsyncClient]) -> None:
    _, client = running
    unknown = "0" * 32
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/retry"), ("GET", "/events")):
        assert problem(await client.request(method, f"{JOBS}/{unknown}{path}", headers=HEADERS), 404, "not_found")
        assert wrong_fields(await client.request(method, f"{JOBS}/x{path}", headers=HEADERS)) == {"job_id"}
        assert (await client.request(method, f"{JOBS}/{unknown}{path}")).status_code == 401


async def test_a_status_that_has_not_changed_is_not_sent_again(running: tuple[Container, httpx.AsyncClient]) -> None:
    container, client = running
    job_id = await submit(client, "a")
    first = await client.get(f"{JOBS}/{job_id}", headers=HEADERS)
    known = {**HEADERS, "If-None-Match": first.headers["ETag"]}
    assert (await client.get(f"{JOBS}/{job_id}", headers=known)).status_code == 304
    await work(container)
    assert (await client.get(f"{JOBS}/{job_id}", headers=known)).status_code == 200


def events_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for block in text.replace("\r\n", "\n").strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        if "event" in lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


async def test_events_tell_how_it_goes_and_when_it_ends(running: tuple[Container, httpx.AsyncClient]) -> None:
    container, client = running
    job_id = await submit(client, "a", "b")
    listening = asyncio.create_task(client.get(f"{JOBS}/{job_id}/events", headers=HEADERS))
    await asyncio.sleep(0)
    await work(container)
    response = await listening
    assert response.headers["Content-Type"].startswith("text/event-stream")
    events = events_of(response.text)
    assert events[-1][0] == "end"
    assert {name for name, _ in events[:-1]} <= {"progress"}
    shown = await job(client, job_id)
    assert events[-1][1] == {name: value for name, value in shown.items() if "errors" not in name}


async def test_listeners_are_bounded_and_leave(running: tuple[Container, httpx.AsyncClient]) -> None:
    container, client = running
    job_id = await submit(client, "a")
    await work(container)
    for _ in range(MAX_LISTENERS + 1):
        assert (await client.get(f"{JOBS}/{job_id}/events", headers=HEADERS)).status_code == 200
