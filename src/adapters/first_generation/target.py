"""What an import needs of the database it moves photos into."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from facepass.application.import_photos import Imported
from facepass.domain.embedding import ModelId
from facepass.domain.gallery import Photo, PhotoId, SessionId


class ImportTarget(Protocol):
    """Where the photos of an old database go."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """Names the database, without secrets: an import into another one is another import."""

    @abstractmethod
    async def revision(self, session_id: SessionId) -> int:
        """See `ImportPhotos.revision`."""

    @abstractmethod
    async def store(self, session_id: SessionId, photos: Sequence[Photo], *, since: int) -> Imported:
        """See `ImportPhotos.store`: an import that was cut off repeats its last batch."""

    @abstractmethod
    async def withdraw(self, session_id: SessionId, photo_ids: Sequence[PhotoId], model: ModelId) -> int:
        """See `ImportPhotos.withdraw`."""
