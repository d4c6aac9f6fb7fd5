"""How far a session is indexed."""

from facepass.application.ports import UnitOfWorkFactory
from facepass.domain.errors import NotFound
from facepass.domain.gallery import GalleryStatus, SessionId


class GetGalleryStatus:
    """Reads a gallery in numbers."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def __call__(self, session_id: SessionId) -> GalleryStatus:
        """The gallery's numbers.

        Raises:
            NotFound: the session was never seen, or was deleted.
            DependencyUnavailable: the database.
        """
        async with self._unit_of_work() as transaction:
            status = await transaction.galleries.gallery(session_id)
        if status is None:
            raise NotFound(f"No session {session_id!r} is known here.")
        return status
