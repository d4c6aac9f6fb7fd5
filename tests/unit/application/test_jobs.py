"""Whole jobs: asked for, worked on, broken off, and all that can happen to their photos meanwhile."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from itertools import count

import pytest
from dependency_injector import providers
from hypothesis import given, settings
from hypothesis import strategies as st

from facepass.application.get_job import MAX_FAILURES, JobReport
from facepass.application.run_unit import GIVEN_UP_AFTER, HELD_FOR_S, MAX_ATTEMPTS
from facepass.domain.errors import DependencyUnavailable, InvalidRequest, NotFound, Overloaded
from facepass.domain.gallery import PhotoId, SessionId
from facepass.domain.job import Job, JobId, JobState, PhotoToIndex, UnitRef
from facepass.domain.ports import ImageSource
from facepass.entrypoints.container import Container, in_memory
from facepass.entrypoints.settings import Recognition, Settings
from tests.clocks import HandClock
from tests.scenes import scene
from tests.tasks import under_way, until

PARTY = SessionId("party")


class Photos(ImageSource):
    """Photos by key; can be out of reach, stand still, and blow up."""

    def __init__(self, **photos: bytes) -> None:
        self.photos = photos
        self.outages = 0
        self.error: BaseException | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.reads = 0

    async def read(self, key: str) -> bytes:
        """See `ImageSource.read`."""
        self.reads += 1
        await self.gate.wait()
        if self.outages:
            self.outages -= 1
            raise DependencyUnavailable("photos", "the photo store cannot be reached")
        if self.error is not None:
            raise self.error
        if key not in self.photos:
            raise NotFound(f"No photo is stored under {key!r}.")
        return self.photos[key]

    async def keys(self, prefix: str) -> AsyncGenerator[str, None]:
        """See `ImageSource.keys`."""
        for key in sorted(self.photos):
            if key.startswith(prefix):
                yield key


class World:
    """A service in memory with photos to read and a clock that moves when somebody pauses."""

    def __init__(self, container: Container, **photos: bytes) -> None:
        self.container = container
        self.clock = HandClock()
        self.photos = Photos(**photos)
        chance = count()
        container.clock.override(providers.Object(self.clock))
        container.image_source.override(providers.Object(self.photos))
        container.random_bytes.override(providers.Object(lambda size: next(chance).to_bytes(size, "big")))
        self.run_unit = container.run_unit()
        self.run_unit._pause = self.pause  # the one thing that is not a port
        self.pauses: list[float] = []

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.pass_s(seconds)

    async def submit(self, *photos: str, session: SessionId = PARTY) -> JobId:
        listed = [PhotoToIndex(PhotoId(photo.partition("=")[0]), photo.rpartition("=")[2]) for photo in photos]
        job = await self.container.submit_job()(session, listed)
        assert isinstance(job, Job)
        self.clock.pass_s(1)
        return job.job_id

    async def work(self) -> None:
        """Until the queue is empty."""
        queued = self.container.memory_store().queued_units
        while queued:
            await self.run_unit(queued.popleft())

    async def report(self, job_id: JobId) -> JobReport:
        return await self.container.get_job()(job_id)

    async def has_ended(self, job_id: JobId) -> bool:
        return (await self.report(job_id)).progress.finished_at is not None

    async def photo_count(self) -> int:
        return (await self.container.gallery_status()(PARTY)).photo_count


@pytest.fixture
def world(container: Container) -> World:
    return World(container, a=scene(1, 2), b=scene(2), empty=scene(), bad=b"no picture")


async def test_every_photo_is_indexed_and_failures_are_told(world: World) -> None:
    job_id = await world.submit("a", "b", "empty", "bad", "gone")
    before = (await world.report(job_id)).progress
    assert (before.state, before.total, before.queued) == (JobState.QUEUED, 5, 5)
    await world.work()
    report = await world.report(job_id)
    done = report.progress
    assert (done.state, done.done, done.failed, done.without_faces, done.faces_indexed) == (
        JobState.FINISHED,
        3,
        2,
        1,
        3,
    )
    assert [(failure.photo.photo_id, failure.code) for failure in report.failures] == [
        ("bad", "unsupported_image"),
        ("gone", "not_found"),
    ]
    assert done.started_at is not None
    assert done.finished_at is not None
    assert await world.photo_count() == 3


async def test_what_was_given_up_can_be_tried_again(world: World) -> None:
    job_id = await world.submit("a", "late")
    await world.work()
    world.photos.photos["late"] = scene(3)
    assert (await world.container.retry_job()(job_id)).state is JobState.RUNNING
    await world.work()
    report = await world.report(job_id)
    assert (report.progress.done, report.progress.failed, list(report.failures)) == (2, 0, [])


async def test_an_outage_is_waited_for_and_counts_against_no_photo(world: World) -> None:
    job_id = await world.submit("a")
    world.photos.outages = 50
    await world.work()
    assert (await world.report(job_id)).progress.done == 1
    assert max(world.pauses) == 2.0
    assert world.pauses[:3] == [0.25, 0.5, 1.0]


async def test_a_long_outage_sends_the_unit_back_and_a_day_of_it_ends_it(world: World) -> None:
    job_id = await world.submit("a")
    world.photos.outages = 10**6
    for _ in range(MAX_ATTEMPTS + 5):
        with pytest.raises(DependencyUnavailable):
            await world.run_unit(UnitRef(job_id, 0))
    assert sum(world.pauses) >= HELD_FOR_S * (MAX_ATTEMPTS + 5)
    assert (await world.report(job_id)).progress.queued == 1
    world.clock.pass_s(GIVEN_UP_AFTER.total_seconds())
    await world.run_unit(UnitRef(job_id, 0))
    assert [failure.code for failure in (await world.report(job_id)).failures] == ["dependency_unavailable"]


async def test_what_nobody_knows_is_tried_a_few_times_and_no_more(world: World) -> None:
    job_id = await world.submit("a", "b")
    world.photos.error = RuntimeError("whatever")
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(RuntimeError):
            await world.run_unit(UnitRef(job_id, 0))
    await world.run_unit(UnitRef(job_id, 0))
    report = await world.report(job_id)
    assert [(failure.unit_no, failure.code) for failure in report.failures] == [(0, "internal")]
    assert report.progress.queued == 1


async def test_a_worker_that_is_stopped_loses_nothing_and_costs_no_attempt(world: World) -> None:
    job_id = await world.submit("a")
    for _ in range(2 * MAX_ATTEMPTS):
        world.photos.gate.clear()
        task = await under_way(world.run_unit(UnitRef(job_id, 0)))
        await until(lambda: world.photos.reads > 0)
        world.photos.reads = 0
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    world.photos.gate.set()
    await world.run_unit(UnitRef(job_id, 0))
    assert (await world.report(job_id)).progress.done == 1


async def test_a_unit_that_two_have_in_hand_is_stored_once(world: World) -> None:
    job_id = await world.submit("a")
    world.photos.gate.clear()
    both = [await under_way(world.run_unit(UnitRef(job_id, 0))) for _ in range(2)]
    world.photos.gate.set()
    await asyncio.gather(*both)
    assert (await world.report(job_id)).progress.done == 1
    trail = [record for record in world.container.memory_store().audit if "photos_indexed" in record.text]
    assert len(trail) == 1


async def test_a_cancelled_job_stores_nothing_any_more(world: World) -> None:
    job_id = await world.submit("a", "b")
    await world.run_unit(UnitRef(job_id, 0))
    world.photos.gate.clear()
    in_hand = await under_way(world.run_unit(UnitRef(job_id, 1)))
    await until(lambda: world.photos.reads == 2)
    cancelled = await world.container.cancel_job()(job_id)
    assert (cancelled.state, cancelled.done, cancelled.cancelled) == (JobState.CANCELLED, 1, 1)
    world.photos.gate.set()
    await in_hand
    assert (await world.report(job_id)).progress == cancelled
    assert await world.photo_count() == 1
    assert await world.container.cancel_job()(job_id) == cancelled


@pytest.mark.parametrize("by_photo", [True, False])
async def test_what_is_erased_is_not_brought_back_by_a_job(world: World, by_photo: bool) -> None:
    job_id = await world.submit("a", "b")
    await world.run_unit(UnitRef(job_id, 1))
    world.photos.gate.clear()
    in_hand = await under_way(world.run_unit(UnitRef(job_id, 0)))
    await until(lambda: world.photos.reads == 2)
    if by_photo:
        await world.container.delete_photo()(PARTY, PhotoId("a"))
    else:
        await world.container.delete_gallery()(PARTY)
    world.photos.gate.set()
    await in_hand
    await world.work()
    progress = (await world.report(job_id)).progress
    assert (progress.done, progress.cancelled, progress.failed) == (1, 1, 0)
    with pytest.raises(NotFound):
        await world.container.get_photo()(PARTY, PhotoId("a"))


async def test_of_two_requests_for_a_photo_the_later_one_stays_whichever_comes_last(world: World) -> None:
    older = await world.submit("photo=a")
    newer = await world.submit("photo=b")
    await world.run_unit(UnitRef(newer, 0))
    await world.run_unit(UnitRef(older, 0))
    stored = await world.container.get_photo()(PARTY, PhotoId("photo"))
    assert stored.source_key == "b"
    for job_id in (older, newer):
        assert (await world.report(job_id)).progress.done == 1


async def test_an_upload_after_the_job_was_asked_for_stays(world: World) -> None:
    job_id = await world.submit("photo=a")
    await world.container.index_photo()(PARTY, PhotoId("photo"), scene(7), world.container.source_limits())
    await world.run_unit(UnitRef(job_id, 0))
    assert (await world.container.get_photo()(PARTY, PhotoId("photo"))).source_key is None
    later = await world.submit("photo=a")
    await world.run_unit(UnitRef(later, 0))
    assert (await world.container.get_photo()(PARTY, PhotoId("photo"))).source_key == "a"


async def test_a_photo_store_that_is_full_is_waited_for(world: World) -> None:
    job_id = await world.submit("a")
    world.photos.error = Overloaded("too many", retry_after_s=1)
    with pytest.raises(Overloaded):
        await world.run_unit(UnitRef(job_id, 0))
    world.photos.error = None
    await world.run_unit(UnitRef(job_id, 0))
    assert (await world.report(job_id)).progress.done == 1


async def test_jobs_are_listed_and_forgotten(world: World) -> None:
    first = await world.submit("a")
    second = await world.submit("b", session=SessionId("other"))
    page = await world.container.list_jobs()(limit=1)
    assert ([one.job.job_id for one in page.jobs], page.next_before) == ([second], second)
    page = await world.container.list_jobs()(before=second)
    assert ([one.job.job_id for one in page.jobs], page.next_before) == ([first], None)
    page = await world.container.list_jobs()(PARTY)
    assert [one.job.job_id for one in page.jobs] == [first]
    with pytest.raises(InvalidRequest, match="limit"):
        await world.container.list_jobs()(limit=0)
    await world.run_unit(UnitRef(first, 0))
    world.clock.pass_s(timedelta(days=31).total_seconds())
    await world.container.look_after()()
    page = await world.container.list_jobs()()
    assert [one.job.job_id for one in page.jobs] == [second]
    with pytest.raises(NotFound):
        await world.report(first)


async def test_many_failures_come_page_by_page(world: World) -> None:
    job_id = await world.submit(*(f"gone-{number}" for number in range(MAX_FAILURES + 2)))
    await world.work()
    first = await world.report(job_id)
    assert (len(first.failures), first.more_after) == (MAX_FAILURES, MAX_FAILURES - 1)
    rest = await world.container.get_job()(job_id, failures_after=MAX_FAILURES - 1)
    assert ([failure.unit_no for failure in rest.failures], rest.more_after) == ([MAX_FAILURES, MAX_FAILURES + 1], None)


async def test_what_makes_no_job(world: World) -> None:
    with pytest.raises(InvalidRequest, match="holds 0"):
        await world.submit()
    with pytest.raises(InvalidRequest, match=r"photos\[1\]\.photo_id"):
        await world.submit("a", "a")
    unknown = JobId("0" * 32)
    for use_case in (world.container.get_job(), world.container.cancel_job(), world.container.retry_job()):
        with pytest.raises(NotFound, match=unknown):
            await use_case(unknown)
    await world.run_unit(UnitRef(unknown, 0))


async def test_the_queue_in_memory_works_in_the_background_and_stops(world: World) -> None:
    job_id = await world.submit("a", "b", "gone")
    async with world.container.job_queue().open(world.run_unit, concurrency=2):
        await until(lambda: world.has_ended(job_id))
        world.photos.gate.clear()
        stopped = await world.submit("a")
        reads = world.photos.reads
        await until(lambda: world.photos.reads > reads)
    assert (await world.report(stopped)).progress.queued == 1
    world.photos.gate.set()
    await world.work()
    assert (await world.report(stopped)).progress.done == 1


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_order_of_units_and_erasures_ends_as_the_last_request_says(data: st.DataObject) -> None:
    """Units of several jobs, each maybe handed out twice, and erasures of a photo, in any order."""

    async def scenario() -> None:
        world = World(in_memory(Settings(recognition=Recognition(ml_threads=1))), a=scene(1), b=scene(2), c=scene(3))
        jobs = [await world.submit(f"photo={key}") for key in "abc"]
        steps: list[UnitRef | None] = [UnitRef(job_id, 0) for job_id in jobs for _ in range(2)]
        erase_at = data.draw(st.none() | st.integers(0, len(steps)))
        order = data.draw(st.permutations(steps))
        if erase_at is not None:
            order = [*order[:erase_at], None, *order[erase_at:]]
        for step in order:
            if step is None:
                await world.container.delete_photo()(PARTY, PhotoId("photo"))
            else:
                await world.run_unit(step)
        if erase_at is None:
            assert (await world.container.get_photo()(PARTY, PhotoId("photo"))).source_key == "c"
        else:
            with pytest.raises(NotFound):
                await world.container.get_photo()(PARTY, PhotoId("photo"))

    asyncio.run(scenario())
