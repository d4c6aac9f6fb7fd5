"""Jobs: what is kept of them, and the queue their units wait in."""

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from facepass.domain.gallery import PhotoId, SessionId
from facepass.domain.job import Job, JobBacklog, JobId, JobProgress, JobUnit, PhotoToIndex, UnitFailure, UnitRef


class JobStore(Protocol):
    """The jobs and their units. Lives inside a unit of work: what it queues is queued when the commit holds."""

    @abstractmethod
    async def add(self, job: Job, photos: Sequence[PhotoToIndex]) -> None:
        """Keep a new job and queue its units, in order; to add what is there already changes nothing."""

    @abstractmethod
    async def find(self, job_id: JobId) -> JobProgress | None:
        """How far a job is; None for one that is not known (any more)."""

    @abstractmethod
    async def newest(self, session_id: SessionId | None, *, before: JobId | None, limit: int) -> Sequence[JobProgress]:
        """Jobs, of one session or all, from before `before` downwards by id, at most `limit`."""

    @abstractmethod
    async def failures(self, job_id: JobId, *, after: int, limit: int) -> Sequence[UnitFailure]:
        """Units of a job that were given up, from after number `after`, at most `limit`."""

    @abstractmethod
    async def backlog(self) -> JobBacklog:
        """What all jobs together still have to do. Cheap enough to ask every few seconds."""

    @abstractmethod
    async def begin(self, ref: UnitRef, *, at: datetime) -> JobUnit | None:
        """Count one more attempt at a unit; None for one that has ended, or is not known."""

    @abstractmethod
    async def put_back(self, ref: UnitRef) -> None:
        """Take back an attempt that was broken off by no fault of the unit."""

    @abstractmethod
    async def finish(self, ref: UnitRef, *, faces_detected: int, faces_indexed: int, at: datetime) -> bool:
        """The unit is done. False, and nothing changes: it has ended already."""

    @abstractmethod
    async def fail(self, ref: UnitRef, code: str, detail: str, *, at: datetime) -> bool:
        """The unit is given up. False, and nothing changes: it has ended already."""

    @abstractmethod
    async def cancel(self, job_id: JobId, *, at: datetime) -> int:
        """No queued unit of a job is to be done any more; how many were."""

    @abstractmethod
    async def cancel_photos(self, session_id: SessionId, photo_id: PhotoId | None, *, at: datetime) -> int:
        """The same for every job's units of a session, or of one of its photos."""

    @abstractmethod
    async def queue_failed(self, job_id: JobId, *, at: datetime) -> int:
        """Queue the units again that were given up; how many. If none waited already, the wait begins at `at`."""

    @abstractmethod
    async def queue_strayed(self, *, limit: int) -> int:
        """Queue units again that wait and that the queue has lost, at most `limit`; how many."""

    @abstractmethod
    async def purge(self, before: datetime) -> int:
        """Forget jobs that ended before a moment; how many."""


class JobQueue(Protocol):
    """Hands out the units that were queued: each at least once, over all processes that ask, until it was handled."""

    @abstractmethod
    def open(
        self, handle: Callable[[UnitRef], Awaitable[None]], *, concurrency: int
    ) -> AbstractAsyncContextManager[None]:
        """Have units handled in the background while inside, so many at once.

        Leaving takes no further unit, waits for those in hand as long as the queue's grace allows, and hands the others
        back. `handle` may be cancelled for that. Where it raises, the unit is handed out again later.
        """
