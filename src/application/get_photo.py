"""Say what is kept of one photo."""

from facepass.application.ports import UnitOfWorkFactory
from facepass.domain.errors import NotFound
from facepass.domain.gallery import Photo, PhotoId, SessionId


class GetPhoto:
    """Reads one photo of a gallery."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def __call__(self, session_id: SessionId, photo_id: PhotoId) -> Photo:
        """What is kept of the photo.

        Raises:
            NotFound: the session or the photo was never indexed, or was deleted.
            DependencyUnavailable: the database.
        """
        async with self._unit_of_work() as transaction:
            photo = await transaction.galleries.photo(session_id, photo_id)
        if photo is None:
            raise NotFound(f"No photo {photo_id!r} is known in session {session_id!r}.")
        return photo
