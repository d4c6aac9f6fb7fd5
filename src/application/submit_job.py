"""Ask for many photos to be indexed in the background."""

from collections.abc import Callable, Sequence

from facepass.application.ports import Clock, UnitOfWork, UnitOfWorkFactory
from facepass.domain.gallery import SessionId
from facepass.domain.job import MAX_PHOTOS, Job, JobId, PhotoToIndex, check_photos


class SubmitJob:
    """Keeps the job and queues its photos, in one transaction."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock, random_bytes: Callable[[int], bytes]) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._random_bytes = random_bytes

    async def __call__(self, session_id: SessionId, photos: Sequence[PhotoToIndex]) -> Job:
        """The job, which is queued and safe when this returns.

        Raises:
            InvalidRequest: too many photos, or a photo named twice.
            DependencyUnavailable: the database. Where its answer was lost, the job may be there all the same: asking
                again makes another one, and photos indexed twice end as indexed once.
        """
        check_photos(photos, most=MAX_PHOTOS)
        now = self._clock.now()
        job = Job(JobId.new(now, self._random_bytes), session_id, now)

        async def work(unit: UnitOfWork) -> None:
            await unit.jobs.add(job, photos)

        await self._unit_of_work.run(work)
        return job
