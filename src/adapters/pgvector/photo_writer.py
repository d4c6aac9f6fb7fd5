"""Writing photos of one gallery.

Locks, and why nothing deadlocks: the first statement of every writer updates the session's row, which it then holds to
the end of its transaction. Writers of one gallery take turns; whoever waits holds nothing that the other could want.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row

from facepass.adapters.pgvector.models import ModelTable
from facepass.adapters.pgvector.rows import face_values
from facepass.adapters.pgvector.sealing.templates import TemplateSealer
from facepass.adapters.pgvector.statements import writing as statements
from facepass.adapters.pgvector.template_codec import TemplateCodec
from facepass.adapters.pgvector.transaction import Transaction
from facepass.domain.embedding import TemplateSpace
from facepass.domain.errors import Conflict, ErasedMeanwhile, GalleryChanged
from facepass.domain.gallery import Photo, PhotoId, SessionId


class Written(NamedTuple):
    """What writing one edition did.

    Attributes:
        replaced: photos that were there before.
        faces: by how many the edition's faces have grown; negative where they have become fewer.
    """

    replaced: frozenset[PhotoId]
    faces: int


class PhotoWriter:
    """Works inside one transaction."""

    def __init__(self, transaction: Transaction, codec: TemplateCodec) -> None:
        self._transaction = transaction
        self._models = ModelTable(transaction)
        self._codec = codec

    async def replace(
        self, session_id: SessionId, editions: Mapping[TemplateSpace, Sequence[Photo]], *, since: int
    ) -> frozenset[PhotoId]:
        """See `VectorRepository.replace_photos`."""
        first = next(iter(editions.values()))
        for space, photos in editions.items():
            for photo in photos:
                photo.check_space(space)
        numbers = {await self._models.number(space): space for space in editions}
        at = max(photo.indexed_at for photo in first)
        session = await self._touch(session_id, next(iter(editions)), at=at)
        await self._check(session, set(numbers), first, since=since)
        sealer = await self.sealer(session.pk, session_id)
        grown = {session.model_pk: 0, session.other_model_pk: 0}
        replaced: frozenset[PhotoId] = frozenset()
        outdated = await self._outdated(session, first)
        for model_pk, space in numbers.items():
            photos = [photo for photo in editions[space] if photo.photo_id not in outdated]
            written = await self.write_edition(session, model_pk, photos, sealer=sealer)
            grown[model_pk] += written.faces
            if model_pk == session.model_pk:
                replaced = written.replaced
        counts = {"faces": grown[session.model_pk], "other_faces": grown[session.other_model_pk]}
        await self._transaction.write(statements.COUNT_FACES, {"session_pk": session.pk, "at": at, **counts})
        return replaced | outdated

    async def sealer(self, session_pk: int, session_id: SessionId) -> TemplateSealer | None:
        """What seals the templates of a session whose row is locked; None where they are stored as they are."""
        locked = (await self._transaction.read(statements.KEY_OF_LOCKED, {"session_pk": session_pk})).one()
        return await self._codec.sealer_for_writing(self._transaction, locked, session_id)

    async def _touch(self, session_id: SessionId, space: TemplateSpace, *, at: Any) -> Row[Any]:
        values = {"session": session_id, "model": space.model, "dimension": space.dimension, "at": at}
        return (await self._transaction.write(statements.TOUCH_SESSION, values)).one()

    async def _check(self, session: Row[Any], numbers: set[int], photos: Sequence[Photo], *, since: int) -> None:
        """See that what was looked at is still what is written to."""
        if session.erased_revision > since:
            raise ErasedMeanwhile("The session was erased while the photo was being indexed; it is not stored.")
        needed = {session.model_pk, session.other_model_pk} - {None}
        if session.model_pk not in numbers:
            # where the gallery has changed since, it may be another one's model now: looking again tells
            kind = Conflict if session.revision == since + 1 else GalleryChanged
            raise kind((await self._models.spaces())[session.model_pk].refusal())
        if needed != numbers:
            raise GalleryChanged("The session has begun or ended a change of its model; index the photo again.")
        if session.photo_erased_revision > since:
            values = {"session_pk": session.pk, "photos": [photo.photo_id for photo in photos], "revision": since}
            erased = (await self._transaction.read(statements.ERASED_PHOTO, values)).scalar_one_or_none()
            if erased is not None:
                raise ErasedMeanwhile(f"The photo {erased!r} was erased while it was being indexed; it is not stored.")

    async def _outdated(self, session: Row[Any], photos: Sequence[Photo]) -> frozenset[PhotoId]:
        values = {
            "session_pk": session.pk,
            "model_pk": session.model_pk,
            "photos": [photo.photo_id for photo in photos],
            "requested": [photo.requested_at for photo in photos],
        }
        found = await self._transaction.read(statements.OUTDATED, values)
        return frozenset(PhotoId(photo_id) for photo_id in found.scalars())

    async def write_edition(
        self, session: Row[Any], model_pk: int, photos: Sequence[Photo], *, sealer: TemplateSealer | None
    ) -> Written:
        """Store photos for one model of a session whose row is locked."""
        rows = await self._upsert(session, model_pk, photos)
        pks = {PhotoId(row.photo_id): row.pk for row in rows}
        replaced = [row for row in rows if row.replaced]
        keys = {"session_pk": session.pk, "model_pk": model_pk}
        removed = 0
        if replaced:
            gone = {**keys, "photo_pks": [row.pk for row in replaced]}
            removed = (await self._transaction.write(statements.DELETE_FACES_OF_PHOTOS, gone)).rowcount
        templates = [(pks[photo.photo_id], template) for photo in photos for template in photo.templates]
        if templates:
            places = [(session.pk, model_pk, photo_pk, template.face.face_no) for photo_pk, template in templates]
            stored = self._codec.encode([template.embedding for _, template in templates], places, sealer)
            values = [
                {**keys, "photo_pk": photo_pk, **face_values(template), **how}
                for (photo_pk, template), how in zip(templates, stored, strict=True)
            ]
            await self._transaction.write(statements.INSERT_FACES, values)
        return Written(frozenset(PhotoId(row.photo_id) for row in replaced), len(templates) - removed)

    async def _upsert(self, session: Row[Any], model_pk: int, photos: Sequence[Photo]) -> Sequence[Row[Any]]:
        values = {
            "session_pk": session.pk,
            "model_pk": model_pk,
            "revision": session.revision,
            "photos": [photo.photo_id for photo in photos],
            "source_keys": [photo.source_key for photo in photos],
            "widths": [None if photo.size is None else photo.size.width for photo in photos],
            "heights": [None if photo.size is None else photo.size.height for photo in photos],
            "detected": [photo.faces_detected for photo in photos],
            "indexed": [len(photo.templates) for photo in photos],
            "instants": [photo.indexed_at for photo in photos],
            "requested": [photo.requested_at for photo in photos],
        }
        return (await self._transaction.write(statements.UPSERT_PHOTOS, values)).all()
