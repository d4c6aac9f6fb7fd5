"""Erasing over HTTP, the store in numbers, and what an earlier system left without a place."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from dependency_injector import providers

from facepass.adapters.memory.vision import SceneDecoder
from facepass.application.ports import ImageDecoder, ImageLimits, UnitOfWork
from facepass.domain.face import Image
from facepass.domain.gallery import Photo, PhotoId, SessionId, Template, UnlocatedFace
from facepass.entrypoints.container import Container
from tests.integration.http.support import (
    HEADERS,
    V1,
    api,
    index,
    memory_container,
    problem,
    scene,
    search,
    wrong_fields,
)


async def forget(
    client: httpx.AsyncClient, session_id: str, selfie: bytes, headers: dict[str, str] = HEADERS, **fields: str
) -> httpx.Response:
    files = {"file": ("me.jpg", selfie)}
    return await client.post(f"{V1}/index/{session_id}/forget", headers=headers, data=fields, files=files)


def receipt_of(answer: dict[str, Any], **also: Any) -> str:
    """The receipt of an erasure, made from its answer as the documentation says."""
    named = ("embeddings_removed", "erased_at", "kind", "photo_id", "photos_removed", "session_id")
    facts = {**{name: answer[name] for name in named if name in answer}, **also}
    facts["erased_at"] = datetime.fromisoformat(answer["erased_at"]).isoformat()
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


async def test_a_photo_is_erased_with_a_receipt(client: httpx.AsyncClient) -> None:
    await index(client, "s", "p", scene(1, 2))
    await index(client, "s", "q", scene(1))
    body = (await client.delete(f"{V1}/index/s/photos/p", headers=HEADERS)).json()
    again = (await client.delete(f"{V1}/index/s/photos/p", headers=HEADERS)).json()

    facts = ("kind", "session_id", "photo_id", "deleted", "embeddings_removed", "photos_removed")
    assert [body[name] for name in facts] == ["photo", "s", "p", True, 2, 1]
    assert body["receipt"] == receipt_of(body)
    assert (again["deleted"], again["embeddings_removed"], again["photos_removed"]) == (False, 0, 0)
    problem(await client.get(f"{V1}/index/s/photos/p", headers=HEADERS), 404, "not_found")
    assert [match["photo_id"] for match in (await search(client, "s", scene(1))).json()["matches"]] == ["q"]


@pytest.mark.parametrize("session_id", ["é 'x'", "status", "batch", "%2F"])
async def test_the_receipt_of_a_session_follows_from_the_answer(client: httpx.AsyncClient, session_id: str) -> None:
    await index(client, session_id, "p", scene(1, 2))
    body = (await client.delete(f"{V1}/index/{quote(session_id, safe='')}", headers=HEADERS)).json()

    assert (body["kind"], body["session_id"], body["photo_id"], body["deleted"]) == ("session", session_id, None, True)
    assert body["receipt"] == receipt_of(body)


async def test_a_person_is_forgotten(client: httpx.AsyncClient, container: Container) -> None:
    await index(client, "s", "p", scene(1, 2))
    await index(client, "s", "q", scene(1))
    response = await forget(client, "s", scene(1), threshold="0.25")
    assert response.status_code == 200
    body = response.json()

    facts = ("kind", "session_id", "deleted", "faces_removed", "threshold")
    assert [body[name] for name in facts] == ["person", "s", True, 2, 0.25]
    assert body["query_face"]["box"]["width"] == 80
    assert body["receipt"] == receipt_of(body, embeddings_removed=2, photos_removed=0, photo_id=None)
    assert (await search(client, "s", scene(1))).json()["total_matches"] == 0
    assert (await search(client, "s", scene(2))).json()["total_matches"] == 1
    assert (await client.get(f"{V1}/search/status/s")).json()["photo_count"] == 2
    assert (await container.check_audit()()).sound


async def test_whom_to_forget_must_be_clear(client: httpx.AsyncClient) -> None:
    problem(await forget(client, "s", scene(1)), 404, "not_found")
    await index(client, "s", "p", scene(1, 2))
    problem(await forget(client, "s", scene(1), headers={}), 401, "unauthorized")
    problem(await forget(client, "s", scene(1, 2)), 400, "ambiguous_selfie")
    problem(await forget(client, "s", scene()), 400, "no_face_detected")
    problem(await forget(client, "s", b"no picture"), 415, "unsupported_image")
    problem(await forget(client, "s", scene(1, size=12)), 400, "low_quality_face")
    assert wrong_fields(await forget(client, "s", scene(1), threshold="2", limit="1")) == {"threshold", "limit"}
    no_file = {"threshold": (None, "0.5")}
    assert wrong_fields(await client.post(f"{V1}/index/s/forget", headers=HEADERS, files=no_file)) == {"file"}
    assert (await client.get(f"{V1}/search/status/s")).json()["face_count"] == 2


class HeldDecoder(ImageDecoder):
    """Stands still until it is let go."""

    def __init__(self) -> None:
        self.reached, self.go = asyncio.Event(), asyncio.Event()

    async def decode(self, data: bytes, limits: ImageLimits) -> Image:
        self.reached.set()
        await self.go.wait()
        return await SceneDecoder().decode(data, limits)


@pytest.mark.parametrize("path", ["/index/s", "/index/s/photos/p"])
async def test_what_is_erased_while_it_is_indexed_is_a_conflict(path: str) -> None:
    container, decoder = memory_container(), HeldDecoder()
    container.decoder.override(providers.Object(decoder))
    async with api(container) as client:
        indexing = asyncio.create_task(index(client, "s", "p", scene(1)))
        await decoder.reached.wait()
        await client.delete(V1 + path, headers=HEADERS)
        decoder.go.set()

        problem(await indexing, 409, "conflict")
        problem(await client.get(f"{V1}/search/status/s"), 404, "not_found")


async def test_the_store_in_numbers(client: httpx.AsyncClient) -> None:
    await index(client, "status", "p", scene(1, 2))
    body = (await client.get(f"{V1}/index/status", headers=HEADERS)).json()

    assert (body["model"], body["dimension"]) == ("colour-128", 128)
    assert (body["sessions"], body["photos"], body["embeddings"], body["size_bytes"]) == (1, 1, 2, None)
    assert body["index"] == {
        "kind": "none",
        "parameters": {},
        "valid": True,
        "size_bytes": 0,
        "sessions": 0,
        "missing": 0,
        "recall": None,
    }
    assert body["planner"] == {"exact_limit": 200_000}


async def test_what_an_earlier_system_indexed_without_a_place_is_found(
    client: httpx.AsyncClient, container: Container
) -> None:
    await index(client, "s", "new", scene(1))
    model = container.colour_model()
    async with container.unit_of_work()() as transaction:
        known = await transaction.galleries.photo(SessionId("s"), PhotoId("new"))
    assert known is not None
    moved = Template(UnlocatedFace(0, 0.75), known.templates[0].embedding)
    old = Photo(SessionId("s"), PhotoId("old"), None, 1, (moved,), datetime(2024, 5, 1, tzinfo=UTC))

    async def store(transaction: UnitOfWork) -> None:
        await transaction.galleries.replace_photos(SessionId("s"), {model.space: [old]}, since=99)

    await container.unit_of_work().run(store)
    stored = (await client.get(f"{V1}/index/s/photos/old", headers=HEADERS)).json()
    matches = (await search(client, "s", scene(1))).json()["matches"]

    assert stored["image"] is None
    assert stored["faces"] == [{"face_no": 0, "box": None, "landmarks": None, "confidence": 0.75, "quality": None}]
    assert [(match["photo_id"], match["box"] is None) for match in matches] == [("new", False), ("old", True)]
