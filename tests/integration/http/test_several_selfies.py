"""Several selfies in one search, and what its answers say to a visitor."""

import functools
from collections.abc import Sequence

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facepass.domain.errors import PayloadTooLarge
from facepass.entrypoints.http import schemas
from facepass.entrypoints.http.body import read_body
from tests.integration.http.support import V1, api, body_budget, form, index, problem, scene, wrong_fields
from tests.integration.http.test_bodies import Sender


async def search(client: httpx.AsyncClient, *selfies: bytes, session: str = "s", **fields: str) -> httpx.Response:
    files = [("file", ("me.jpg", selfie)) for selfie in selfies]
    return await client.post(f"{V1}/search", data={"session_id": session, **fields}, files=files)


async def test_several_selfies_are_one_visitor(client: httpx.AsyncClient) -> None:
    for photo, people in {"1": (7, 8), "2": (8, 9), "3": (9,)}.items():
        await index(client, "s", photo, scene(*people))
    response = await search(client, scene(8), scene(8, size=90), scene(8, size=70))
    body = msgspec.json.decode(response.content, type=schemas.SearchResult, strict=True)
    assert [match.photo_id for match in body.matches] == ["1", "2"]
    assert [face.box.width for face in body.query_faces] == [80, 90, 70]
    assert body.query_face == body.query_faces[1]
    assert body.reason is None


async def test_one_selfie_is_the_only_query_face(client: httpx.AsyncClient) -> None:
    await index(client, "s", "p", scene(1))
    body = (await search(client, scene(1))).json()
    assert body["query_faces"] == [body["query_face"]]


async def test_more_selfies_than_allowed_are_refused_by_name(client: httpx.AsyncClient) -> None:
    await index(client, "s", "p", scene(1))
    assert (await search(client, *[scene(1)] * 5)).status_code == 200
    answer = await search(client, *[scene(1)] * 6)
    assert wrong_fields(answer) == {"file"}
    assert "more than 5 times" in answer.json()["detail"]


async def test_a_bad_selfie_is_named(client: httpx.AsyncClient) -> None:
    await index(client, "s", "p", scene(1))
    good = scene(1)
    for bad, status, code in (
        (scene(), 400, "no_face_detected"),
        (scene(1, size=12), 400, "low_quality_face"),
        (b"no picture", 415, "unsupported_image"),
        (scene(1, width=5000), 413, "payload_too_large"),
    ):
        body = problem(await search(client, good, good, bad), status, code)
        assert body["detail"].startswith("Selfie 3: ")
        assert [error["field"] for error in body["errors"]] == ["file[2]"]
        assert "errors" not in problem(await search(client, bad), status, code)


async def test_different_people_are_refused_and_named(client: httpx.AsyncClient) -> None:
    await index(client, "s", "p", scene(1))
    body = problem(await search(client, scene(1), scene(1), scene(2)), 400, "ambiguous_selfie")
    assert [error["field"] for error in body["errors"]] == ["file[2]"]
    body = problem(await search(client, scene(1), scene(2)), 400, "ambiguous_selfie")
    assert [error["field"] for error in body["errors"]] == ["file[0]", "file[1]"]


async def test_each_selfie_may_be_as_large_as_one_alone() -> None:
    def padded(size: int) -> bytes:
        return scene(1).ljust(size)

    async with api(max_upload_bytes=100_000) as client:
        await index(client, "s", "p", scene(1))
        assert (await search(client, *[padded(100_000)] * 5)).status_code == 200
        body = problem(await search(client, padded(10), padded(100_001)), 413, "payload_too_large")
        assert "`file`" in body["detail"]
        # beyond what five selfies may have it is refused before it is read
        content, headers = form([("session_id", b"s"), *[("file", padded(100_000))] * 6])
        problem(await client.post(f"{V1}/search", content=content, headers=headers), 413, "payload_too_large")


async def test_a_body_that_never_fits_is_not_told_to_come_again() -> None:
    budget = body_budget(10)
    with budget.lease() as lease, pytest.raises(PayloadTooLarge, match="10 bytes"):
        await read_body(Sender(b"x" * 11).request(), max_bytes=50, lease=lease, feed=lambda _: None)
    assert budget.memory.held_bytes == 0


async def test_a_text_field_still_comes_once(client: httpx.AsyncClient) -> None:
    content, headers = form([("session_id", b"s"), ("limit", b"1"), ("limit", b"1"), *[("file", scene(1))] * 2])
    assert wrong_fields(await client.post(f"{V1}/search", content=content, headers=headers)) == {"limit"}


@functools.cache
def pictures() -> Sequence[bytes]:
    return [scene(1), scene(2), scene(1, 2), scene(), scene(1, size=12), b"", b"no picture"]


@pytest.mark.property
@given(chosen=st.lists(st.integers(0, 6), max_size=7))
@settings(max_examples=30, deadline=None)
async def test_property_14_any_selfies_are_searched_with_or_refused_by_name(chosen: list[int]) -> None:
    async with api() as client:
        await index(client, "s", "p", scene(1))
        response = await search(client, *(pictures()[one] for one in chosen))
        if not 1 <= len(chosen) <= 5:
            expected = {"file"} if chosen else {"Content-Type"}  # without a file httpx sends no multipart form
            assert wrong_fields(response) == expected
        elif response.status_code == 200:
            assert set(chosen) <= {0, 2} or set(chosen) <= {1}
        else:
            body = response.json()
            named = {int(error["field"].removeprefix("file[").removesuffix("]")) for error in body.get("errors", ())}
            assert named <= set(range(len(chosen)))
            assert bool(named) == (len(chosen) > 1)


async def test_reasons_have_a_code_and_a_sentence(client: httpx.AsyncClient) -> None:
    problem(await index(client, "s", "landscape", scene()), 400, "no_face_detected")
    empty = (await search(client, scene(1))).json()["reason"]
    assert empty == {
        "code": "session_without_faces",
        "detail": "There are no photos with faces here yet. Try again later.",
    }
    await index(client, "s", "p", scene(1))
    for selfie, code in (
        (scene(2), "nothing_above_threshold"),
        (scene(2, 1), "largest_face_not_found"),
        (scene(1, 2), "largest_face_used"),
    ):
        reason = (await search(client, selfie)).json()["reason"]
        assert reason["code"] == code
        assert reason["detail"].endswith(".")
    assert (await search(client, scene(1))).json()["reason"] is None
    assert "link" in problem(await search(client, scene(1), session="unknown"), 404, "not_found")["detail"]


async def test_an_empty_answer_tells_nothing_of_others(client: httpx.AsyncClient) -> None:
    """However close a stranger came: no score, no name, the same words."""
    await index(client, "near", "p", scene(1))
    await index(client, "far", "p", scene(300))
    answers = [(await search(client, scene(2), session=session)).json() for session in ("near", "far")]
    assert answers[0]["reason"] == answers[1]["reason"]
    assert answers[0]["matches"] == answers[1]["matches"] == []
