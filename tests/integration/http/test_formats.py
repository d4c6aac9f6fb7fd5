"""Answers have exactly the documented fields and types."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facepass.entrypoints.http import schemas
from tests.integration.http.support import HEADERS, V1, api, index, scene, search

PEOPLE = st.lists(st.integers(0, 400), min_size=1, max_size=4, unique=True)


def exactly(shape: type[msgspec.Struct], content: bytes) -> Any:
    """Decode strictly: no field missing, none too many, no type converted."""
    decoded = msgspec.json.decode(content, type=shape, strict=True)
    # Decoding ignores what it does not know: encoding again shows it.
    assert msgspec.json.decode(msgspec.json.encode(decoded)) == msgspec.json.decode(content)
    return decoded


@pytest.mark.property
@given(people=PEOPLE)
@settings(max_examples=15, deadline=None)
async def test_property_4_index_response_format(people: list[int]) -> None:
    async with api() as client:
        body = exactly(schemas.IndexedPhoto, (await index(client, "s", "p", scene(*people))).content)
        assert set(msgspec.to_builtins(body)) == {
            "indexed", "photo_id", "session_id", "confidence", "faces_detected", "faces_indexed", "faces", "image",
            "replaced", "model", "took_ms",
        }  # fmt: skip
        assert body.faces_detected == len(body.faces) == len(people)
        for face in msgspec.to_builtins(body)["faces"]:
            assert set(face) == {"face_no", "box", "landmarks", "confidence", "quality", "indexed"}
            assert set(face["box"]) == {"x", "y", "width", "height"}
            assert set(face["landmarks"]) == {"left_eye", "right_eye", "nose", "left_mouth", "right_mouth"}
            assert set(face["quality"]) == {"score", "reasons"}


@pytest.mark.property
@given(photos=st.lists(PEOPLE, min_size=1, max_size=5), wanted=st.integers(0, 400), threshold=st.floats(0, 1))
@settings(max_examples=15, deadline=None)
async def test_property_5_search_response_format(photos: list[list[int]], wanted: int, threshold: float) -> None:
    async with api() as client:
        for number, people in enumerate([*photos, [wanted]]):
            await index(client, "s", f"photo {number}", scene(*people))
        response = await search(client, "s", scene(wanted), threshold=repr(threshold))
        body = exactly(schemas.SearchResult, response.content)
        assert set(msgspec.to_builtins(body)) == {
            "session_id", "matches", "total_matches", "query_time_ms", "threshold", "query_face", "query_faces",
            "reason", "search_mode", "timings_ms",
        }  # fmt: skip
        similarities = [match.similarity for match in body.matches]
        assert similarities == sorted(similarities, reverse=True)
        assert all(0 <= threshold <= similarity <= 1 for similarity in similarities)
        ids = [match.photo_id for match in body.matches]
        assert len(ids) == len(set(ids)) == body.total_matches


async def test_the_other_answers() -> None:
    async with api() as client:
        await index(client, "s", "p", scene(1))
        for shape, path in (
            (schemas.SessionStatus, f"{V1}/search/status/s"),
            (schemas.StoredPhoto, f"{V1}/index/s/photos/p"),
            (schemas.SupportedFormats, f"{V1}/upload/supported-formats"),
            (schemas.Health, "/health"),
            (schemas.Health, "/health/ready"),
            (schemas.DetailedHealth, "/health/detailed"),
            (schemas.Liveness, "/health/live"),
        ):
            exactly(shape, (await client.get(path, headers=HEADERS)).content)
        batch = {"session_id": "s", "photos": [{"photo_id": "p", "s3_key": "none"}]}
        exactly(schemas.IndexedBatch, (await client.post(f"{V1}/index/batch", headers=HEADERS, json=batch)).content)
        pair = {"file_a": scene(1), "file_b": scene(2)}
        exactly(schemas.Comparison, (await client.post(f"{V1}/compare", headers=HEADERS, files=pair)).content)
        one = {"file": scene(1)}
        exactly(schemas.DetectedFaces, (await client.post(f"{V1}/detect", headers=HEADERS, files=one)).content)
        exactly(schemas.Erasure, (await client.delete(f"{V1}/index/s", headers=HEADERS)).content)
        exactly(schemas.Problem, (await client.get("/nowhere")).content)
