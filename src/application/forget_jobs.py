"""Forget jobs that ended long ago."""

from datetime import timedelta

from facepass.application.ports import Clock, UnitOfWork, UnitOfWorkFactory


class ForgetJobs:
    """Run now and then; several at once do each other's work, never more."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock, kept_days: int) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._kept = timedelta(days=kept_days)

    async def __call__(self) -> int:
        """Forget jobs that ended `kept_days` ago; how many.

        Raises:
            DependencyUnavailable: the database; nothing was forgotten.
        """

        async def work(unit: UnitOfWork) -> int:
            return await unit.jobs.purge(self._clock.now() - self._kept)

        return await self._unit_of_work.run(work)
