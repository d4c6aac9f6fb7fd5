"""What is kept of jobs, over every store."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

import pytest

from facepass.application.ports import UnitOfWork, UnitOfWorkFactory
from facepass.domain.gallery import PhotoId, SessionId
from facepass.domain.job import Job, JobBacklog, JobId, JobProgress, JobState, PhotoToIndex, UnitFailure, UnitRef
from tests.gallery_builders import NOON

T = TypeVar("T")
SECOND = timedelta(seconds=1)
HOSTILE = "'); DROP TABLE jobs; --\\ ü🙂"


def an_id(at: datetime = NOON, chance: bytes = b"\x01") -> JobId:
    return JobId.new(at, lambda count: chance * count)


async def within(units: UnitOfWorkFactory, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
    return await units.run(work)


async def add(
    units: UnitOfWorkFactory, *names: str, session: str = "s", at: datetime = NOON, chance: bytes = b"\x01"
) -> JobId:
    job = Job(an_id(at, chance), SessionId(session), at)
    photos = [PhotoToIndex(PhotoId(name), f"keys/{name}.jpg") for name in names]
    await within(units, lambda unit: unit.jobs.add(job, photos))
    return job.job_id


async def progress(units: UnitOfWorkFactory, job_id: JobId) -> JobProgress:
    async with units() as unit:
        found = await unit.jobs.find(job_id)
    assert found is not None
    return found


async def finish(units: UnitOfWorkFactory, ref: UnitRef, faces: int = 2, at: datetime = NOON + SECOND) -> bool:
    return await within(
        units, lambda unit: unit.jobs.finish(ref, faces_detected=faces, faces_indexed=min(faces, 1), at=at)
    )


async def fail(units: UnitOfWorkFactory, ref: UnitRef, detail: str = "no such photo") -> bool:
    return await within(units, lambda unit: unit.jobs.fail(ref, "not_found", detail, at=NOON + SECOND))


async def test_a_job_comes_back_as_it_was(empty_units: UnitOfWorkFactory) -> None:
    job_id = await add(empty_units, "a", HOSTILE, session=HOSTILE)
    found = await progress(empty_units, job_id)
    assert found.job == Job(job_id, SessionId(HOSTILE), NOON)
    assert (found.total, found.queued, found.state) == (2, 2, JobState.QUEUED)
    assert (found.started_at, found.finished_at) == (None, None)
    begun = await within(empty_units, lambda unit: unit.jobs.begin(UnitRef(job_id, 1), at=NOON + SECOND))
    assert begun is not None
    assert (begun.session_id, begun.photo) == (HOSTILE, PhotoToIndex(PhotoId(HOSTILE), f"keys/{HOSTILE}.jpg"))
    assert (begun.requested_at, begun.attempts) == (NOON, 1)


async def test_a_job_that_is_added_twice_is_there_once(empty_units: UnitOfWorkFactory) -> None:
    assert await add(empty_units, "a") == await add(empty_units, "a")
    assert (await progress(empty_units, an_id())).total == 1


async def test_nothing_is_kept_without_a_commit(empty_units: UnitOfWorkFactory) -> None:
    async with empty_units() as unit:
        await unit.jobs.add(Job(an_id(), SessionId("s"), NOON), [PhotoToIndex(PhotoId("a"), "a")])
        assert await unit.jobs.find(an_id()) is not None
    async with empty_units() as unit:
        assert await unit.jobs.find(an_id()) is None
        assert await unit.jobs.queue_strayed(limit=10) == 0


async def test_units_end_once(empty_units: UnitOfWorkFactory) -> None:
    job_id = await add(empty_units, "a", "b", "c")
    first, second, third = (UnitRef(job_id, number) for number in range(3))
    await within(empty_units, lambda unit: unit.jobs.begin(first, at=NOON + SECOND))
    running = await progress(empty_units, job_id)
    assert (running.state, running.started_at) == (JobState.RUNNING, NOON + SECOND)
    assert await finish(empty_units, first)
    assert not await finish(empty_units, first)
    assert not await fail(empty_units, first)
    assert await finish(empty_units, second, faces=0)
    assert await fail(empty_units, third, detail=HOSTILE)
    assert not await finish(empty_units, third)
    ended = await progress(empty_units, job_id)
    assert (ended.done, ended.failed, ended.without_faces, ended.faces_indexed) == (2, 1, 1, 1)
    assert (ended.state, ended.finished_at) == (JobState.FINISHED, NOON + SECOND)
    assert await within(empty_units, lambda unit: unit.jobs.begin(first, at=NOON)) is None
    async with empty_units() as unit:
        failures = await unit.jobs.failures(job_id, after=-1, limit=10)
        assert await unit.jobs.failures(job_id, after=2, limit=10) == []
    assert list(failures) == [UnitFailure(2, PhotoToIndex(PhotoId("c"), "keys/c.jpg"), "not_found", HOSTILE)]


async def test_attempts_are_counted_and_can_be_taken_back(empty_units: UnitOfWorkFactory) -> None:
    ref = UnitRef(await add(empty_units, "a"), 0)

    async def begin() -> int:
        begun = await within(empty_units, lambda unit: unit.jobs.begin(ref, at=NOON))
        return 0 if begun is None else begun.attempts

    assert [await begin(), await begin()] == [1, 2]
    await within(empty_units, lambda unit: unit.jobs.put_back(ref))
    assert await begin() == 2


async def test_what_is_not_known_is_not_begun(empty_units: UnitOfWorkFactory) -> None:
    job_id = await add(empty_units, "a")
    for ref in (UnitRef(job_id, 1), UnitRef(an_id(chance=b"\x02"), 0)):
        assert await within(empty_units, lambda unit, ref=ref: unit.jobs.begin(ref, at=NOON)) is None
        assert not await finish(empty_units, ref)


async def test_a_cancelled_job_ends_what_is_queued_and_keeps_what_is_done(empty_units: UnitOfWorkFactory) -> None:
    job_id = await add(empty_units, "a", "b", "c")
    other = await add(empty_units, "a", chance=b"\x02")
    await finish(empty_units, UnitRef(job_id, 0))
    assert await within(empty_units, lambda unit: unit.jobs.cancel(job_id, at=NOON + 2 * SECOND)) == 2
    assert await within(empty_units, lambda unit: unit.jobs.cancel(job_id, at=NOON + 3 * SECOND)) == 0
    ended = await progress(empty_units, job_id)
    assert (ended.state, ended.done, ended.cancelled) == (JobState.CANCELLED, 1, 2)
    assert ended.finished_at == NOON + 2 * SECOND
    assert not await finish(empty_units, UnitRef(job_id, 1))
    assert (await progress(empty_units, other)).queued == 1


async def test_what_is_erased_is_neither_done_nor_listed(empty_units: UnitOfWorkFactory) -> None:
    job_id = await add(empty_units, "a", "b", "c")
    elsewhere = await add(empty_units, "a", session="t", chance=b"\x02")
    await fail(empty_units, UnitRef(job_id, 0))
    cancel = empty_units.run
    assert await cancel(lambda unit: unit.jobs.cancel_photos(SessionId("s"), PhotoId("a"), at=NOON + SECOND)) == 1
    one_less = await progress(empty_units, job_id)
    assert (one_less.queued, one_less.failed, one_less.cancelled) == (2, 0, 1)
    assert await cancel(lambda unit: unit.jobs.cancel_photos(SessionId("s"), None, at=NOON + SECOND)) == 2
    assert (await progress(empty_units, job_id)).state is JobState.CANCELLED
    assert (await progress(empty_units, elsewhere)).queued == 1


async def test_what_had_failed_is_queued_again(empty_units: UnitOfWorkFactory) -> None:
    job_id = await add(empty_units, "a", "b")
    await within(empty_units, lambda unit: unit.jobs.begin(UnitRef(job_id, 0), at=NOON))
    await fail(empty_units, UnitRef(job_id, 0))
    assert await within(empty_units, lambda unit: unit.jobs.queue_failed(job_id, at=NOON)) == 1
    assert await within(empty_units, lambda unit: unit.jobs.queue_failed(job_id, at=NOON)) == 0
    again = await within(empty_units, lambda unit: unit.jobs.begin(UnitRef(job_id, 0), at=NOON))
    assert again is not None
    assert again.attempts == 1


async def test_nothing_strays_while_it_is_in_the_queue(empty_units: UnitOfWorkFactory) -> None:
    await add(empty_units, "a", "b")
    assert await within(empty_units, lambda unit: unit.jobs.queue_strayed(limit=10)) == 0


async def test_jobs_are_listed_newest_first_page_by_page(empty_units: UnitOfWorkFactory) -> None:
    ids = [
        await add(empty_units, "a", session=f"s{number % 2}", at=NOON + number * SECOND, chance=bytes([number]))
        for number in range(5)
    ]

    async def page(session: str | None, before: JobId | None, limit: int) -> list[JobId]:
        async with empty_units() as unit:
            of_session = None if session is None else SessionId(session)
            found = await unit.jobs.newest(of_session, before=before, limit=limit)
        return [one.job.job_id for one in found]

    assert await page(None, None, 3) == ids[:1:-1]
    assert await page(None, ids[2], 3) == ids[1::-1]
    assert await page("s1", None, 10) == [ids[3], ids[1]]
    assert await page("nobody", None, 10) == []


async def test_jobs_that_ended_long_ago_are_forgotten(empty_units: UnitOfWorkFactory) -> None:
    ended, unended = await add(empty_units, "a"), await add(empty_units, "a", chance=b"\x02")
    late = await add(empty_units, "a", chance=b"\x03")
    await finish(empty_units, UnitRef(ended, 0))
    await finish(empty_units, UnitRef(late, 0), at=NOON + 10 * SECOND)
    assert await within(empty_units, lambda unit: unit.jobs.purge(NOON + 5 * SECOND)) == 1
    async with empty_units() as unit:
        assert await unit.jobs.find(ended) is None
        assert await unit.jobs.find(unended) is not None
        assert await unit.jobs.find(late) is not None


@pytest.mark.parametrize("workers", [8])
async def test_of_many_at_once_one_finishes_a_unit(empty_units: UnitOfWorkFactory, workers: int) -> None:
    ref = UnitRef(await add(empty_units, "a"), 0)
    assert sum(await asyncio.gather(*(finish(empty_units, ref) for _ in range(workers)))) == 1


async def backlog(units: UnitOfWorkFactory) -> JobBacklog:
    async with units() as unit:
        return await unit.jobs.backlog()


async def test_the_backlog_is_what_waits_and_what_failed_since_when(empty_units: UnitOfWorkFactory) -> None:
    assert await backlog(empty_units) == JobBacklog(0, 0, None)
    first = await add(empty_units, "a", "b", at=NOON, chance=b"\x01")
    second = await add(empty_units, "a", "b", "c", at=NOON + 10 * SECOND, chance=b"\x02")
    assert await backlog(empty_units) == JobBacklog(5, 0, NOON)
    await finish(empty_units, UnitRef(first, 0))
    await fail(empty_units, UnitRef(first, 1))
    await within(empty_units, lambda unit: unit.jobs.begin(UnitRef(second, 0), at=NOON + 20 * SECOND))
    assert await backlog(empty_units) == JobBacklog(3, 1, NOON + 10 * SECOND), "one in hand waits, too"
    await within(empty_units, lambda unit: unit.jobs.cancel(second, at=NOON + 30 * SECOND))
    assert await backlog(empty_units) == JobBacklog(0, 1, None)


async def test_what_is_queued_again_has_waited_since_then(empty_units: UnitOfWorkFactory) -> None:
    job_id = await add(empty_units, "a", "b")
    await fail(empty_units, UnitRef(job_id, 0))
    await within(empty_units, lambda unit: unit.jobs.queue_failed(job_id, at=NOON + 100 * SECOND))
    assert await backlog(empty_units) == JobBacklog(2, 0, NOON), "another has waited all the time"
    await finish(empty_units, UnitRef(job_id, 1))
    await fail(empty_units, UnitRef(job_id, 0))
    await within(empty_units, lambda unit: unit.jobs.queue_failed(job_id, at=NOON + 200 * SECOND))
    assert await backlog(empty_units) == JobBacklog(1, 0, NOON + 200 * SECOND)
