"""Have the photos of a job that were given up tried again."""

from facepass.application.ports import UnitOfWork, UnitOfWorkFactory
from facepass.domain.errors import NotFound
from facepass.domain.job import JobId, JobProgress


class RetryJob:
    """Queues the failed units of a job."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def __call__(self, job_id: JobId) -> JobProgress:
        """The job as it is then; where nothing had failed, nothing changes.

        Raises:
            NotFound: there is no such job.
            DependencyUnavailable: the database.
        """

        async def work(unit: UnitOfWork) -> JobProgress:
            await unit.jobs.queue_failed(job_id)
            progress = await unit.jobs.find(job_id)
            if progress is None:
                raise NotFound(f"There is no job {job_id}.")
            return progress

        return await self._unit_of_work.run(work)
