"""What is told of the store: searches at once, writes when they hold."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from facepass.adapters.memory.store import InMemoryStore
from facepass.adapters.memory.unit_of_work import InMemoryUnitOfWorkFactory
from facepass.adapters.telemetry.store_metrics import StoreMetrics
from facepass.adapters.telemetry.unit_of_work import MeteredUnitOfWorkFactory
from facepass.application.ports import T, UnitOfWork, UnitOfWorkFactory
from facepass.domain.errors import GalleryChanged
from facepass.domain.gallery import PhotoId, SessionId
from facepass.domain.job import Job, JobId, PhotoToIndex, UnitRef
from tests.clocks import HandClock
from tests.gallery_builders import NOON, OTHER_MODEL, PROBE, photo, random_embeddings
from tests.gallery_steps import put, search, store

SESSION = SessionId("s")
JOB = JobId("0" * 32)


class DoneTwice(UnitOfWorkFactory):
    """Does work again whose answer was lost, as PostgreSQL's does."""

    def __init__(self, inner: UnitOfWorkFactory) -> None:
        self._inner = inner

    def __call__(self) -> UnitOfWork:
        return self._inner()

    async def run(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        async with self._inner() as unit:
            await work(unit)
        return await self._inner.run(work)


class Metered:
    """A store in memory, and the numbers."""

    def __init__(self, *, done_twice: bool = False) -> None:
        self.clock, self.registry = HandClock(), CollectorRegistry()
        inner: UnitOfWorkFactory = InMemoryUnitOfWorkFactory(InMemoryStore())
        self.units = MeteredUnitOfWorkFactory(
            DoneTwice(inner) if done_twice else inner, metrics=StoreMetrics(self.registry), clock=self.clock
        )

    def number(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)

    def photos(self) -> tuple[float | None, ...]:
        return tuple(self.number("photos_stored_total", outcome=outcome) for outcome in ("new", "replaced"))

    def ends(self) -> tuple[float | None, ...]:
        return tuple(self.number("job_units_total", outcome=end) for end in ("done", "failed", "cancelled"))

    async def run(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        return await self.units.run(work)


async def test_photos_count_when_they_hold() -> None:
    metered = Metered()
    assert metered.photos() == (0, 0)
    async with metered.units() as unit:
        await put(unit, photo("s", "a", [PROBE]))
        assert metered.photos() == (0, 0)
    assert metered.photos() == (0, 0), "rolled back"
    async with metered.units() as unit:
        await put(unit, photo("s", "a", [PROBE]))
        await unit.commit()
        assert metered.photos() == (1, 0)
        await unit.commit()
    assert metered.photos() == (1, 0), "counted once"
    await store(metered.units, photo("s", "a", [PROBE]), photo("s", "b"))
    assert metered.photos() == (2, 1)


async def test_work_that_is_done_again_counts_once() -> None:
    metered = Metered(done_twice=True)
    await metered.run(lambda unit: put(unit, photo("s", "a", [PROBE])))
    assert metered.photos() == (1, 0)


async def test_work_that_fails_counts_not_at_all() -> None:
    metered = Metered()

    async def work(unit: UnitOfWork) -> None:
        await put(unit, photo("s", "a", [PROBE]))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await metered.run(work)
    assert metered.photos() == (0, 0)


async def test_searches_are_timed_by_mode() -> None:
    metered = Metered()
    await store(metered.units, photo("s", "a", [PROBE]))
    assert (await search(metered.units, SESSION)).total == 1
    assert metered.number("gallery_search_seconds_count", mode="exact") == 1
    assert metered.number("gallery_search_seconds_count", mode="ann") == 0
    with pytest.raises(GalleryChanged):
        await search(metered.units, SESSION, *random_embeddings(1, 1, model=OTHER_MODEL))
    assert metered.number("gallery_search_seconds_count", mode="exact") == 1


async def test_units_of_jobs_count_by_how_they_end_and_once() -> None:
    metered = Metered()
    photos = [PhotoToIndex(PhotoId(name), name) for name in "abcde"]
    await metered.run(lambda unit: unit.jobs.add(Job(JOB, SESSION, NOON), photos))
    for _ in range(2):
        await metered.run(lambda unit: unit.jobs.finish(UnitRef(JOB, 0), faces_detected=1, faces_indexed=1, at=NOON))
        await metered.run(lambda unit: unit.jobs.fail(UnitRef(JOB, 1), "not_found", "gone", at=NOON))
    assert metered.ends() == (1, 1, 0)
    await metered.run(lambda unit: unit.jobs.cancel_photos(SESSION, PhotoId("c"), at=NOON))
    await metered.run(lambda unit: unit.jobs.cancel(JOB, at=NOON))
    assert metered.ends() == (1, 1, 3)


async def test_everything_else_is_passed_on() -> None:
    metered = Metered()
    await store(metered.units, photo("s", "a", [PROBE]))
    await metered.run(lambda unit: unit.jobs.add(Job(JOB, SESSION, NOON), [PhotoToIndex(PhotoId("a"), "a")]))
    async with metered.units() as unit:
        assert (await unit.galleries.gallery(SESSION)) is not None
        assert (await unit.galleries.photo(SESSION, PhotoId("a"))) is not None
        assert await unit.jobs.begin(UnitRef(JOB, 0), at=NOON) is not None
        await unit.jobs.put_back(UnitRef(JOB, 0))
        assert await unit.jobs.find(JOB) is not None
        assert len(await unit.jobs.newest(None, before=None, limit=9)) == 1
        assert await unit.jobs.failures(JOB, after=-1, limit=9) == []
        assert (await unit.jobs.backlog()).queued == 1
        assert await unit.jobs.queue_failed(JOB, at=NOON) == 0
        assert await unit.jobs.queue_strayed(limit=9) == 0
        assert await unit.jobs.purge(NOON + timedelta(days=1)) == 0
        assert (await unit.galleries.delete_photo(SESSION, PhotoId("a"), at=NOON)).photos_removed == 1
        assert (await unit.galleries.delete_gallery(SESSION, at=NOON)).photos_removed == 0
        assert (await unit.galleries.forget_faces(SESSION, [], at=NOON)).embeddings_removed == 0
