"""Erasing by the use cases on the real database: retries, races, and a trail that somebody tampers with."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta

import asyncpg
import pytest
from dependency_injector import providers
from sqlalchemy.ext.asyncio import AsyncEngine

from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.application.ports import Clock, T, UnitOfWork, UnitOfWorkFactory
from facepass.domain.gallery import PhotoId, SessionId
from facepass.domain.identification import Threshold
from facepass.entrypoints.container import Container, in_memory
from facepass.entrypoints.settings import Retention, Settings
from tests.gallery_builders import NOON, photo
from tests.scenes import scene

PARTY = SessionId("party")
WAIT_TIMEOUT_S = 20
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


class SetClock(Clock):
    """Shows what it is set to."""

    moment = NOON

    def now(self) -> datetime:
        return self.moment

    def elapsed_s(self) -> float:
        return self.moment.timestamp()


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def container(postgres_engine: AsyncEngine, clock: SetClock) -> Container:
    """Pictures of the in-memory world, kept in PostgreSQL."""
    container = in_memory(Settings(retention=Retention(session_ttl_days=30)))
    container.unit_of_work.override(providers.Object(PostgresUnitOfWorkFactory(postgres_engine)))
    container.clock.override(providers.Object(clock))
    return container


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connected = await asyncpg.connect(database_url)
    yield connected
    await connected.close()


async def index(container: Container, name: str, *people: int) -> None:
    await container.index_photo()(PARTY, PhotoId(name), scene(*people), container.upload_limits())


class LostAnswer(UnitOfWorkFactory):
    """A store that commits and then loses the answer, so that the work is done again."""

    def __init__(self, units: UnitOfWorkFactory) -> None:
        self._units = units

    def __call__(self) -> UnitOfWork:
        return self._units()

    async def run(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        await self._units.run(work)
        return await self._units.run(work)


async def test_everything_can_be_erased_and_the_trail_says_so(container: Container) -> None:
    await index(container, "a", 1, 2)
    await index(container, "b", 1)
    await index(container, "c", 2)
    photo_gone = await container.delete_photo()(PARTY, PhotoId("b"))
    person = await container.forget_person()(
        PARTY, scene(1), limits=container.upload_limits(), threshold=Threshold(0.5)
    )
    session = await container.delete_gallery()(PARTY)

    removed = [(e.photos_removed, e.embeddings_removed) for e in (photo_gone, person.erasure, session)]
    records = await container.read_audit()(PARTY, limit=100)
    assert removed == [(1, 1), (0, 1), (2, 2)]
    receipts = [json.loads(record.text).get("receipt") for record in records]
    assert receipts == [None, None, None, photo_gone.receipt, person.erasure.receipt, session.receipt]
    assert (await container.check_audit()()).sound


async def test_an_erasure_whose_answer_was_lost_counts_once(container: Container) -> None:
    await index(container, "a", 1, 2)
    container.unit_of_work.override(providers.Object(LostAnswer(container.unit_of_work())))
    erasure = await container.delete_gallery()(PARTY)

    (_, record) = await container.read_audit()(PARTY, limit=100)
    assert (erasure.photos_removed, erasure.embeddings_removed) == (1, 2)
    assert json.loads(record.text)["receipt"] == erasure.receipt


async def test_a_session_that_is_written_to_just_then_does_not_expire(
    container: Container, clock: SetClock, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await index(container, "a", 1)
    clock.moment += timedelta(days=31)
    async with container.unit_of_work()() as writer:
        since = (await writer.galleries.state(PARTY)).revision
        late = photo(PARTY, "late", at=clock.now())
        await writer.galleries.replace_photos(PARTY, {container.colour_model().space: [late]}, since=since)
        expiring = asyncio.create_task(container.expire_galleries()())
        async with asyncio.timeout(WAIT_TIMEOUT_S):
            while not await connection.fetchval(WAITING):
                pass
        await writer.commit()

    assert (await expiring).sessions == 0
    assert (await container.gallery_status()(PARTY)).photo_count == 2
    clock.moment += timedelta(days=31)
    assert (await container.expire_galleries()()).sessions == 1


async def test_an_erasure_is_forgotten_with_the_backups_from_before(container: Container, clock: SetClock) -> None:
    await index(container, "a", 1)
    await container.delete_gallery()(PARTY)
    assert (await container.expire_galleries()()).purged == 0
    clock.moment += timedelta(days=31)

    assert (await container.expire_galleries()()).purged == 1
    assert len(await container.read_audit()(PARTY, limit=100)) == 2


@pytest.mark.parametrize(
    ("tampering", "broken_at"),
    [
        ("UPDATE audit SET entry = replace(entry, '\"photos\":1', '\"photos\":9') WHERE no = 2", 2),
        ("DELETE FROM audit WHERE no = 3", 3),
        ("DELETE FROM audit WHERE no = 4", 4),
        ("INSERT INTO audit (no, entry, hash) VALUES (5, '{}', 'x')", 5),
    ],
)
async def test_tampering_by_whoever_owns_the_database_shows(
    container: Container, connection: "asyncpg.Connection[asyncpg.Record]", tampering: str, broken_at: int
) -> None:
    for name in "abcd":
        await index(container, name, 1)
    head = (await container.check_audit()()).verdict.head
    await connection.execute("ALTER TABLE audit DISABLE TRIGGER audit_append_only")
    await connection.execute(tampering)

    found = await container.check_audit()(known_head=bytes.fromhex(head))
    assert (found.sound, found.verdict.broken_at) == (False, broken_at)


async def test_an_end_cut_off_with_its_note_shows_by_the_head_kept_elsewhere(
    container: Container, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    for name in "ab":
        await index(container, name, 1)
    head = bytes.fromhex((await container.check_audit()()).verdict.head)
    await connection.execute("ALTER TABLE audit DISABLE TRIGGER audit_append_only")
    await connection.execute("DELETE FROM audit WHERE no = 2")
    await connection.execute("UPDATE audit_head SET no = 1, hash = (SELECT hash FROM audit WHERE no = 1)")

    assert (await container.check_audit()()).sound
    assert not (await container.check_audit()(known_head=head)).sound
