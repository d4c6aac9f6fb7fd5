"""Ids are opaque: what was sent comes back, byte for byte, from forms, JSON and paths."""

from urllib.parse import quote

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.integration.http.support import HEADERS, V1, api, form, fresh, problem, scene, wrong_fields

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=255)
HOSTILE = [
    "123",
    "null",
    "[1]",
    '"x"',
    " a ",
    "a/b",
    "/",
    "//",
    "a//b/",
    "..",
    "../..",
    ".",
    "%",
    "%2F",
    "100%25",
    "a+b c",
    "\n",
    "\r\n",
    "x\r\n--limit0",
    "?q=1#f",
    "batch",
    "status",
    "photos",
    "'; DROP TABLE faces; --",
    "{session_id}",
    "é",
    "e\u0301",
    "\ufeff",
    "\U0001f600" * 255,
]


def segment(value: str) -> str:
    return quote(value, safe="").replace(".", "%2E")


async def round_trip(client: httpx.AsyncClient, session_id: str, photo_id: str) -> None:
    parts = [("photo_id", photo_id.encode()), ("session_id", session_id.encode()), ("file", scene(1))]
    content, headers = form(parts, boundary="b0undary-no-id-holds")
    indexed = await client.post(f"{V1}/index", content=content, headers={**headers, **HEADERS})
    assert indexed.status_code == 200, indexed.text
    assert (indexed.json()["session_id"], indexed.json()["photo_id"]) == (session_id, photo_id)
    content, headers = form([("session_id", session_id.encode()), ("file", scene(1))], boundary="b0undary-no-id-holds")
    found = (await client.post(f"{V1}/search", content=content, headers=headers)).json()
    assert (found["session_id"], [match["photo_id"] for match in found["matches"]]) == (session_id, [photo_id])
    status = await client.get(f"{V1}/search/status/{segment(session_id)}")
    assert status.status_code == 200, status.text
    assert status.json()["session_id"] == session_id
    stored = await client.get(f"{V1}/index/{segment(session_id)}/photos/{segment(photo_id)}", headers=HEADERS)
    assert (stored.json()["session_id"], stored.json()["photo_id"]) == (session_id, photo_id)
    deleted = await client.delete(f"{V1}/index/{segment(session_id)}", headers=HEADERS)
    assert (deleted.json()["deleted"], deleted.json()["photos_removed"]) == (True, 1)


@pytest.mark.property
@given(session_id=TEXT, photo_id=TEXT)
@settings(max_examples=60, deadline=None)
async def test_property_3_any_id_comes_back(session_id: str, photo_id: str) -> None:
    async with api() as client:
        await round_trip(client, session_id, photo_id)


@pytest.mark.parametrize("value", HOSTILE)
async def test_hostile_ids_come_back(client: httpx.AsyncClient, value: str) -> None:
    await round_trip(client, value, value)


@pytest.mark.parametrize("value", HOSTILE)
async def test_hostile_ids_are_erased_as_they_are(client: httpx.AsyncClient, value: str) -> None:
    parts = [("photo_id", value.encode()), ("session_id", value.encode()), ("file", scene(1))]
    content, headers = form(parts, boundary="b0undary-no-id-holds")
    await client.post(f"{V1}/index", content=content, headers={**headers, **HEADERS})
    here = f"{V1}/index/{segment(value)}"
    forgotten = await client.post(f"{here}/forget", files={"file": scene(1)}, headers=HEADERS)
    assert (forgotten.json()["session_id"], forgotten.json()["faces_removed"]) == (value, 1)
    erased = (await client.delete(f"{here}/photos/{segment(value)}", headers=HEADERS)).json()
    assert (erased["session_id"], erased["photo_id"], erased["photos_removed"]) == (value, value, 1)


@pytest.mark.property
@given(value=TEXT, other=TEXT)
@example(value="a", other="a/")
@example(value="a", other="A")
@example(value="é", other="e\u0301")
@example(value="a", other=" a")
@example(value="a", other="a%")
@settings(max_examples=30, deadline=None)
async def test_property_15_an_id_touches_no_row_but_its_own(value: str, other: str) -> None:
    if value == other:
        return
    async with api() as client:
        for session_id in (value, other):
            content, headers = form(
                [("photo_id", b"p"), ("session_id", session_id.encode()), ("file", scene(1))],
                boundary="no-id-holds-th1s",
            )
            await client.post(f"{V1}/index", content=content, headers={**headers, **HEADERS})
        await client.delete(f"{V1}/index/{segment(value)}", headers=HEADERS)
        assert (await client.get(f"{V1}/search/status/{segment(value)}")).status_code == 404
        assert (await client.get(f"{V1}/search/status/{segment(other)}")).json()["photo_count"] == 1


@pytest.mark.parametrize("value", [*HOSTILE[:12], "null"])
async def test_a_batch_keeps_ids(value: str) -> None:
    async with api() as client:
        fresh().memory_photos()["k"] = scene(1)
        body = {"session_id": value, "photos": [{"photo_id": value, "s3_key": "k"}]}
        assert (await client.post(f"{V1}/index/batch", headers=HEADERS, json=body)).json()["indexed"] == 1
        status = await client.get(f"{V1}/search/status/{segment(value)}")
        assert status.json()["session_id"] == value


@pytest.mark.parametrize("path", ["%FF", "%C3%28", "a%zz", "%", "%2", "%00", quote("x" * 256)])
async def test_a_path_that_names_no_id_is_refused_by_name(client: httpx.AsyncClient, path: str) -> None:
    # httpx would repair these: the request is given as bytes.
    url = httpx.URL("http://service").copy_with(raw_path=f"{V1}/search/status/{path}".encode())
    assert wrong_fields(await client.get(url)) == {"session_id"}


@pytest.mark.parametrize("path", ["", "/", "a/", "/a", "a//", "a/b"])
async def test_slashes_that_are_not_encoded_are_no_id(client: httpx.AsyncClient, path: str) -> None:
    url = httpx.URL("http://service").copy_with(raw_path=f"{V1}/search/status/{path}".encode())
    problem(await client.get(url), 404, "not_found")
