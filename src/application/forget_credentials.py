"""Forget credentials that ended long ago."""

from datetime import timedelta

from facepass.application.ports import Clock, UnitOfWork, UnitOfWorkFactory


class ForgetCredentials:
    """Run now and then; several at once do each other's work, never more."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ended_kept_days: int) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._ended_kept = timedelta(days=ended_kept_days)

    async def __call__(self) -> int:
        """Forget keys and the uses of tokens that ended `ended_kept_days` ago; how many.

        Raises:
            DependencyUnavailable: the database; nothing was forgotten.
        """

        async def work(unit: UnitOfWork) -> int:
            before = self._clock.now() - self._ended_kept
            return await unit.keys.purge(before) + await unit.token_uses.purge(before)

        return await self._unit_of_work.run(work)
