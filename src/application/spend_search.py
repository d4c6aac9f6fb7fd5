"""Count a search against the token it is made with."""

from facepass.application.ports import UnitOfWorkFactory
from facepass.domain.access import Caller
from facepass.domain.errors import Forbidden


class SpendSearch:
    """Before the selfie is looked at: that is what costs, whatever comes of it."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def __call__(self, caller: Caller) -> None:
        """Go on where the caller has a search left, or needs none.

        Never done again by itself: where the answer of the store is lost, a search may have been counted that is not
        made, but none is made that was not counted.

        Raises:
            Forbidden: all searches of the token are used.
            DependencyUnavailable: the database.
        """
        if caller.max_searches is None or caller.expires_at is None:
            return
        async with self._unit_of_work() as unit:
            left = await unit.token_uses.spend(caller.name, most=caller.max_searches, expires_at=caller.expires_at)
            await unit.commit()
        if not left:
            raise Forbidden(f"All {caller.max_searches} searches of this token are used.")
