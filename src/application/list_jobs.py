"""Which jobs are there?"""

from collections.abc import Sequence
from dataclasses import dataclass

from facepass.application.ports import UnitOfWorkFactory
from facepass.domain.errors import InvalidRequest
from facepass.domain.gallery import SessionId
from facepass.domain.job import JobId, JobProgress

MAX_LISTED = 100


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some jobs, newest first.

    Attributes:
        next_before: what to ask for next; None at the end.
    """

    jobs: Sequence[JobProgress]
    next_before: JobId | None


class ListJobs:
    """Looks through the jobs, newest first."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def __call__(
        self, session_id: SessionId | None = None, *, before: JobId | None = None, limit: int = MAX_LISTED
    ) -> JobPage:
        """Jobs of one session, or all, from before `before` on.

        Raises:
            InvalidRequest: `limit` out of range.
            DependencyUnavailable: the database.
        """
        if not 1 <= limit <= MAX_LISTED:
            raise InvalidRequest.field("limit", f"must be between 1 and {MAX_LISTED}, is {limit}")
        async with self._unit_of_work() as unit:
            found = await unit.jobs.newest(session_id, before=before, limit=limit + 1)
        jobs = found[:limit]
        return JobPage(jobs, jobs[-1].job.job_id if len(found) > limit else None)
