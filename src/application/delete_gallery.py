"""Erase a session: its photos, its faces and its vectors."""

from facepass.application.erasing import erase
from facepass.application.ports import Clock, UnitOfWork, UnitOfWorkFactory
from facepass.domain.audit import AuditEvent
from facepass.domain.gallery import Erasure, SessionId


class DeleteGallery:
    """Removes a gallery in one transaction."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def __call__(self, session_id: SessionId) -> Erasure:
        """Erase the session; erasing it again removes nothing and is no error.

        A photo of it that is being indexed meanwhile is not stored, and no job goes on indexing any.

        Raises:
            DependencyUnavailable: the database; nothing was removed.
        """
        now = self._clock.now()

        async def work(transaction: UnitOfWork) -> Erasure:
            erasure = await transaction.galleries.delete_gallery(session_id, at=now)
            await transaction.jobs.cancel_photos(session_id, None, at=now)
            return erasure

        return await erase(self._unit_of_work, AuditEvent.SESSION_ERASED, work)
