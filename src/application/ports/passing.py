"""What decorators of ports begin with: everything is passed on, and they change what they are there for."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from facepass.application.ports.storage import UnitOfWork
from facepass.domain.embedding import Calibration, Embedding, ModelId, TemplateSpace
from facepass.domain.face import Image, Landmarks
from facepass.domain.gallery import Erasure, GalleryState, GalleryStatus, Photo, PhotoId, SessionId
from facepass.domain.identification import CandidateList, Probe
from facepass.domain.ports import EmbeddingModel, VectorRepository


class PassingUnitOfWork(UnitOfWork):
    """A unit of work over another one, with the same stores."""

    def __init__(self, inner: UnitOfWork) -> None:
        self._inner = inner
        self.galleries = inner.galleries
        self.changes = inner.changes
        self.catalogue = inner.catalogue
        self.audit = inner.audit
        self.keys = inner.keys
        self.token_uses = inner.token_uses
        self.jobs = inner.jobs

    async def __aenter__(self) -> Self:
        """See `UnitOfWork.__aenter__`."""
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """See `UnitOfWork.__aexit__`."""
        await self._inner.__aexit__(exc_type, exc, traceback)

    async def commit(self) -> None:
        """See `UnitOfWork.commit`."""
        await self._inner.commit()


class PassingRepository(VectorRepository):
    """Galleries over others."""

    def __init__(self, inner: VectorRepository) -> None:
        self._inner = inner

    async def state(self, session_id: SessionId) -> GalleryState:
        """See `VectorRepository.state`."""
        return await self._inner.state(session_id)

    async def replace_photos(
        self, session_id: SessionId, editions: Mapping[TemplateSpace, Sequence[Photo]], *, since: int
    ) -> frozenset[PhotoId]:
        """See `VectorRepository.replace_photos`."""
        return await self._inner.replace_photos(session_id, editions, since=since)

    async def candidates(
        self, session_id: SessionId, probe: Probe, *, least_cosine: float, limit: int
    ) -> CandidateList:
        """See `VectorRepository.candidates`."""
        return await self._inner.candidates(session_id, probe, least_cosine=least_cosine, limit=limit)

    async def gallery(self, session_id: SessionId) -> GalleryStatus | None:
        """See `VectorRepository.gallery`."""
        return await self._inner.gallery(session_id)

    async def photo(self, session_id: SessionId, photo_id: PhotoId) -> Photo | None:
        """See `VectorRepository.photo`."""
        return await self._inner.photo(session_id, photo_id)

    async def delete_gallery(self, session_id: SessionId, *, at: datetime) -> Erasure:
        """See `VectorRepository.delete_gallery`."""
        return await self._inner.delete_gallery(session_id, at=at)

    async def delete_photo(self, session_id: SessionId, photo_id: PhotoId, *, at: datetime) -> Erasure:
        """See `VectorRepository.delete_photo`."""
        return await self._inner.delete_photo(session_id, photo_id, at=at)

    async def forget_faces(
        self, session_id: SessionId, probes: Sequence[tuple[Probe, float]], *, at: datetime
    ) -> Erasure:
        """See `VectorRepository.forget_faces`."""
        return await self._inner.forget_faces(session_id, probes, at=at)


class PassingModel(EmbeddingModel):
    """A recogniser over another one."""

    def __init__(self, inner: EmbeddingModel) -> None:
        self._inner = inner

    @property
    def model_id(self) -> ModelId:
        """See `EmbeddingModel.model_id`."""
        return self._inner.model_id

    @property
    def dimension(self) -> int:
        """See `EmbeddingModel.dimension`."""
        return self._inner.dimension

    @property
    def calibration(self) -> Calibration:
        """See `EmbeddingModel.calibration`."""
        return self._inner.calibration

    async def embed(self, image: Image, faces: Sequence[Landmarks]) -> tuple[Embedding, ...]:
        """See `EmbeddingModel.embed`."""
        return await self._inner.embed(image, faces)
