"""The vector repository over PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from facepass.adapters.pgvector.eraser import Eraser
from facepass.adapters.pgvector.photo_writer import PhotoWriter
from facepass.adapters.pgvector.rows import photo_of, state_of
from facepass.adapters.pgvector.search.planner import Planner
from facepass.adapters.pgvector.statements import reading as statements
from facepass.adapters.pgvector.template_codec import TemplateCodec
from facepass.adapters.pgvector.transaction import Transaction
from facepass.domain.embedding import ModelId, TemplateSpace
from facepass.domain.gallery import (
    Erasure,
    ErasureKind,
    GalleryState,
    GalleryStatus,
    Photo,
    PhotoId,
    SessionId,
)
from facepass.domain.identification import CandidateList, Probe
from facepass.domain.ports import VectorRepository


class PgvectorRepository(VectorRepository):
    """Lives inside one transaction, whose owner opens, commits and closes it."""

    def __init__(self, transaction: Transaction, *, codec: TemplateCodec, planner: Planner) -> None:
        self._transaction = transaction
        self._codec = codec
        self._planner = planner
        self._writer = PhotoWriter(transaction, codec)
        self._eraser = Eraser(transaction)

    async def state(self, session_id: SessionId) -> GalleryState:
        """See `VectorRepository.state`."""
        result = await self._transaction.read(statements.HEADER, {"session": session_id})
        return state_of(result.one_or_none())

    async def replace_photos(
        self, session_id: SessionId, editions: Mapping[TemplateSpace, Sequence[Photo]], *, since: int
    ) -> frozenset[PhotoId]:
        """See `VectorRepository.replace_photos`."""
        return await self._writer.replace(session_id, editions, since=since)

    async def candidates(
        self, session_id: SessionId, probe: Probe, *, least_cosine: float, limit: int
    ) -> CandidateList:
        """See `VectorRepository.candidates`."""
        return await self._planner.candidates(
            self._transaction, session_id, probe, least_cosine=least_cosine, limit=limit
        )

    async def gallery(self, session_id: SessionId) -> GalleryStatus | None:
        """See `VectorRepository.gallery`."""
        row = (await self._transaction.read(statements.GALLERY, {"session": session_id})).one_or_none()
        if row is None:
            return None
        return GalleryStatus(
            session_id=session_id,
            model=ModelId(row.model),
            photo_count=row.photo_count,
            face_count=row.face_count,
            photos_without_faces=row.photos_without_faces,
            last_indexed=row.last_indexed,
        )

    async def photo(self, session_id: SessionId, photo_id: PhotoId) -> Photo | None:
        """See `VectorRepository.photo`."""
        rows = (await self._transaction.read(statements.PHOTO, {"session": session_id, "photo": photo_id})).all()
        if not rows:
            return None
        sealer = self._codec.sealer(rows[0], session_id)
        found = [row for row in rows if row.face_no is not None]
        return photo_of(session_id, photo_id, rows, self._codec.decode(found, sealer, rows[0].dimension))

    async def delete_gallery(self, session_id: SessionId, *, at: datetime) -> Erasure:
        """See `VectorRepository.delete_gallery`."""
        return await self._eraser.gallery(session_id, at=at)

    async def delete_photo(self, session_id: SessionId, photo_id: PhotoId, *, at: datetime) -> Erasure:
        """See `VectorRepository.delete_photo`."""
        return await self._eraser.photo(session_id, photo_id, at=at)

    async def forget_faces(
        self, session_id: SessionId, probes: Sequence[tuple[Probe, float]], *, at: datetime
    ) -> Erasure:
        """See `VectorRepository.forget_faces`."""
        session = await self._eraser.lock_spaces(session_id, {probe.space for probe, _ in probes}, at=at)
        removed = 0
        if session is not None:
            found = await self._planner.faces_at_least(self._transaction, session_id, probes)
            removed = await self._eraser.faces(session, found)
        return Erasure(ErasureKind.PERSON, session_id, embeddings_removed=removed, photos_removed=0, erased_at=at)
