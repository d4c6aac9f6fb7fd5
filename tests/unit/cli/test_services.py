"""One suite for both services: in this process, and through the HTTP API on the same in-memory adapters."""

import asyncio

import httpx
import msgspec
import pytest

from facepass.domain import errors
from facepass.entrypoints import logs
from facepass.entrypoints.cli.following import ended, follow
from facepass.entrypoints.client.local import LocalService, gallery_store
from facepass.entrypoints.client.remote import connected
from facepass.entrypoints.client.service import SearchOptions
from facepass.entrypoints.container import in_memory
from facepass.entrypoints.http.app import create_app
from facepass.entrypoints.jobs import worked_on
from facepass.entrypoints.settings import Application, Database, Logging, Secret, Security, Settings, Uploads
from tests.scenes import scene
from tests.tasks import until

KEY = "a-key-for-tests-only"
ONE_FACE_ONLY = SearchOptions(on_multiple="error")
HOSTILE_IDS = ("a/b", "..", ".", "%2F", "a?b#c", " ", "é\u0301", "'; DROP TABLE faces; --", "line\r\nbreak", "x" * 255)


@pytest.fixture
def settings(tmp_path):
    return Settings(
        application=Application(data_dir=tmp_path / "data"),
        security=Security(api_keys=(Secret(KEY),)),
        uploads=Uploads(max_upload_bytes=2000),
    )


@pytest.fixture
def container(settings):
    return in_memory(settings)


@pytest.fixture(params=["local", "remote"])
async def service(request, container):
    if request.param == "local":
        yield LocalService(container)
        return
    transport = httpx.ASGITransport(app=create_app(container))
    async with connected("http://facepass.test", api_key=KEY, transport=transport) as remote:
        yield remote


async def test_the_story_of_a_session(service):
    indexed = await service.index("s", "one.jpg", scene(1, 2))
    again = await service.index("s", "one.jpg", scene(1, 2))
    with pytest.raises(errors.NoFaceDetected):
        await service.index("s", "empty.jpg", scene())

    status = await service.status("s")
    found = await service.search("s", [scene(2)], SearchOptions())
    missed = await service.search("s", [scene(3)], SearchOptions(threshold=0.9, limit=1))
    erased = await service.delete("s")

    assert (indexed.photo_id, indexed.faces_detected, indexed.replaced, again.replaced) == ("one.jpg", 2, False, True)
    assert (status.photo_count, status.face_count, status.photos_without_faces) == (2, 2, 1)
    assert [match.photo_id for match in found.matches] == ["one.jpg"]
    assert (missed.matches, missed.reason.code, missed.threshold) == ([], "nothing_above_threshold", 0.9)
    assert (erased.deleted, erased.photos_removed, erased.embeddings_removed) == (True, 2, 2)
    with pytest.raises(errors.NotFound):
        await service.status("s")


async def test_a_photo_and_a_person_are_erased(service):
    for photo in ("a", "b"):
        await service.index("s", photo, scene(1, 2))
    photo = await service.delete_photo("s", "a")
    person = await service.forget("s", scene(1), threshold=None)
    nobody = await service.forget("s", scene(1), threshold=0.75)

    assert (photo.kind, photo.photo_id, photo.photos_removed, photo.embeddings_removed) == ("photo", "a", 1, 2)
    assert (person.kind, person.faces_removed, person.threshold) == ("person", 1, 0.5)
    assert (nobody.deleted, nobody.faces_removed, nobody.threshold) == (False, 0, 0.75)
    assert (await service.search("s", [scene(1)], SearchOptions())).total_matches == 0
    assert (await service.search("s", [scene(2)], SearchOptions())).total_matches == 1


async def test_pictures_are_looked_at_without_storing_them(service):
    detected = await service.detect(scene(1, 2))
    same = await service.compare(scene(1), scene(1), threshold=None)
    others = await service.compare(scene(1), scene(2), threshold=0.0)

    assert (len(detected.faces), detected.image.width) == (2, 640)
    assert (same.match, same.threshold) == (True, 0.5)
    assert (others.match, others.threshold, len(others.faces)) == (True, 0.0, 2)
    assert others.similarity < 0.5


@pytest.mark.parametrize("name", HOSTILE_IDS)
async def test_any_id_arrives_as_it_was_sent(service, name):
    indexed = await service.index(name, name, scene(1))

    assert (indexed.session_id, indexed.photo_id) == (name, name)
    assert (await service.status(name)).session_id == name
    assert (await service.forget(name, scene(1), threshold=None)).session_id == name
    assert (await service.delete_photo(name, name)).photo_id == name
    await service.index(name, name, scene(1))
    assert (await service.delete(name)).photos_removed == 1


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda service: service.index("", "p", scene(1)), errors.InvalidRequest),
        (lambda service: service.index("s", "p", b"no picture"), errors.UnsupportedImage),
        (lambda service: service.search("s", [scene()], SearchOptions()), errors.NoFaceDetected),
        (lambda service: service.search("unknown", [scene(1)], SearchOptions()), errors.NotFound),
        (lambda service: service.search("s", [scene(1)], SearchOptions(limit=0)), errors.InvalidRequest),
        (lambda service: service.search("s", [scene(1)], SearchOptions(threshold=2)), errors.InvalidRequest),
        (lambda service: service.search("s", [scene(1, 2)], ONE_FACE_ONLY), errors.AmbiguousSelfie),
        (lambda service: service.search("s", [scene(1), scene(2)], SearchOptions()), errors.AmbiguousSelfie),
        (lambda service: service.search("s", [scene(1)] * 6, SearchOptions()), errors.InvalidRequest),
        (lambda service: service.search("s", [scene(1)], SearchOptions(on_multiple="any")), errors.InvalidRequest),
        (lambda service: service.delete_photo("s", "x" * 256), errors.InvalidRequest),
        (lambda service: service.forget("unknown", scene(1), threshold=None), errors.NotFound),
        (lambda service: service.forget("s", scene(1), threshold=2), errors.InvalidRequest),
        (lambda service: service.compare(scene(1), scene(1, size=10), threshold=None), errors.LowQualityFace),
    ],
)
async def test_refusals_are_the_same_errors(service, call, kind):
    await service.index("s", "p", scene(1))
    with pytest.raises(kind):
        await call(service)


async def test_several_selfies_are_one_search(service):
    await service.index("s", "p", scene(1, 2))
    found = await service.search("s", [scene(2), scene(2, size=55)], SearchOptions())
    with pytest.raises(errors.NoFaceDetected) as refused:
        await service.search("s", [scene(2), scene()], SearchOptions())

    assert [match.photo_id for match in found.matches] == ["p"]
    assert [face.box.width for face in found.query_faces] == [60, 55]
    assert refused.value.detail.startswith("Selfie 2: ")
    assert [error.field for error in refused.value.errors] == ["file[1]"]


@pytest.mark.parametrize("name", ["p", *HOSTILE_IDS])
async def test_a_photo_is_known_while_it_is_stored(service, name):
    await service.index("s", name, scene(1))

    assert await service.has_photo("s", name)
    assert not await service.has_photo("s", name[:-1] + "~")


async def test_a_photo_is_not_known_once_its_session_is_deleted(service):
    await service.index("s", "p", scene(1))
    await service.delete("s")

    assert not await service.has_photo("s", "p")
    assert not await service.has_photo("never", "p")


async def test_an_upload_beyond_the_limit_and_a_wrong_key_are_told(settings):
    transport = httpx.ASGITransport(app=create_app(in_memory(settings)))
    async with connected("http://facepass.test", api_key=KEY, transport=transport) as service:
        with pytest.raises(errors.PayloadTooLarge):
            await service.index("s", "p", scene(1) + b" " * 2000)
    async with connected("http://facepass.test", api_key="wrong", transport=transport) as service:
        with pytest.raises(errors.Unauthorized):
            await service.index("s", "p", scene(1))


def test_stores_are_told_apart_without_secrets(settings):
    url = Database(database_url=Secret("postgresql://user:password@db.example:6432/gala?sslmode=require"))
    host = Database(postgres_host="db.example", postgres_password=Secret("password"))
    names = [
        gallery_store(msgspec.structs.replace(settings, database=database)) for database in (Database(), url, host)
    ]

    assert names[1:] == ["db.example:6432/gala", "db.example:5432/facepass"]
    assert names[0].startswith("embedded ")
    assert "password" not in "".join(names)


async def test_the_story_of_a_job(service, container):
    container.memory_photos()["a"] = scene(1, 2)
    accepted = await service.submit("s", [("one", "a"), ("two", "gone")])
    queued = await service.job(accepted.job_id)
    async with service.working(), worked_on(container, concurrency=1):
        await until(lambda: has_ended(service, accepted.job_id))
    done = await service.job(accepted.job_id)
    rest = await service.job(accepted.job_id, errors_after=1)
    again = await service.retry_job(accepted.job_id)
    stopped = await service.cancel_job(accepted.job_id)
    listed = await service.jobs("s", None)

    assert accepted.status_url == f"/api/v1/jobs/{accepted.job_id}"
    assert (queued.state, queued.total) == ("queued", 2)
    assert (done.state, done.done, done.failed, done.faces_indexed) == ("finished", 1, 1, 2)
    assert [(failed.photo_id, failed.code) for failed in done.errors] == [("two", "not_found")]
    assert rest.errors == []
    assert (again.state, again.failed) == ("running", 0)
    assert (stopped.state, stopped.cancelled) == ("cancelled", 1)
    assert [one.job_id for one in listed.jobs] == [accepted.job_id]
    assert (await service.jobs(None, accepted.job_id)).jobs == []
    assert (await service.jobs("other", None)).jobs == []


async def has_ended(service, job_id):
    return (await service.job(job_id)).finished_at is not None


async def test_what_makes_no_job_is_refused_everywhere(service):
    with pytest.raises(errors.InvalidRequest, match="photos"):
        await service.submit("s", [])
    with pytest.raises(errors.InvalidRequest, match="job_id"):
        await service.job("x")
    for call in (service.job, service.cancel_job, service.retry_job):
        with pytest.raises(errors.NotFound):
            await call("0" * 32)


@pytest.mark.usefixtures("logging_as_before")
async def test_following_tells_until_the_end_and_can_be_left(service, container, capsys):
    logs.configure(Logging())  # as the command does: what it prints is for whoever reads standard output
    container.memory_photos()["a"] = scene(1)
    accepted = await service.submit("s", [("one", "a")])
    left = asyncio.Event()
    left.set()
    (job,) = await follow(service, [accepted.job_id], left)
    assert job.finished_at is None
    async with worked_on(container, concurrency=1):
        (job,) = await follow(service, [accepted.job_id], asyncio.Event())
    assert (job.state, ended([job])) == ("finished", 1)
    assert capsys.readouterr().out == ""
