"""Jobs in memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from facepass.adapters.memory.store import StoredJob, StoredUnit
from facepass.adapters.memory.transaction import InMemoryTransaction
from facepass.application.ports import JobStore
from facepass.domain.gallery import PhotoId, SessionId
from facepass.domain.job import (
    Job,
    JobBacklog,
    JobId,
    JobProgress,
    JobUnit,
    PhotoToIndex,
    UnitFailure,
    UnitRef,
    UnitState,
)


class InMemoryJobStore(JobStore):
    """Lives inside one transaction."""

    def __init__(self, transaction: InMemoryTransaction) -> None:
        self._transaction = transaction

    async def add(self, job: Job, photos: Sequence[PhotoToIndex]) -> None:
        """See `JobStore.add`."""
        if job.job_id in await self._transaction.lock_jobs():
            return
        self._put(StoredJob(job, tuple(StoredUnit(photo) for photo in photos)))
        self._transaction.queue([UnitRef(job.job_id, number) for number in range(len(photos))])

    async def find(self, job_id: JobId) -> JobProgress | None:
        """See `JobStore.find`."""
        stored = self._transaction.jobs().get(job_id)
        return None if stored is None else _progress(stored)

    async def newest(self, session_id: SessionId | None, *, before: JobId | None, limit: int) -> Sequence[JobProgress]:
        """See `JobStore.newest`."""
        found = [
            stored
            for job_id, stored in sorted(self._transaction.jobs().items(), reverse=True)
            if (before is None or job_id < before) and (session_id is None or stored.job.session_id == session_id)
        ]
        return [_progress(stored) for stored in found[:limit]]

    async def failures(self, job_id: JobId, *, after: int, limit: int) -> Sequence[UnitFailure]:
        """See `JobStore.failures`."""
        stored = self._transaction.jobs().get(job_id)
        units = () if stored is None else stored.units
        failed = [
            UnitFailure(number, unit.photo, unit.code, unit.detail)
            for number, unit in enumerate(units)
            if unit.state is UnitState.FAILED and number > after
        ]
        return failed[:limit]

    async def backlog(self) -> JobBacklog:
        """See `JobStore.backlog`."""
        jobs = self._transaction.jobs().values()
        states = [unit.state for stored in jobs for unit in stored.units]
        waiting = [stored.queued_at or stored.job.created_at for stored in jobs if _waits(stored)]
        return JobBacklog(states.count(UnitState.QUEUED), states.count(UnitState.FAILED), min(waiting, default=None))

    async def begin(self, ref: UnitRef, *, at: datetime) -> JobUnit | None:
        """See `JobStore.begin`."""
        begun = await self._change_queued(ref, lambda unit: replace(unit, attempts=unit.attempts + 1))
        if not begun:
            return None
        stored = self._transaction.jobs()[ref.job_id]
        self._put(replace(stored, started_at=stored.started_at or at))
        unit = stored.units[ref.unit_no]
        return JobUnit(ref, stored.job.session_id, unit.photo, stored.job.created_at, unit.attempts)

    async def put_back(self, ref: UnitRef) -> None:
        """See `JobStore.put_back`."""
        await self._change_queued(ref, lambda unit: replace(unit, attempts=max(0, unit.attempts - 1)))

    async def finish(self, ref: UnitRef, *, faces_detected: int, faces_indexed: int, at: datetime) -> bool:
        """See `JobStore.finish`."""
        return await self._change_queued(
            ref,
            lambda unit: replace(
                unit, state=UnitState.DONE, faces_detected=faces_detected, faces_indexed=faces_indexed, ended_at=at
            ),
        )

    async def fail(self, ref: UnitRef, code: str, detail: str, *, at: datetime) -> bool:
        """See `JobStore.fail`."""
        return await self._change_queued(
            ref, lambda unit: replace(unit, state=UnitState.FAILED, code=code, detail=detail, ended_at=at)
        )

    async def cancel(self, job_id: JobId, *, at: datetime) -> int:
        """See `JobStore.cancel`."""
        return await self._change(
            lambda stored, unit: stored.job.job_id == job_id and unit.state is UnitState.QUEUED,
            lambda unit: replace(unit, state=UnitState.CANCELLED, ended_at=at),
        )

    async def cancel_photos(self, session_id: SessionId, photo_id: PhotoId | None, *, at: datetime) -> int:
        """See `JobStore.cancel_photos`."""
        return await self._change(
            lambda stored, unit: (
                stored.job.session_id == session_id
                and (photo_id is None or unit.photo.photo_id == photo_id)
                and unit.state in {UnitState.QUEUED, UnitState.FAILED}
            ),
            lambda unit: replace(unit, state=UnitState.CANCELLED, code="", detail="", ended_at=unit.ended_at or at),
        )

    async def queue_failed(self, job_id: JobId, *, at: datetime) -> int:
        """See `JobStore.queue_failed`."""
        failed = [failure.unit_no for failure in await self.failures(job_id, after=-1, limit=2**31)]
        stored = (await self._transaction.lock_jobs()).get(job_id)
        if stored is not None and not _waits(stored):
            self._put(replace(stored, queued_at=at))
        await self._change(
            lambda stored, unit: stored.job.job_id == job_id and unit.state is UnitState.FAILED,
            lambda unit: StoredUnit(unit.photo),
        )
        self._transaction.queue([UnitRef(job_id, number) for number in failed])
        return len(failed)

    async def queue_strayed(self, *, limit: int) -> int:
        """See `JobStore.queue_strayed`. A unit in hand counts as strayed: whoever takes it twice finds it ended."""
        waiting = set(self._transaction.queued_units())
        strayed = [
            ref
            for job_id, stored in sorted((await self._transaction.lock_jobs()).items())
            for number, unit in enumerate(stored.units)
            if unit.state is UnitState.QUEUED and (ref := UnitRef(job_id, number)) not in waiting
        ]
        self._transaction.queue(strayed[:limit])
        return len(strayed[:limit])

    async def purge(self, before: datetime) -> int:
        """See `JobStore.purge`."""
        jobs = await self._transaction.lock_jobs()
        kept = {job_id: stored for job_id, stored in jobs.items() if not _ended_before(stored, before)}
        self._transaction.write_jobs(kept)
        return len(jobs) - len(kept)

    async def _change_queued(self, ref: UnitRef, change: Callable[[StoredUnit], StoredUnit]) -> bool:
        """Change one queued unit; whether it was there and queued."""
        stored = (await self._transaction.lock_jobs()).get(ref.job_id)
        if stored is None or ref.unit_no >= len(stored.units):
            return False
        unit = stored.units[ref.unit_no]
        if unit.state is not UnitState.QUEUED:
            return False
        units = (*stored.units[: ref.unit_no], change(unit), *stored.units[ref.unit_no + 1 :])
        self._put(replace(stored, units=units))
        return True

    async def _change(
        self, concerns: Callable[[StoredJob, StoredUnit], bool], change: Callable[[StoredUnit], StoredUnit]
    ) -> int:
        """Change every unit that is concerned; how many are."""
        jobs = await self._transaction.lock_jobs()
        changed = 0
        result: dict[JobId, StoredJob] = {}
        for job_id, stored in jobs.items():
            concerned = [concerns(stored, unit) for unit in stored.units]
            changed += sum(concerned)
            units = tuple(
                change(unit) if is_one else unit for unit, is_one in zip(stored.units, concerned, strict=True)
            )
            result[job_id] = replace(stored, units=units)
        self._transaction.write_jobs(result)
        return changed

    def _put(self, stored: StoredJob) -> None:
        jobs: Mapping[JobId, StoredJob] = self._transaction.jobs()
        self._transaction.write_jobs({**jobs, stored.job.job_id: stored})


def _progress(stored: StoredJob) -> JobProgress:
    counts = {state: sum(unit.state is state for unit in stored.units) for state in UnitState}
    done = [unit for unit in stored.units if unit.state is UnitState.DONE]
    ended = [unit.ended_at for unit in stored.units if unit.ended_at is not None]
    return JobProgress(
        job=stored.job,
        queued=counts[UnitState.QUEUED],
        done=counts[UnitState.DONE],
        failed=counts[UnitState.FAILED],
        cancelled=counts[UnitState.CANCELLED],
        without_faces=sum(unit.faces_detected == 0 for unit in done),
        faces_indexed=sum(unit.faces_indexed for unit in done),
        started_at=stored.started_at,
        finished_at=None if counts[UnitState.QUEUED] else max(ended, default=None),
    )


def _ended_before(stored: StoredJob, before: datetime) -> bool:
    return stored.job.created_at < before and all(
        unit.ended_at is not None and unit.ended_at < before for unit in stored.units
    )


def _waits(stored: StoredJob) -> bool:
    return any(unit.state is UnitState.QUEUED for unit in stored.units)
