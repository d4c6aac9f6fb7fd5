"""Everything stored, in numbers."""

from facepass.application.ports import StoreTotals, UnitOfWorkFactory


class CountStore:
    """Reads what a large store takes a while to count: not to be asked all the time."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def __call__(self) -> StoreTotals:
        """The present numbers.

        Raises:
            DependencyUnavailable: the database.
        """
        async with self._unit_of_work() as transaction:
            return await transaction.catalogue.totals()
