"""Queue units again that wait and that the queue has lost: see `JobStore.queue_strayed`."""

from typing import Final

from facepass.application.ports import UnitOfWork, UnitOfWorkFactory

MOST_AT_ONCE: Final = 1000


class QueueStrayed:
    """Run now and then by whoever works on jobs; several at once do each other's work, never more."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def __call__(self) -> int:
        """How many there were, at most `MOST_AT_ONCE`.

        Raises:
            DependencyUnavailable: the database.
        """

        async def work(unit: UnitOfWork) -> int:
            return await unit.jobs.queue_strayed(limit=MOST_AT_ONCE)

        return await self._unit_of_work.run(work)
