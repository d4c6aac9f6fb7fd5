"""How far is a job?"""

from collections.abc import Sequence
from dataclasses import dataclass

from facepass.application.ports import UnitOfWork, UnitOfWorkFactory
from facepass.domain.errors import NotFound
from facepass.domain.job import JobId, JobProgress, UnitFailure

MAX_FAILURES = 100
"""Listed at once."""


@dataclass(frozen=True, slots=True)
class JobReport:
    """A job and some of its failures.

    Attributes:
        more_after: number of the last failure listed, where there are more; else None.
    """

    progress: JobProgress
    failures: Sequence[UnitFailure]
    more_after: int | None


class GetJob:
    """Looks a job up."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def __call__(self, job_id: JobId, *, failures_after: int = -1) -> JobReport:
        """The job with the failures that follow unit number `failures_after`.

        Raises:
            NotFound: there is no such job (any more).
            DependencyUnavailable: the database.
        """
        async with self._unit_of_work() as unit:
            progress = await existing(unit, job_id)
            if not progress.failed:  # listeners ask every second
                return JobReport(progress, (), None)
            failures = await unit.jobs.failures(job_id, after=failures_after, limit=MAX_FAILURES + 1)
        more = len(failures) > MAX_FAILURES
        listed = failures[:MAX_FAILURES]
        return JobReport(progress, listed, listed[-1].unit_no if more else None)


async def existing(unit: UnitOfWork, job_id: JobId) -> JobProgress:
    """How far a job is.

    Raises:
        NotFound: there is no such job (any more).
    """
    progress = await unit.jobs.find(job_id)
    if progress is None:
        raise NotFound(f"There is no job {job_id}.")
    return progress
