"""Jobs, measured: how the photos of jobs ended that this process worked on, or that it was told to end."""

from collections.abc import Sequence
from datetime import datetime

from facepass.adapters.telemetry.store_metrics import Tally
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


class MeteredJobStore(JobStore):
    """Notes how units end; one that had ended before is not noted again.

    Args:
        inner: of the unit of work.
        tally: of the unit of work.
    """

    def __init__(self, inner: JobStore, *, tally: Tally) -> None:
        self._inner = inner
        self._tally = tally

    async def add(self, job: Job, photos: Sequence[PhotoToIndex]) -> None:
        """See `JobStore.add`."""
        await self._inner.add(job, photos)

    async def find(self, job_id: JobId) -> JobProgress | None:
        """See `JobStore.find`."""
        return await self._inner.find(job_id)

    async def newest(self, session_id: SessionId | None, *, before: JobId | None, limit: int) -> Sequence[JobProgress]:
        """See `JobStore.newest`."""
        return await self._inner.newest(session_id, before=before, limit=limit)

    async def failures(self, job_id: JobId, *, after: int, limit: int) -> Sequence[UnitFailure]:
        """See `JobStore.failures`."""
        return await self._inner.failures(job_id, after=after, limit=limit)

    async def backlog(self) -> JobBacklog:
        """See `JobStore.backlog`."""
        return await self._inner.backlog()

    async def begin(self, ref: UnitRef, *, at: datetime) -> JobUnit | None:
        """See `JobStore.begin`."""
        return await self._inner.begin(ref, at=at)

    async def put_back(self, ref: UnitRef) -> None:
        """See `JobStore.put_back`."""
        await self._inner.put_back(ref)

    async def finish(self, ref: UnitRef, *, faces_detected: int, faces_indexed: int, at: datetime) -> bool:
        """See `JobStore.finish`."""
        ended = await self._inner.finish(ref, faces_detected=faces_detected, faces_indexed=faces_indexed, at=at)
        self._tally.units(UnitState.DONE, int(ended))
        return ended

    async def fail(self, ref: UnitRef, code: str, detail: str, *, at: datetime) -> bool:
        """See `JobStore.fail`."""
        ended = await self._inner.fail(ref, code, detail, at=at)
        self._tally.units(UnitState.FAILED, int(ended))
        return ended

    async def cancel(self, job_id: JobId, *, at: datetime) -> int:
        """See `JobStore.cancel`."""
        cancelled = await self._inner.cancel(job_id, at=at)
        self._tally.units(UnitState.CANCELLED, cancelled)
        return cancelled

    async def cancel_photos(self, session_id: SessionId, photo_id: PhotoId | None, *, at: datetime) -> int:
        """See `JobStore.cancel_photos`."""
        cancelled = await self._inner.cancel_photos(session_id, photo_id, at=at)
        self._tally.units(UnitState.CANCELLED, cancelled)
        return cancelled

    async def queue_failed(self, job_id: JobId, *, at: datetime) -> int:
        """See `JobStore.queue_failed`."""
        return await self._inner.queue_failed(job_id, at=at)

    async def queue_strayed(self, *, limit: int) -> int:
        """See `JobStore.queue_strayed`."""
        return await self._inner.queue_strayed(limit=limit)

    async def purge(self, before: datetime) -> int:
        """See `JobStore.purge`."""
        return await self._inner.purge(before)
