"""The database is the only thing outside of the process that anything is asked of or told."""

import asyncio
import inspect
import itertools
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from dependency_injector import providers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facepass.adapters.memory.vision import ColourModel, MemoryEmbeddingModels
from facepass.adapters.s3.address import ObjectStoreAddress
from facepass.application.create_key import NewKey
from facepass.application.probe import OnMultiple
from facepass.domain.access import Scope
from facepass.domain.gallery import PhotoId, SessionId
from facepass.domain.identification import Threshold
from facepass.domain.job import JobId, PhotoToIndex
from facepass.entrypoints.container import Container
from facepass.entrypoints.jobs import worked_on
from facepass.entrypoints.lifespan import running
from facepass.entrypoints.reembedding import Reembedding
from facepass.entrypoints.settings import Retention
from tests.integration.http.support import V1, index, search
from tests.integration.isolation.wire import watched
from tests.integration.serving import in_bucket, index_by_key, service, serving
from tests.scenes import scene
from tests.tasks import until

few = settings(
    max_examples=6,
    deadline=None,
    # examples share a database and keep to sessions of their own; a busy machine is no fault
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
people = st.integers(0, 1000)
_sessions = (SessionId(f"session {number}") for number in itertools.count())


def address_of(database_url: str) -> tuple[str, int]:
    parts = urlsplit(database_url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def test_the_wire_shows_connections_datagrams_names_and_children() -> None:
    with watched() as wire, suppress(OSError):
        subprocess.run([sys.executable, "-c", ""], check=True)
        with socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            datagrams.sendto(b"", ("127.0.0.2", 9))
        with socket.socket(socket.AF_UNIX) as local:
            local.connect_ex("/nowhere")
        with socket.socket() as stream:
            stream.connect_ex(("127.0.0.3", 9))
        socket.getaddrinfo("localhost", 9)
    assert wire.addresses == {("127.0.0.2", 9), ("127.0.0.3", 9), "/nowhere"}
    assert wire.names == {"localhost"}
    assert "subprocess.Popen" in wire.children


class World:
    """A running service and one session of it that an example has to itself."""

    def __init__(self, container: Container, client: httpx.AsyncClient, person: int) -> None:
        self.container = container
        self.client = client
        self.session = next(_sessions)
        self.photo = PhotoId("photo")
        self.selfie = scene(person)
        self.limits = container.upload_limits()

    async def index(self, container: Container) -> object:
        return await container.index_photo()(self.session, self.photo, self.selfie, self.limits)

    async def index_batch(self, container: Container) -> object:
        photos = [PhotoToIndex(PhotoId(key), key) for key in ("party/a.jpg", "party/missing.jpg", "../outside.jpg")]
        batch = await container.index_batch()(self.session, photos)
        assert (batch.indexed, len(batch.failures)) == (1, 2)
        assert (await index(self.client, self.session, "uploaded", self.selfie)).status_code == 200
        return await index_by_key(self.client, self.session, "by key", "party/a.jpg")

    async def search(self, container: Container) -> object:
        return await container.search_gallery()(
            self.session,
            [self.selfie],
            limits=self.limits,
            threshold=Threshold(0.5),
            limit=10,
            on_multiple=OnMultiple.LARGEST,
        )

    async def forget(self, container: Container) -> object:
        return await container.forget_person()(self.session, self.selfie, limits=self.limits, threshold=Threshold(0.5))

    async def compare(self, container: Container) -> object:
        return await container.compare_faces()(self.selfie, self.selfie, limits=self.limits, threshold=Threshold(0.5))

    async def rotate_key(self, container: Container) -> object:
        return await container.rotate_key()((await new_key(container)).key.prefix)

    async def revoke_key(self, container: Container) -> object:
        made = await new_key(container)
        await container.key_authenticator().authenticate(made.text)
        return await container.revoke_key()(made.key.prefix)

    async def spend_search(self, container: Container) -> object:
        issued = container.issue_token()(self.session, max_searches=1)
        return await container.spend_search()(await container.session_tokens().authenticate(issued.text))

    async def submit(self, container: Container) -> JobId:
        photos = [PhotoToIndex(PhotoId(key), key) for key in ("party/a.jpg", "party/missing.jpg")]
        return (await container.submit_job()(self.session, photos)).job_id

    async def run_unit(self, container: Container) -> object:
        """In the background, as workers do."""
        job_id = await self.submit(container)
        async with worked_on(container, concurrency=2), asyncio.timeout(60):
            await until(lambda: self.has_ended(container, job_id))
        report = await container.get_job()(job_id)
        assert (report.progress.done, report.progress.failed) == (1, 1)
        return report

    async def has_ended(self, container: Container, job_id: JobId) -> bool:
        return (await container.get_job()(job_id)).progress.finished_at is not None

    async def get_job(self, container: Container) -> object:
        return await container.get_job()(await self.submit(container))

    async def cancel_job(self, container: Container) -> object:
        return await container.cancel_job()(await self.submit(container))

    async def retry_job(self, container: Container) -> object:
        return await container.retry_job()(await self.submit(container))

    async def change_model(self, container: Container) -> object:
        """As `facepass db reembed` does: by another process, which has the new model for its default."""
        other = service(container.database_url(), photo_root=container.settings().photo_root)
        small, default = ColourModel(dimension=64), ColourModel()
        other.model.override(providers.Object(small))
        other.models.override(providers.Object(MemoryEmbeddingModels(small, default)))
        session = SessionId(f"{self.session}, changed")
        await container.index_batch()(session, [PhotoToIndex(PhotoId("a"), "party/a.jpg")])
        async with running(other, progress=print):
            report = await Reembedding(other, photos=None).change(
                session, switch=True, allow_missing=False, stop=lambda: False, observer=Unseen()
            )
            assert report.rebuilt == 1
            return await Reembedding(other, photos=None).roll_back(session)


async def new_key(container: Container) -> NewKey:
    return await container.create_key()(name="k", scopes=frozenset(Scope), lifetime=None)


class Unseen:
    def advanced(self, tally: object) -> None:
        """See `RebuildObserver.advanced`."""


USE_CASES: dict[str, Callable[[World, Container], Awaitable[object]]] = {
    "index_photo": World.index,
    "index_batch": World.index_batch,
    "search_gallery": World.search,
    "gallery_status": lambda world, container: container.gallery_status()(world.session),
    "get_photo": lambda world, container: container.get_photo()(world.session, world.photo),
    "index_status": lambda _, container: container.index_status()(),
    "delete_gallery": lambda world, container: container.delete_gallery()(world.session),
    "delete_photo": lambda world, container: container.delete_photo()(world.session, world.photo),
    "forget_person": World.forget,
    "expire_galleries": lambda _, container: container.expire_galleries()(),
    "look_after": lambda _, container: container.look_after()(),
    "check_audit": lambda _, container: container.check_audit()(),
    "read_audit": lambda world, container: container.read_audit()(world.session, limit=10),
    "detect_faces": lambda world, container: container.detect_faces()(world.selfie, world.limits),
    "compare_faces": World.compare,
    "check_health": lambda _, container: container.check_health()(),
    "create_key": lambda _, container: new_key(container),
    "list_keys": lambda _, container: container.list_keys()(),
    "rotate_key": World.rotate_key,
    "revoke_key": World.revoke_key,
    "spend_search": World.spend_search,
    "forget_credentials": lambda _, container: container.forget_credentials()(),
    "submit_job": World.submit,
    "run_unit": World.run_unit,
    "get_job": World.get_job,
    "cancel_job": World.cancel_job,
    "retry_job": World.retry_job,
    "list_jobs": lambda _, container: container.list_jobs()(),
    "queue_strayed": lambda _, container: container.queue_strayed()(),
    "count_store": lambda _, container: container.count_store()(),
    "check_upkeep": lambda _, container: container.check_upkeep()(),
    "forget_jobs": lambda _, container: container.forget_jobs()(),
    "change of model": World.change_model,
}


def use_cases_of(container: Container) -> set[str]:
    """Names under which the container makes whatever can be asked of the application."""
    return {
        name
        for name, provider in container.providers.items()
        if isinstance(provider, providers.Singleton)
        and provider.provides.__module__.startswith("facepass.application.")
        and inspect.iscoroutinefunction(vars(provider.provides).get("__call__"))
    }


@pytest.fixture
def photo_root(tmp_path: Path) -> Path:
    (tmp_path / "photos" / "party").mkdir(parents=True)
    (tmp_path / "photos" / "party" / "a.jpg").write_bytes(scene(1, 2))
    return tmp_path / "photos"


@few
@given(order=st.permutations(sorted(USE_CASES)), person=people)
@pytest.mark.property
async def test_property_1_every_use_case_talks_to_the_database_and_to_nobody_else(
    database_url: str, photo_root: Path, order: list[str], person: int
) -> None:
    container = service(database_url, photo_root=photo_root, retention=Retention(session_ttl_days=1))
    assert use_cases_of(container) == USE_CASES.keys() - {"change of model"}
    with watched() as wire:
        async with serving(container) as client:
            world = World(container, client, person)
            for name in order:
                await world.index(container)  # again, where the last one has erased it
                await USE_CASES[name](world, container)
    assert wire.addresses == {address_of(database_url)}
    assert wire.names <= {address_of(database_url)[0]}
    assert wire.children == []


NOWHERE = ObjectStoreAddress("http://192.0.2.1:9000", "us-east-1", "access", "secret")
"""An address for documentation (RFC 5737): whoever asked there would show, and wait."""


@pytest.fixture
async def beside_a_bucket(database_url: str) -> AsyncIterator[tuple[Container, httpx.AsyncClient]]:
    """A service whose photos are in a bucket, with a session of three photos of persons 1 to 4, and its client."""
    container = service(database_url, store=in_bucket(NOWHERE, "photos", ""))
    async with serving(container) as client:
        for person in (1, 2, 3):
            assert (await index(client, "party", f"{person}", scene(person, person + 1))).status_code == 200
        yield container, client


@few
@given(
    session=st.sampled_from(
        ["party", "unknown", "'; SELECT dblink_connect('host=192.0.2.1'); --", "http://192.0.2.1/"]
    ),
    selfies=st.lists(st.lists(people, max_size=2).map(lambda seen: scene(*seen)) | st.binary(max_size=8), max_size=3),
    fields=st.fixed_dictionaries(
        {}, optional={"threshold": st.sampled_from(["0", "0.5", "2"]), "limit": st.sampled_from(["1", "1000", "none"])}
    ),
)
@pytest.mark.property
async def test_property_2_a_search_makes_no_network_call_but_to_the_database(
    beside_a_bucket: tuple[Container, httpx.AsyncClient],
    database_url: str,
    session: str,
    selfies: list[bytes],
    fields: dict[str, str],
) -> None:
    container, client = beside_a_bucket
    await container.engine().dispose()  # or there might be no call at all: connections are kept
    with watched() as wire:
        found = await search(client, "party", scene(2))
        answer = await client.post(
            f"{V1}/search",
            data={"session_id": session, **fields},
            files=[("file", ("me.jpg", selfie)) for selfie in [*selfies, scene(1)]],
        )
        status = await client.get(f"{V1}/search/status/party")
    assert sorted(match["photo_id"] for match in found.json()["matches"]) == ["1", "2"]
    assert answer.status_code in {200, 400, 404, 413, 415}, answer.text
    assert status.json()["photo_count"] == 3
    assert wire.addresses == {address_of(database_url)}
    assert wire.names <= {address_of(database_url)[0]}
    assert wire.children == []
