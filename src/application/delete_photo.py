"""Erase one photo of a session: its faces and their vectors."""

from facepass.application.erasing import erase
from facepass.application.ports import Clock, UnitOfWork, UnitOfWorkFactory
from facepass.domain.audit import AuditEvent
from facepass.domain.gallery import Erasure, PhotoId, SessionId


class DeletePhoto:
    """Removes what is kept of a photo, for every model, in one transaction."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def __call__(self, session_id: SessionId, photo_id: PhotoId) -> Erasure:
        """Erase the photo; erasing it again removes nothing and is no error.

        If it is being indexed meanwhile, it is not stored; nor is it by a job that was to index it.

        Raises:
            DependencyUnavailable: the database; nothing was removed.
        """
        now = self._clock.now()

        async def work(transaction: UnitOfWork) -> Erasure:
            erasure = await transaction.galleries.delete_photo(session_id, photo_id, at=now)
            await transaction.jobs.cancel_photos(session_id, photo_id, at=now)
            return erasure

        return await erase(self._unit_of_work, AuditEvent.PHOTO_ERASED, work)
