"""When an answer is there, the work is done: nothing goes on behind the caller's back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fixtures_postgres import ask
from tests.integration.http.support import HEADERS, V1, index, scene, search
from tests.integration.serving import index_batch, index_by_key, rows_of, service, serving

TURNS = 100
"""Of the event loop, for whatever might have been left behind to come to its turn."""
AT_WORK = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
    " AND pid <> pg_backend_pid() AND state <> 'idle'"
)

Request = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]
sessions = st.sampled_from(["gala", "fair"])
photos = st.sampled_from(["one", "two"])
pictures = st.lists(st.integers(0, 5), max_size=3).map(lambda people: scene(*people)) | st.just(b"no picture")
keys = st.sampled_from(["a.jpg", "missing.jpg", "../a.jpg"])


async def post(client: httpx.AsyncClient, path: str, files: tuple[str, ...], picture: bytes) -> httpx.Response:
    """A form with nothing but a picture in it, under one or more names."""
    return await client.post(V1 + path, headers=HEADERS, files=dict.fromkeys(files, ("p.jpg", picture)))


async def call(client: httpx.AsyncClient, route: tuple[str, str], session: str, photo: str) -> httpx.Response:
    method, path = route
    return await client.request(method, path.format(session=session, photo=photo), headers=HEADERS)


FORMS = [("/index/gala/forget", ("file",)), ("/detect", ("file",)), ("/compare", ("file_a", "file_b"))]
ROUTES = [
    ("DELETE", V1 + "/index/{session}"),
    ("DELETE", V1 + "/index/{session}/photos/{photo}"),
    ("GET", V1 + "/index/{session}/photos/{photo}"),
    ("GET", V1 + "/search/status/{session}"),
    ("GET", V1 + "/index/status"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
    ("GET", "/nowhere/{session}"),
]


def requests_by(make: Callable[..., Awaitable[httpx.Response]], **drawn: "st.SearchStrategy[Any]") -> Any:
    """`make` with drawn parameters, all but the client."""
    return st.fixed_dictionaries(drawn).map(lambda parameters: partial(make, **parameters))


requests = st.one_of(
    requests_by(index, session_id=sessions, photo_id=photos, picture=pictures),
    requests_by(index_by_key, session_id=sessions, photo_id=photos, key=keys),
    requests_by(index_batch, session_id=sessions, keys=st.dictionaries(photos, keys, min_size=1)),
    requests_by(search, session_id=sessions, selfie=pictures),
    st.sampled_from(FORMS).flatmap(
        lambda form: requests_by(post, path=st.just(form[0]), files=st.just(form[1]), picture=pictures)
    ),
    requests_by(call, route=st.sampled_from(ROUTES), session=sessions, photo=photos),
)


@pytest.fixture
async def client(database_url: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(scene(1, 2))
    async with serving(service(database_url, photo_root=tmp_path / "photos")) as connected:
        yield connected


@settings(
    max_examples=12,
    deadline=None,
    # examples go on with what the ones before have left; a busy machine is no fault
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(requests, min_size=1, max_size=6))
@pytest.mark.property
async def test_property_6_nothing_runs_after_an_answer(
    client: httpx.AsyncClient, database_url: str, sequence: list[Request]
) -> None:
    before = asyncio.all_tasks()
    for request in sequence:
        await request(client)
        assert asyncio.all_tasks() - before == set()
        assert await ask(database_url, AT_WORK) == 0
        stored = await rows_of(database_url)
        for _ in range(TURNS):
            await asyncio.sleep(0)
        assert asyncio.all_tasks() - before == set()
        assert await rows_of(database_url) == stored
