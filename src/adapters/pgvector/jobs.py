"""Jobs, in PostgreSQL. Units are queued in the transaction that makes them, so neither is there without the other."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Protocol, TypeAlias

import asyncpg
from sqlalchemy import Row

from facepass.adapters.pgvector.errors import vendor_errors
from facepass.adapters.pgvector.statements import jobs as statements
from facepass.adapters.pgvector.transaction import Transaction
from facepass.application.ports import JobStore
from facepass.domain.gallery import PhotoId, SessionId
from facepass.domain.job import (
    Job,
    JobBacklog,
    JobId,
    JobKind,
    JobProgress,
    JobUnit,
    PhotoToIndex,
    UnitFailure,
    UnitRef,
)

AFTER_ALL_JOBS: Final = "~"
"""Greater than every id."""

DriverConnection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class Entries(Protocol):
    """Where units wait."""

    @abstractmethod
    async def put(self, connection: DriverConnection, units: Sequence[UnitRef]) -> None:
        """Queue units in the transaction that `connection` is in."""


class PgvectorJobStore(JobStore):
    """Works inside one transaction."""

    def __init__(self, transaction: Transaction, entries: Entries | None) -> None:
        self._transaction = transaction
        self._entries = entries

    async def add(self, job: Job, photos: Sequence[PhotoToIndex]) -> None:
        """See `JobStore.add`."""
        values = {"job": job.job_id, "kind": job.kind, "session": job.session_id, "at": job.created_at}
        if not (await self._transaction.write(statements.ADD_JOB, values)).rowcount:
            return
        units = {
            "job": job.job_id,
            "photos": [photo.photo_id for photo in photos],
            "source_keys": [photo.key for photo in photos],
        }
        await self._transaction.write(statements.ADD_UNITS, units)
        await self._queue([UnitRef(job.job_id, number) for number in range(len(photos))])

    async def find(self, job_id: JobId) -> JobProgress | None:
        """See `JobStore.find`."""
        row = (await self._transaction.read(statements.PROGRESS, {"job": job_id})).one_or_none()
        return None if row is None else _progress(row)

    async def newest(self, session_id: SessionId | None, *, before: JobId | None, limit: int) -> Sequence[JobProgress]:
        """See `JobStore.newest`."""
        values: dict[str, Any] = {"before_job": before or AFTER_ALL_JOBS, "limit": limit}
        if session_id is None:
            found = await self._transaction.read(statements.NEWEST, values)
        else:
            found = await self._transaction.read(statements.NEWEST_OF_SESSION, {**values, "session": session_id})
        return [_progress(row) for row in found]

    async def failures(self, job_id: JobId, *, after: int, limit: int) -> Sequence[UnitFailure]:
        """See `JobStore.failures`."""
        values = {"job": job_id, "after_unit": after, "limit": limit}
        return [
            UnitFailure(row.unit_no, PhotoToIndex(PhotoId(row.photo_id), row.source_key), row.code, row.detail)
            for row in await self._transaction.read(statements.FAILURES, values)
        ]

    async def backlog(self) -> JobBacklog:
        """See `JobStore.backlog`."""
        row = (await self._transaction.read(statements.BACKLOG, {})).one()
        return JobBacklog(row.queued, row.failed, row.oldest_at)

    async def begin(self, ref: UnitRef, *, at: datetime) -> JobUnit | None:
        """See `JobStore.begin`."""
        row = (await self._transaction.write(statements.BEGIN, {**_named(ref), "at": at})).one_or_none()
        if row is None:
            return None
        photo = PhotoToIndex(PhotoId(row.photo_id), row.source_key)
        return JobUnit(ref, SessionId(row.session_id), photo, row.created_at, row.attempts)

    async def put_back(self, ref: UnitRef) -> None:
        """See `JobStore.put_back`."""
        await self._transaction.write(statements.PUT_BACK, _named(ref))

    async def finish(self, ref: UnitRef, *, faces_detected: int, faces_indexed: int, at: datetime) -> bool:
        """See `JobStore.finish`."""
        values = {**_named(ref), "faces_found": faces_detected, "faces_kept": faces_indexed, "at": at}
        return (await self._transaction.write(statements.FINISH, values)).rowcount > 0

    async def fail(self, ref: UnitRef, code: str, detail: str, *, at: datetime) -> bool:
        """See `JobStore.fail`."""
        values = {**_named(ref), "code": code, "detail": detail, "at": at}
        return (await self._transaction.write(statements.FAIL, values)).rowcount > 0

    async def cancel(self, job_id: JobId, *, at: datetime) -> int:
        """See `JobStore.cancel`."""
        return (await self._transaction.write(statements.CANCEL, {"job": job_id, "at": at})).rowcount

    async def cancel_photos(self, session_id: SessionId, photo_id: PhotoId | None, *, at: datetime) -> int:
        """See `JobStore.cancel_photos`."""
        values = {"session": session_id, "at": at}
        if photo_id is None:
            return (await self._transaction.write(statements.CANCEL_SESSION, values)).rowcount
        return (await self._transaction.write(statements.CANCEL_PHOTO, {**values, "photo": photo_id})).rowcount

    async def queue_failed(self, job_id: JobId, *, at: datetime) -> int:
        """See `JobStore.queue_failed`."""
        numbers = (await self._transaction.write(statements.QUEUE_FAILED, {"job": job_id, "at": at})).scalars().all()
        await self._queue([UnitRef(job_id, number) for number in sorted(numbers)])
        return len(numbers)

    async def queue_strayed(self, *, limit: int) -> int:
        """See `JobStore.queue_strayed`."""
        rows = (await self._transaction.write(statements.STRAYED, {"limit": limit})).all()
        await self._queue([UnitRef(JobId(row.job_id), row.unit_no) for row in rows])
        return len(rows)

    async def purge(self, before: datetime) -> int:
        """See `JobStore.purge`."""
        await self._transaction.write(statements.PURGE_LOG, {})
        return (await self._transaction.write(statements.PURGE, {"before": before})).rowcount

    async def _queue(self, units: Sequence[UnitRef]) -> None:
        if self._entries is None:
            raise RuntimeError("made without a queue")
        if units:
            with vendor_errors():
                await self._entries.put(await self._transaction.driver(), units)


def _named(ref: UnitRef) -> dict[str, Any]:
    return {"job": ref.job_id, "unit_no": ref.unit_no}


def _progress(row: Row[Any]) -> JobProgress:
    return JobProgress(
        job=Job(JobId(row.job_id), SessionId(row.session_id), row.created_at, JobKind(row.kind)),
        queued=row.queued,
        done=row.done,
        failed=row.failed,
        cancelled=row.cancelled,
        without_faces=row.without_faces,
        faces_indexed=row.faces_indexed,
        started_at=row.started_at,
        finished_at=None if row.queued else row.ended_at,
    )
