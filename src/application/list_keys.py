"""Which API keys are there?"""

from collections.abc import Sequence

from facepass.application.create_key import MAX_KEYS
from facepass.application.ports import UnitOfWorkFactory
from facepass.domain.api_key import ApiKey


class ListKeys:
    """The managed keys; those of the settings are not among them."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def __call__(self) -> Sequence[ApiKey]:
        """All of them, newest first, also those that have ended not long ago.

        Raises:
            DependencyUnavailable: the database.
        """
        async with self._unit_of_work() as unit:
            return await unit.keys.newest(limit=MAX_KEYS)
