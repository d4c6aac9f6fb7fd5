"""The vector repository over PostgreSQL.

Locks, and why nothing deadlocks: a photo's writer holds its session's row FOR KEY SHARE from its first statement, so
writers do not hinder each other, and `delete_gallery` takes the same row FOR UPDATE before anything else: it waits for
the writers inside and keeps later ones out. Those then find no session and begin a new one.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Row

from facepass.adapters.pgvector import statements
from facepass.adapters.pgvector.transaction import Transaction
from facepass.domain.embedding import Embedding, ModelId
from facepass.domain.errors import Conflict
from facepass.domain.face import BoundingBox, Face, ImageSize, Landmarks, Quality, QualityReason
from facepass.domain.gallery import Erasure, GalleryStatus, Photo, PhotoId, SessionId, Template
from facepass.domain.identification import Candidate, CandidateList, Probe
from facepass.domain.ports import VectorRepository


class PgvectorRepository(VectorRepository):
    """Lives inside one transaction, whose owner opens, commits and closes it."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def replace_photo(self, photo: Photo, model: ModelId) -> bool:
        """See `VectorRepository.replace_photo`."""
        dimension = photo.dimension_for(model)
        values = {
            "session": photo.session_id,
            "model": model,
            "dimension": dimension,
            "photo": photo.photo_id,
            "width": photo.size.width,
            "height": photo.size.height,
            "faces_detected": photo.faces_detected,
            "faces_indexed": len(photo.templates),
            "at": photo.indexed_at,
        }
        row = (await self._transaction.write(statements.UPSERT_PHOTO, values)).one_or_none()
        if row is None:  # the gallery's first photo, or its first face, or another model
            await self._bind_gallery(photo.session_id, model, dimension, at=photo.indexed_at)
            row = (await self._transaction.write(statements.UPSERT_PHOTO, values)).one()
        keys = {"session_pk": row.session_pk, "photo_pk": row.pk}
        if row.replaced:
            await self._transaction.write(statements.DELETE_FACES_OF_PHOTO, keys)
        if photo.templates:
            await self._transaction.write(
                statements.INSERT_FACES, [{**keys, **_face_values(template)} for template in photo.templates]
            )
        return bool(row.replaced)

    async def _bind_gallery(
        self, session_id: SessionId, model: ModelId, dimension: int | None, *, at: datetime
    ) -> None:
        """Make sure the gallery is there, for this model and dimension; its row stays locked either way."""
        values = {"session": session_id, "model": model, "dimension": dimension, "at": at}
        await self._transaction.write(statements.BIND_SESSION, values)
        bound = (await self._transaction.write(statements.SESSION_BINDING, {"session": session_id})).one()
        if bound.model != model:
            raise Conflict(f"the session is bound to the model {bound.model}, not {model}")
        if dimension is not None and bound.dimension != dimension:
            raise Conflict(f"the session holds templates of {bound.dimension} components, not {dimension}")

    async def candidates(
        self, session_id: SessionId, probe: Probe, *, least_cosine: float, limit: int
    ) -> CandidateList:
        """See `VectorRepository.candidates`."""
        result = await self._transaction.read(
            statements.CANDIDATES,
            {
                "session": session_id,
                "model": probe.model,
                "dimension": probe.dimension,
                "probe": probe.vector,
                "least_cosine": least_cosine,
                "limit": limit,
            },
        )
        rows = result.all()
        return CandidateList(
            candidates=tuple(
                Candidate(
                    photo_id=PhotoId(row.photo_id),
                    face_no=row.face_no,
                    box=BoundingBox(row.box_x, row.box_y, row.box_width, row.box_height),
                    confidence=row.confidence,
                    cosine=row.cosine,
                )
                for row in rows
            ),
            total=rows[0].total if rows else 0,
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
        return Photo(
            session_id=session_id,
            photo_id=photo_id,
            size=ImageSize(rows[0].width, rows[0].height),
            faces_detected=rows[0].faces_detected,
            templates=_templates(rows),
            indexed_at=rows[0].indexed_at,
        )

    async def delete_gallery(self, session_id: SessionId, *, at: datetime) -> Erasure:
        """See `VectorRepository.delete_gallery`."""
        faces = photos = 0
        session = {"session": session_id}
        session_pk = (await self._transaction.write(statements.LOCK_SESSION, session)).scalar_one_or_none()
        if session_pk is not None:
            # statements after the lock, so that they see what the writers it waited for have committed
            keys = {"session_pk": session_pk}
            faces = (await self._transaction.write(statements.DELETE_FACES, keys)).rowcount
            photos = (await self._transaction.write(statements.DELETE_PHOTOS, keys)).rowcount
            await self._transaction.write(statements.DELETE_SESSION, keys)
        return Erasure(session_id, embeddings_removed=faces, photos_removed=photos, erased_at=at)


def _face_values(template: Template) -> dict[str, Any]:
    face = template.face
    return {
        "face_no": face.face_no,
        "box_x": face.box.x,
        "box_y": face.box.y,
        "box_width": face.box.width,
        "box_height": face.box.height,
        "landmarks": face.landmarks.as_array().ravel().tolist(),
        "confidence": face.confidence,
        "quality_score": face.quality.score,
        "quality_reasons": [reason.value for reason in face.quality.reasons],
        "model": template.embedding.model,
        "embedding": template.embedding.vector,
    }


def _templates(rows: Sequence[Row[Any]]) -> tuple[Template, ...]:
    return tuple(
        Template(
            face=Face(
                face_no=row.face_no,
                box=BoundingBox(row.box_x, row.box_y, row.box_width, row.box_height),
                landmarks=Landmarks.from_array(np.array(row.landmarks).reshape(5, 2)),
                confidence=row.confidence,
                quality=Quality(row.quality_score, tuple(QualityReason(reason) for reason in row.quality_reasons)),
            ),
            embedding=Embedding(ModelId(row.model), row.embedding),
        )
        for row in rows
        if row.face_no is not None  # a photo without faces is one row of an outer join
    )
