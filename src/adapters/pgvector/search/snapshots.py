"""Sessions in memory, brought up to date by what has changed since they were last read."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from facepass.adapters.pgvector.in_memory.cache import SessionCache
from facepass.adapters.pgvector.in_memory.matrix import FaceColumns, SessionMatrix
from facepass.adapters.pgvector.sealing.templates import HALF, TemplateSealer
from facepass.adapters.pgvector.search.served import CHANGED
from facepass.adapters.pgvector.statements import reading as headers
from facepass.adapters.pgvector.statements import searching as statements
from facepass.adapters.pgvector.template_codec import TemplateCodec
from facepass.adapters.pgvector.transaction import Transaction, reading
from facepass.domain.errors import GalleryChanged
from facepass.domain.gallery import PhotoId, SessionId

Edition: TypeAlias = tuple[int, int]
"""Number of a model, and its dimension."""

PHOTOS_PER_READ = 1000
"""A read of so many photos, and taking it apart, holds the event loop for a few milliseconds."""
VECTOR_HEADER_BYTES = 4


class Snapshots:
    """Reads sessions into memory, and keeps those that were asked for last.

    Args:
        engine: from whose pool loads take connections of their own.
        codec: opens sealed templates.
        cache: keeps what was loaded.
    """

    def __init__(self, engine: AsyncEngine, *, codec: TemplateCodec, cache: SessionCache) -> None:
        self._engine = engine
        self._codec = codec
        self._cache = cache

    async def current(self, transaction: Transaction, session_id: SessionId, session: Row[Any]) -> SessionMatrix:
        """The session as it is now, as its reader sees it.

        Args:
            transaction: the reader's. What it has written and not committed is not for others: it is loaded for this
                reader alone.
            session_id: of the session.
            session: its header, read by that transaction just now.

        Raises:
            GalleryChanged: it is erased, or serves another model since the header was read.
            DependencyUnavailable, ConfigurationError, SealBroken: it cannot be read.
        """
        key = (session.pk, session.model_pk)
        if transaction.is_writing:
            return await self.edition(transaction, session_id, session, (session.model_pk, session.dimension))

        async def load(held: SessionMatrix | None, revision: int | None) -> tuple[SessionMatrix, int]:
            async with reading(self._engine, snapshot=True) as own:
                result = await own.read(headers.HEADER, {"session": session_id})
                now = result.one_or_none()
                if now is None or (now.pk, now.model_pk) != key:
                    raise GalleryChanged(CHANGED)
                edition = (session.model_pk, session.dimension)
                return await self._load(
                    own, session_id, now, edition, None if held is None else (held, revision or 0)
                ), now.revision

        await transaction.release()
        return await self._cache.get(key, session.revision, load)

    async def edition(
        self, transaction: Transaction, session_id: SessionId, session: Row[Any], edition: Edition
    ) -> SessionMatrix:
        """All of a session's templates of one model as a transaction sees them, for that one alone."""
        return await self._load(transaction, session_id, session, edition, None)

    async def _load(
        self,
        transaction: Transaction,
        session_id: SessionId,
        session: Row[Any],
        edition: Edition,
        held: tuple[SessionMatrix, int] | None,
    ) -> SessionMatrix:
        """The session at its header's revision, from what was held at an older one."""
        model_pk, dimension = edition
        keys = {"session_pk": session.pk, "model_pk": model_pk}
        matrix, revision = held or (None, 0)
        gone: set[str] = set()
        if matrix is not None:
            rows = (await transaction.read(statements.TOMBSTONES_SINCE, {**keys, "revision": revision})).all()
            gone = {row.photo_id for row in rows}
            last = max((row.revision for row in rows), default=revision)
            if session.erased_revision > revision or session.photo_erased_revision > last:
                matrix, revision = None, 0  # what was erased in between is no longer known: all of it again
        sealer = self._codec.sealer(session, session_id)
        changed: set[str] = set()  # by id: a photo of a model that was dropped and built again has another number
        parts = []
        async for photos in _photos_since(transaction, keys, revision):
            changed.update(photos.values())
            values = {**keys, "photo_pks": list(photos)}
            faces = (await transaction.read(statements.FACES_OF_PHOTOS, values)).all()
            if faces:
                vectors = await _vectors((session.pk, *edition), faces, sealer)
                parts.append(_columns(faces, vectors, photos))
        added = _joined(parts, dimension)
        if matrix is None:
            return await asyncio.to_thread(SessionMatrix.of, added)
        known = zip(matrix.photo_pks.tolist(), matrix.photo_ids, strict=True)
        removed = {pk for pk, name in known if name in gone or name in changed}
        return await asyncio.to_thread(matrix.updated, removed, added)


async def _photos_since(
    transaction: Transaction, keys: dict[str, int], revision: int
) -> AsyncIterator[dict[int, PhotoId]]:
    """Photos written after a revision, by pk, some at a time."""
    after = 0
    while True:
        values = {**keys, "revision": revision, "photo_pk": after, "limit": PHOTOS_PER_READ}
        rows = (await transaction.read(statements.PHOTOS_SINCE, values)).all()
        if rows:
            yield {row.pk: PhotoId(row.photo_id) for row in rows}
        if len(rows) < PHOTOS_PER_READ:
            return
        after = rows[-1].pk


async def _vectors(
    place: tuple[int, int, int], faces: Sequence[Row[Any]], sealer: TemplateSealer | None
) -> npt.NDArray[np.float16]:
    """`(faces, dimension)` float16 of faces of one session, model and dimension."""
    session_pk, model_pk, dimension = place
    if sealer is not None:
        places = [(session_pk, model_pk, row.photo_pk, row.face_no) for row in faces]
        return await asyncio.to_thread(sealer.open, [row.sealed for row in faces], places, dimension)
    raw = b"".join(row.embedding[VECTOR_HEADER_BYTES:] for row in faces)
    return np.frombuffer(raw, dtype=">f2").reshape(len(faces), dimension).astype(HALF)


def _columns(faces: Sequence[Row[Any]], vectors: npt.NDArray[np.float16], photos: dict[int, PhotoId]) -> FaceColumns:
    boxes = [(row.box_x, row.box_y, row.box_width, row.box_height) for row in faces]
    pks = [row.photo_pk for row in faces]
    return FaceColumns(
        photo_ids={pk: photos[pk] for pk in set(pks)},
        photo_pks=np.array(pks, dtype=np.int64),
        face_nos=np.array([row.face_no for row in faces], dtype=np.int32),
        boxes=np.array(boxes, dtype=np.float64).reshape(len(faces), 4),  # None becomes NaN
        confidences=np.array([row.confidence for row in faces], dtype=np.float64),
        vectors=vectors,
    )


def _joined(parts: Sequence[FaceColumns], dimension: int) -> FaceColumns:
    if not parts:
        return _columns([], np.empty((0, dimension), HALF), {})
    return FaceColumns(
        photo_ids={pk: name for part in parts for pk, name in part.photo_ids.items()},
        photo_pks=np.concatenate([part.photo_pks for part in parts]),
        face_nos=np.concatenate([part.face_nos for part in parts]),
        boxes=np.concatenate([part.boxes for part in parts]),
        confidences=np.concatenate([part.confidences for part in parts]),
        vectors=np.concatenate([part.vectors for part in parts]),
    )
