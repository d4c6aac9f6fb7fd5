"""Erasing: a gallery, a photo, a person. The session's row is locked first, as by every writer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from facepass.adapters.pgvector.models import ModelTable
from facepass.adapters.pgvector.statements import erasing as statements
from facepass.adapters.pgvector.statements import writing
from facepass.adapters.pgvector.transaction import Transaction
from facepass.domain.embedding import TemplateSpace
from facepass.domain.errors import GalleryChanged
from facepass.domain.gallery import Erasure, ErasureKind, PhotoId, SessionId


class Eraser:
    """Works inside one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def gallery(self, session_id: SessionId, *, at: datetime) -> Erasure:
        """See `VectorRepository.delete_gallery`."""
        session = await self._lock(session_id, at=at)
        # statements after the lock, so that they see what the writers it waited for have committed
        keys = {"session_pk": session.pk}
        faces = (await self._transaction.write(statements.DELETE_FACES, keys)).rowcount
        photos = (await self._transaction.write(statements.DELETE_PHOTOS, keys)).scalars().all()
        await self._transaction.write(statements.DELETE_TOMBSTONES, keys)
        await self._transaction.write(statements.DELETE_KEY, keys)
        await self._transaction.write(statements.EMPTY_SESSION, {**keys, "at": at})
        return Erasure(ErasureKind.SESSION, session_id, faces, len(set(photos)), at)

    async def photo(self, session_id: SessionId, photo_id: PhotoId, *, at: datetime) -> Erasure:
        """See `VectorRepository.delete_photo`."""
        session = await self._lock(session_id, at=at)
        keys = {"session_pk": session.pk}
        pks = (await self._transaction.write(statements.PHOTO_PKS, {**keys, "photo": photo_id})).scalars().all()
        gone = {**keys, "photo_pks": pks}
        of_models = (await self._transaction.write(statements.DELETE_FACES_OF_PHOTO, gone)).scalars().all()
        await self._transaction.write(statements.DELETE_PHOTO, gone)
        buried = {**keys, "photo": photo_id, "revision": session.revision, "at": at}
        await self._transaction.write(statements.BURY_PHOTO, buried)
        await self._transaction.write(statements.PHOTO_ERASED, {**keys, "revision": session.revision})
        await self._count(session, {pk: -of_models.count(pk) for pk in set(of_models)})
        return Erasure(ErasureKind.PHOTO, session_id, len(of_models), min(len(pks), 1), at, photo_id)

    async def lock_spaces(self, session_id: SessionId, spaces: set[TemplateSpace], *, at: datetime) -> Row[Any] | None:
        """The locked row of a session that holds templates of exactly these spaces; None for one that holds nothing.

        Raises:
            GalleryChanged: it holds others.
        """
        session = await self._lock(session_id, at=at)
        if session.model_pk is None:
            return None
        known = await ModelTable(self._transaction).spaces()
        if {known[pk] for pk in (session.model_pk, session.other_model_pk) if pk is not None} != spaces:
            raise GalleryChanged("The session has begun or ended a change of its model; ask again.")
        return session

    async def faces(self, session: Row[Any], found: dict[int, Sequence[tuple[int, int]]]) -> int:
        """Remove faces of a locked session, by number of the model: photo and number of each; how many there were."""
        removed = {}
        for model_pk, faces in found.items():
            keys = {"session_pk": session.pk, "model_pk": model_pk}
            photo_pks = [photo_pk for photo_pk, _ in faces]
            gone = {**keys, "photo_pks": photo_pks, "face_nos": [face_no for _, face_no in faces]}
            removed[model_pk] = -(await self._transaction.write(statements.DELETE_THESE_FACES, gone)).rowcount
            touched = {**keys, "photo_pks": photo_pks, "revision": session.revision}
            await self._transaction.write(statements.COUNT_FACES_OF_PHOTOS, touched)
        await self._count(session, removed)
        return -sum(removed.values())

    async def _lock(self, session_id: SessionId, *, at: datetime) -> Row[Any]:
        return (await self._transaction.write(statements.LOCK_SESSION, {"session": session_id, "at": at})).one()

    async def _count(self, session: Row[Any], grown: dict[int, int]) -> None:
        faces, other = grown.get(session.model_pk, 0), grown.get(session.other_model_pk, 0)
        counts = {"session_pk": session.pk, "faces": faces, "other_faces": other, "at": None}
        await self._transaction.write(writing.COUNT_FACES, counts)
