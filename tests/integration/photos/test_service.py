"""Photos named by key, through the whole service: HTTP, PostgreSQL, and a real object store beside its secrets."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.fixtures_s3 import ObjectStore
from tests.integration.http.support import HEADERS, V1, problem, scene, search, wrong_fields
from tests.integration.serving import (
    MAX_SOURCE_BYTES,
    in_bucket,
    index_batch,
    index_by_key,
    rows_of,
    service,
    serving,
)

BUCKET, SECRETS, PREFIX = "event-photos", "event-photos-secrets", "2026/party"
SECRET_PERSON = 666
HOSTILE = [
    *("../secret.jpg", "../../secret.jpg", f"../../{SECRETS}/secret.jpg", f"/{SECRETS}/secret.jpg", "..\\secret.jpg"),
    *(f"s3://{SECRETS}/secret.jpg", f"a/../../../{SECRETS}/secret.jpg", "a.jpg/../../secret.jpg", "./secret.jpg"),
    *("http://127.0.0.1/secret.jpg", "//secret.jpg", "secret.jpg/", "a\nb", "a\tb"),
]
STRANGE = [
    f"{SECRETS}/secret.jpg",
    "secret.jpg",
    "?secret.jpg",
    "a.jpg?x",
    "a.jpg#",
    f"arn:aws:s3:::{SECRETS}",
    "~",
    "．．",
]


@pytest.fixture
async def client(object_store: ObjectStore, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Of a service whose bucket holds photos of persons 1 to 3 below its prefix."""
    photos = {
        "a.jpg": scene(1, 2),
        "day 2/ü 🙂.jpg": scene(3),
        "nobody.jpg": scene(),
        "notes.txt": b"no picture",
        "large.jpg": b" " * (MAX_SOURCE_BYTES + 1),
        "wide.jpg": scene(1, width=10_000, height=10_000),
    }
    secret = scene(SECRET_PERSON)
    object_store.put(BUCKET, {f"{PREFIX}/{name}": data for name, data in photos.items()})
    object_store.put(BUCKET, dict.fromkeys(("secret.jpg", "2026/secret.jpg", "2026/party2/secret.jpg"), secret))
    object_store.put(SECRETS, dict.fromkeys(("secret.jpg", f"{PREFIX}/secret.jpg", f"{PREFIX}/a.jpg"), secret))
    async with serving(service(database_url, store=in_bucket(object_store.address, BUCKET, PREFIX))) as connected:
        yield connected


async def test_a_photo_and_a_batch_are_indexed_and_found_and_nothing_else_of_the_bucket(
    client: httpx.AsyncClient,
) -> None:
    one = await index_by_key(client, "party", "one", "a.jpg")
    assert (one.status_code, one.json()["faces_indexed"]) == (200, 2)
    keys = {"two": "day 2/ü 🙂.jpg", "empty": "nobody.jpg"}
    batch = (await index_batch(client, "party", keys)).json()
    assert (batch["indexed"], batch["failed"], batch["without_faces"]) == (2, 0, ["empty"])
    for person, photos in ((1, ["one"]), (2, ["one"]), (3, ["two"]), (SECRET_PERSON, [])):
        found = (await search(client, "party", scene(person))).json()
        assert [match["photo_id"] for match in found["matches"]] == photos


async def test_hostile_keys_read_nothing_outside_and_store_nothing(
    client: httpx.AsyncClient, database_url: str
) -> None:
    before = await rows_of(database_url)
    for key in HOSTILE:
        assert wrong_fields(await index_by_key(client, "s", "p", key)) == {"s3_key"}
    for key in STRANGE:
        problem(await index_by_key(client, "s", "p", key), 404, "not_found")
    keys = {f"photo {number}": key for number, key in enumerate([*HOSTILE, *STRANGE])}
    batch = await index_batch(client, "s", keys)
    assert batch.status_code == 200
    assert (batch.json()["indexed"], batch.json()["failed"]) == (0, len(keys))
    codes = [error["code"] for error in batch.json()["errors"]]
    assert codes == ["invalid_request"] * len(HOSTILE) + ["not_found"] * len(STRANGE)
    assert str(SECRET_PERSON) not in batch.text
    assert await rows_of(database_url) == before


async def test_one_bad_photo_of_every_kind_leaves_the_rest_alone(client: httpx.AsyncClient) -> None:
    keys = {
        "missing": "b.jpg",
        "good": "a.jpg",
        "large": "large.jpg",
        "text": "notes.txt",
        "wide": "wide.jpg",
        "outside": "../secret.jpg",
        "good too": "day 2/ü 🙂.jpg",
    }
    batch = (await index_batch(client, "s", keys)).json()
    assert (batch["indexed"], batch["failed"], batch["faces_indexed"]) == (2, 5, 3)
    assert {error["photo_id"]: error["code"] for error in batch["errors"]} == {
        "missing": "not_found",
        "large": "payload_too_large",
        "text": "unsupported_image",
        "wide": "payload_too_large",
        "outside": "invalid_request",
    }


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        ("b.jpg", 404, "not_found"),
        ("large.jpg", 413, "payload_too_large"),
        ("wide.jpg", 413, "payload_too_large"),
        ("notes.txt", 415, "unsupported_image"),
    ],
)
async def test_a_photo_that_cannot_be_taken_is_refused_for_its_own_reason(
    client: httpx.AsyncClient, database_url: str, key: str, status: int, code: str
) -> None:
    before = await rows_of(database_url)
    problem(await index_by_key(client, "s", "p", key), status, code)
    assert await rows_of(database_url) == before


async def test_a_photo_without_a_face_is_recorded(client: httpx.AsyncClient) -> None:
    problem(await index_by_key(client, "s", "p", "nobody.jpg"), 400, "no_face_detected")
    stored = await client.get(f"{V1}/index/s/photos/p", headers=HEADERS)
    assert stored.json()["faces_detected"] == 0


async def test_a_store_that_refuses_the_service_is_503_without_internals(
    object_store: ObjectStore, database_url: str
) -> None:
    address = replace(object_store.address, secret_key="not-the-secret")  # noqa: S106 - as it says
    async with serving(service(database_url, store=in_bucket(address, BUCKET, PREFIX))) as client:
        before = await rows_of(database_url)
        for answer in (
            await index_by_key(client, "s", "p", "a.jpg"),
            await index_batch(client, "s", {"p": "a.jpg", "q": "b.jpg"}),
        ):
            body = problem(answer, 503, "dependency_unavailable")
            assert int(answer.headers["retry-after"]) == body["retry_after_s"] > 0
            for internal in ("S3_", "not-the-secret", BUCKET, PREFIX, "127.0.0.1", "Signature"):
                assert internal not in answer.text
        assert await rows_of(database_url) == before


async def test_a_store_that_is_down_is_503_while_everything_else_goes_on(
    own_object_store: ObjectStore, database_url: str
) -> None:
    store = own_object_store
    store.put(BUCKET, {"a.jpg": scene(1)})
    container = service(database_url, store=in_bucket(store.address, BUCKET, ""))
    async with serving(container) as client:
        assert (await index_by_key(client, "s", "p", "a.jpg")).status_code == 200
        store.kill()
        before = await rows_of(database_url)
        problem(await index_by_key(client, "s", "p", "a.jpg"), 503, "dependency_unavailable")
        problem(await index_batch(client, "s", {f"{n}": "a.jpg" for n in range(100)}), 503, "dependency_unavailable")
        assert await rows_of(database_url) == before
        assert (await search(client, "s", scene(1))).json()["total_matches"] == 1
        assert (await client.get("/health/ready")).status_code == 200


async def test_the_service_starts_while_the_store_is_down(own_object_store: ObjectStore, database_url: str) -> None:
    own_object_store.stop()
    store = in_bucket(own_object_store.address, BUCKET, "")
    async with serving(service(database_url, store=store)) as client:
        assert (await client.get("/health/ready")).status_code == 200


async def test_a_folder_holds_hostile_keys_in_as_well(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "secret.jpg").write_bytes(scene(SECRET_PERSON))
    (tmp_path / "photos" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (tmp_path / "photos" / "a.jpg").write_bytes(scene(1))
    async with serving(service(database_url, photo_root=tmp_path / "photos")) as client:
        keys = {"good": "a.jpg"} | {f"photo {n}": key for n, key in enumerate([*HOSTILE, *STRANGE, "link.jpg"])}
        batch = (await index_batch(client, "s", keys)).json()
        assert (batch["indexed"], batch["failed"]) == (1, len(keys) - 1)
        codes = [error["code"] for error in batch["errors"]]
        assert codes == ["invalid_request"] * len(HOSTILE) + ["not_found"] * (len(STRANGE) + 1)
        assert (await search(client, "s", scene(SECRET_PERSON))).json()["matches"] == []
        assert json.dumps(batch).count(str(SECRET_PERSON)) == 0
