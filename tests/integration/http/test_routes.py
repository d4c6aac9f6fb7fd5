"""Each row of the HTTP contract, on in-memory adapters."""

import hashlib
import json
from datetime import UTC, datetime

import httpx
import pytest

from facepass.domain.gallery import PhotoId, SessionId
from facepass.entrypoints.container import Container
from tests.integration.http.support import (
    HEADERS,
    V1,
    index,
    problem,
    scene,
    search,
)


async def test_a_group_photo_is_indexed_with_all_its_faces(client: httpx.AsyncClient) -> None:
    response = await index(client, "s", "p", scene(1, 2, 3))
    assert response.status_code == 200
    body = response.json()
    assert (body["indexed"], body["replaced"], body["session_id"], body["photo_id"]) == (True, False, "s", "p")
    assert (body["faces_detected"], body["faces_indexed"]) == (3, 3)
    assert [face["face_no"] for face in body["faces"]] == [0, 1, 2]
    assert body["image"] == {"width": 640, "height": 480}
    assert body["confidence"] == max(face["confidence"] for face in body["faces"])


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        (f"{V1}/index/s/photos/p", {"GET", "DELETE", "OPTIONS"}),
        ("/api/v2/keys", {"GET", "POST", "OPTIONS"}),
        ("/health", {"GET", "OPTIONS"}),
    ],
)
async def test_options_names_every_method_of_a_path(client: httpx.AsyncClient, path: str, methods: set[str]) -> None:
    response = await client.options(path)
    assert response.status_code == 204
    assert set(response.headers["allow"].split(", ")) == methods
    refused = await client.request("PATCH", path)
    assert set(refused.headers["allow"].split(", ")) == methods


@pytest.mark.parametrize("path", ["/metrics", "/metrics/prometheus", f"{V1}/metrics", "/api/v2/metrics/prometheus"])
async def test_numbers_are_at_every_address_of_theirs(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain")


async def test_indexing_again_replaces(client: httpx.AsyncClient) -> None:
    await index(client, "s", "p", scene(1, 2))
    assert (await index(client, "s", "p", scene(3))).json()["replaced"] is True
    status = (await client.get(f"{V1}/search/status/s")).json()
    assert (status["photo_count"], status["face_count"]) == (1, 1)


async def test_a_photo_is_indexed_by_its_key(client: httpx.AsyncClient, container: Container) -> None:
    container.memory_photos()["shoot/1.jpg"] = scene(4)
    body = {"session_id": "s", "photo_id": "p", "s3_key": "shoot/1.jpg"}
    response = await client.post(
        f"{V1}/index", headers=HEADERS, files={name: (None, text) for name, text in body.items()}
    )
    assert response.json()["faces_indexed"] == 1
    async with container.unit_of_work()() as unit:
        stored = await unit.galleries.photo(SessionId("s"), PhotoId("p"))
    assert stored is not None
    assert stored.source_key == "shoot/1.jpg"


async def test_a_key_photo_is_not_bound_by_the_upload_limits(client: httpx.AsyncClient, container: Container) -> None:
    container.memory_photos()["wide"] = scene(4, width=6000, height=400)
    body = {"session_id": "s", "photo_id": "p", "s3_key": "wide"}
    files = {name: (None, text) for name, text in body.items()}
    assert (await client.post(f"{V1}/index", headers=HEADERS, files=files)).status_code == 200
    problem(await index(client, "s", "q", scene(4, width=6000, height=400)), 413, "payload_too_large")


async def test_a_missing_key_is_not_found(client: httpx.AsyncClient) -> None:
    files = dict.fromkeys(("session_id", "photo_id", "s3_key"), (None, "x"))
    problem(await client.post(f"{V1}/index", headers=HEADERS, files=files), 404, "not_found")


async def test_a_photo_without_a_face_is_refused_and_recorded(client: httpx.AsyncClient) -> None:
    problem(await index(client, "s", "p", scene()), 400, "no_face_detected")
    status = (await client.get(f"{V1}/search/status/s")).json()
    assert (status["photo_count"], status["photos_without_faces"], status["face_count"]) == (1, 1, 0)


async def test_a_batch_indexes_what_it_can(client: httpx.AsyncClient, container: Container) -> None:
    container.memory_photos().update({"a": scene(1, 2), "b": scene(), "c": b"no picture", "e": scene(3, 4, size=20)})
    photos = [{"photo_id": name.upper(), "s3_key": name} for name in "abcde"]
    response = await client.post(f"{V1}/index/batch", headers=HEADERS, json={"session_id": "s", "photos": photos})
    assert response.status_code == 200
    body = response.json()
    assert (body["indexed"], body["failed"], body["faces_indexed"], body["without_faces"]) == (3, 2, 3, ["B"])
    assert body["faces_refused"] == {"too_small": 1}
    assert [(error["photo_id"], error["code"]) for error in body["errors"]] == [
        ("C", "unsupported_image"),
        ("D", "not_found"),
    ]


async def test_a_refused_face_is_listed_with_its_reasons(client: httpx.AsyncClient) -> None:
    body = (await index(client, "s", "p", scene(1, 2, size=20))).json()
    assert (body["indexed"], body["faces_detected"], body["faces_indexed"]) == (True, 2, 1)
    assert [(face["indexed"], face["quality"]["reasons"]) for face in body["faces"]] == [
        (True, ["too_small"]),
        (False, ["too_small"]),
    ]
    stored = (await client.get(f"{V1}/index/s/photos/p", headers=HEADERS)).json()
    assert (stored["faces_detected"], [face["face_no"] for face in stored["faces"]]) == (2, [0])


async def test_a_session_is_erased_with_a_receipt(client: httpx.AsyncClient) -> None:
    await index(client, "s", "p", scene(1, 2))
    await index(client, "other", "p", scene(1))
    body = (await client.delete(f"{V1}/index/s", headers=HEADERS)).json()
    assert (body["deleted"], body["embeddings_removed"], body["photos_removed"]) == (True, 2, 1)
    assert len(body["receipt"]) == hashlib.sha256().digest_size * 2
    problem(await client.get(f"{V1}/search/status/s"), 404, "not_found")
    assert (await client.get(f"{V1}/search/status/other")).status_code == 200
    again = (await client.delete(f"{V1}/index/s", headers=HEADERS)).json()
    assert (again["deleted"], again["embeddings_removed"], again["photos_removed"]) == (False, 0, 0)


async def test_a_stored_photo_can_be_asked_for(client: httpx.AsyncClient) -> None:
    await index(client, "s", "p", scene(1, 2))
    body = (await client.get(f"{V1}/index/s/photos/p", headers=HEADERS)).json()
    assert (body["session_id"], body["photo_id"], body["faces_detected"], len(body["faces"])) == ("s", "p", 2, 2)
    problem(await client.get(f"{V1}/index/s/photos/q", headers=HEADERS), 404, "not_found")


async def test_a_visitor_is_found_in_every_photo_of_the_session_and_no_other(client: httpx.AsyncClient) -> None:
    for photo, people in {"1": (7, 8), "2": (8, 9), "3": (9,)}.items():
        await index(client, "s", photo, scene(*people))
    await index(client, "elsewhere", "4", scene(8))
    body = (await search(client, "s", scene(8))).json()
    assert [match["photo_id"] for match in body["matches"]] == ["1", "2"]
    assert (body["total_matches"], body["threshold"], body["reason"], body["search_mode"]) == (2, 0.5, None, "exact")


async def test_search_says_why_nothing_matched(client: httpx.AsyncClient) -> None:
    problem(await search(client, "s", scene(1)), 404, "not_found")
    await index(client, "s", "p", scene(1))
    assert (await search(client, "s", scene(2))).json()["reason"]["code"] == "nothing_above_threshold"
    assert (await search(client, "s", scene(1, 2))).json()["reason"]["code"] == "largest_face_used"
    problem(await search(client, "s", scene(1, 2), on_multiple="error"), 400, "ambiguous_selfie")
    problem(await search(client, "s", scene()), 400, "no_face_detected")
    refused = problem(await search(client, "s", scene(1, size=12)), 400, "low_quality_face")
    assert refused["reasons"] == ["too_small"]
    assert refused["detail"].endswith("is too small. Take a picture from closer by.")


async def test_limit_and_threshold_are_heeded(client: httpx.AsyncClient) -> None:
    for photo in "abc":
        await index(client, "s", photo, scene(5))
    body = (await search(client, "s", scene(5), limit="2", threshold="0.25")).json()
    assert ([match["photo_id"] for match in body["matches"]], body["total_matches"]) == (["a", "b"], 3)
    assert body["threshold"] == 0.25


async def test_status_is_revalidated(client: httpx.AsyncClient) -> None:
    before = datetime.now(UTC)
    await index(client, "s", "p", scene(1))
    first = await client.get(f"{V1}/search/status/s")
    body = first.json()
    assert (body["indexed"], body["photo_count"], body["face_count"]) == (True, 1, 1)
    assert before <= datetime.fromisoformat(body["last_indexed"]) <= datetime.now(UTC)
    assert body["last_indexed"].endswith("Z")
    tag = first.headers["etag"]
    for header in (tag, f'"other", {tag}', "*", tag.removeprefix("W/")):
        unchanged = await client.get(f"{V1}/search/status/s", headers={"If-None-Match": header})
        assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", tag)
    await index(client, "s", "q", scene(1))
    changed = await client.get(f"{V1}/search/status/s", headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["photo_count"]) == (200, 2)


async def test_detect_and_compare(client: httpx.AsyncClient) -> None:
    found = await client.post(f"{V1}/detect", headers=HEADERS, files={"file": scene(1, 2)})
    assert [face["face_no"] for face in found.json()["faces"]] == [0, 1]
    for people, alike in (((1, 1), True), ((1, 2), False)):
        files = {name: scene(person) for name, person in zip(("file_a", "file_b"), people, strict=True)}
        body = (await client.post(f"{V1}/compare", headers=HEADERS, files=files)).json()
        assert (body["match"], body["threshold"], len(body["faces"])) == (alike, 0.5, 2)
        assert (body["similarity"] >= 0.5) is alike


async def test_supported_formats(client: httpx.AsyncClient) -> None:
    for base in ("", V1):
        body = (await client.get(f"{base}/upload/supported-formats")).json()
        extensions = {extension for one in body["formats"] for extension in one["extensions"]}
        assert extensions == {"jpg", "jpeg", "png", "webp", "bmp"}
        assert (body["max_bytes"], body["max_width"], body["max_height"]) == (10 * 1024 * 1024, 4096, 4096)


async def test_every_route_answers_under_both_bases(client: httpx.AsyncClient) -> None:
    await index(client, "s", "p", scene(1), base="/api/v2")
    files = {"file": scene(1)}
    answers = [
        await client.get("/api/v2/search/status/s"),
        await client.post("/api/v2/search", data={"session_id": "s"}, files=files),
        await client.post("/api/v2/detect", headers=HEADERS, files=files),
        await client.post("/api/v2/compare", headers=HEADERS, files={"file_a": scene(1), "file_b": scene(1)}),
        await client.get("/api/v2/upload/supported-formats"),
        await client.get("/api/v2/index/s/photos/p", headers=HEADERS),
        await client.delete("/api/v2/index/s", headers=HEADERS),
    ]
    assert [answer.status_code for answer in answers] == [200] * len(answers)


async def test_large_answers_are_compressed_where_the_caller_can_read_it(client: httpx.AsyncClient) -> None:
    for photo in range(20):
        await index(client, "s", f"{photo}", scene(1))
    packed = await search(client, "s", scene(1))
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "Accept-Encoding"
    files = {"file": scene(1)}
    for accepted in ("identity", "gzip;q=0", "br"):
        plain = await client.post(
            f"{V1}/search", data={"session_id": "s"}, files=files, headers={"Accept-Encoding": accepted}
        )
        assert "content-encoding" not in plain.headers
        assert json.loads(plain.content)["matches"] == packed.json()["matches"]
