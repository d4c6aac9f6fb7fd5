"""Have the photos of a job that were given up tried again."""

from facepass.application.get_job import existing
from facepass.application.ports import Clock, UnitOfWork, UnitOfWorkFactory
from facepass.domain.job import JobId, JobProgress


class RetryJob:
    """Queues the failed units of a job."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def __call__(self, job_id: JobId) -> JobProgress:
        """The job as it is then; where nothing had failed, nothing changes.

        Raises:
            NotFound: there is no such job.
            DependencyUnavailable: the database.
        """

        async def work(unit: UnitOfWork) -> JobProgress:
            await unit.jobs.queue_failed(job_id, at=self._clock.now())
            return await existing(unit, job_id)

        return await self._unit_of_work.run(work)
