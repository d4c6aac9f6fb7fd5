"""Stop a job: what is done stays done, what is queued is not done any more."""

from facepass.application.get_job import existing
from facepass.application.ports import Clock, UnitOfWork, UnitOfWorkFactory
from facepass.domain.job import JobId, JobProgress


class CancelJob:
    """Ends the queued units of a job."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def __call__(self, job_id: JobId) -> JobProgress:
        """The job as it is then; cancelling one that has ended changes nothing and is no error.

        A photo that is being indexed at this moment is not stored any more.

        Raises:
            NotFound: there is no such job.
            DependencyUnavailable: the database.
        """

        async def work(unit: UnitOfWork) -> JobProgress:
            await unit.jobs.cancel(job_id, at=self._clock.now())
            return await existing(unit, job_id)

        return await self._unit_of_work.run(work)
