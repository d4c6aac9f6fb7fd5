"""Erase a session: its photos, its faces and its vectors."""

from facepass.application.ports import Clock, UnitOfWorkFactory
from facepass.domain.gallery import Erasure, SessionId


class DeleteGallery:
    """Removes a gallery in one transaction."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def __call__(self, session_id: SessionId) -> Erasure:
        """Erase the session; erasing it again removes nothing and is no error.

        Raises:
            DependencyUnavailable: the database; nothing was removed.
        """
        async with self._unit_of_work() as transaction:
            erasure = await transaction.galleries.delete_gallery(session_id, at=self._clock.now())
            await transaction.commit()
        return erasure
