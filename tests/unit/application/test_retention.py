"""Retention: who is erased when, who is not, and when it is forgotten that anything was erased."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from dependency_injector import providers

from facepass.application import expire_galleries
from facepass.application.expire_galleries import Expiry
from facepass.application.ports import Clock
from facepass.domain.gallery import PhotoId, SessionId
from facepass.entrypoints.container import Container, in_memory
from facepass.entrypoints.settings import Recognition, Retention, Settings
from tests.gallery_builders import photo
from tests.scenes import scene
from tests.tasks import under_way

NOTHING = Expiry(sessions=0, photos_removed=0, embeddings_removed=0, purged=0)


class SetClock(Clock):
    """Shows what it is set to."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 5, 17, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def elapsed_s(self) -> float:
        return self.moment.timestamp()

    def pass_days(self, days: float) -> None:
        self.moment += timedelta(days=days)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def container(clock: SetClock) -> Container:
    return after(clock, days=30)


def after(clock: SetClock, *, days: int | None) -> Container:
    container = in_memory(
        Settings(
            recognition=Recognition(ml_threads=1), retention=Retention(session_ttl_days=days, backup_retention_days=20)
        )
    )
    container.clock.override(providers.Object(clock))
    return container


async def index(container: Container, session: str, photo: str = "p") -> None:
    await container.index_photo()(SessionId(session), PhotoId(photo), scene(1, 2), container.upload_limits())


async def sessions(container: Container) -> list[str]:
    async with container.unit_of_work()() as transaction:
        return list(await transaction.catalogue.sessions(after=None, limit=1000))


async def test_a_session_expires_so_many_days_after_it_was_last_indexed(container: Container, clock: SetClock) -> None:
    await index(container, "old")
    await index(container, "in use")
    clock.pass_days(29)
    await index(container, "in use", "q")
    assert await container.expire_galleries()() == NOTHING
    clock.pass_days(1)
    assert await container.expire_galleries()() == NOTHING, "the last moment still counts"
    clock.pass_days(1)

    expiry = await container.expire_galleries()()

    assert (expiry.sessions, expiry.photos_removed, expiry.embeddings_removed) == (1, 1, 2)
    assert await sessions(container) == ["in use"]
    assert (await container.expire_galleries()()).sessions == 0


async def test_an_expired_session_is_recorded_as_such(container: Container, clock: SetClock) -> None:
    await index(container, "old")
    clock.pass_days(31)
    await container.expire_galleries()()

    record = (await container.read_audit()(SessionId("old"), limit=10))[-1]
    fact = json.loads(record.text)
    assert (fact["event"], fact["photos"], fact["templates"], len(fact["receipt"])) == ("session_expired", 1, 2, 64)


async def test_without_a_period_sessions_are_kept(clock: SetClock) -> None:
    container = after(clock, days=None)
    await index(container, "old")
    clock.pass_days(10_000)

    assert await container.expire_galleries()() == NOTHING
    assert await sessions(container) == ["old"]


async def test_all_expired_sessions_go_whatever_their_number(container: Container, clock: SetClock) -> None:
    count = 2 * expire_galleries.BATCH + 5
    for number in range(count):
        await index(container, f"s{number}")
    clock.pass_days(31)

    assert (await container.expire_galleries()()).sessions == count
    assert await sessions(container) == []


async def test_a_session_that_is_written_to_just_then_stays(container: Container, clock: SetClock) -> None:
    await index(container, "s")
    clock.pass_days(31)
    async with container.unit_of_work()() as writer:
        model = container.colour_model()
        late = photo("s", "late", at=clock.now())
        since = (await writer.galleries.state(SessionId("s"))).revision
        await writer.galleries.replace_photos(SessionId("s"), {model.space: [late]}, since=since)
        expiring = await under_way(container.expire_galleries()())
        await writer.commit()

    assert (await expiring).sessions == 0
    assert (await container.gallery_status()(SessionId("s"))).photo_count == 2


async def test_an_erasure_is_remembered_as_long_as_there_are_backups_from_before(
    container: Container, clock: SetClock
) -> None:
    await index(container, "s")
    await index(container, "t")
    await container.delete_gallery()(SessionId("s"))
    await container.delete_photo()(SessionId("t"), PhotoId("p"))
    clock.pass_days(19.9)
    assert (await container.expire_galleries()()).purged == 0
    clock.pass_days(0.2)

    assert (await container.expire_galleries()()).purged == 2
    assert (await container.expire_galleries()()).purged == 0
    assert SessionId("s") not in container.memory_store().galleries
    assert len(await container.read_audit()(None, limit=10)) == 4, "the trail stays"
