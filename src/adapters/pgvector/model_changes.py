"""Changes of a gallery's model. Both models' templates lie side by side; one column says which are served."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from facepass.adapters.pgvector.models import ModelTable
from facepass.adapters.pgvector.photo_writer import PhotoWriter
from facepass.adapters.pgvector.statements import changing as statements
from facepass.adapters.pgvector.statements import writing
from facepass.adapters.pgvector.template_codec import TemplateCodec
from facepass.adapters.pgvector.transaction import Transaction
from facepass.application.ports import ModelChanges, PendingPhoto
from facepass.domain.embedding import TemplateSpace
from facepass.domain.errors import Conflict, GalleryChanged, NotFound
from facepass.domain.gallery import ModelChange, Photo, PhotoId, SessionId


class PgvectorModelChanges(ModelChanges):
    """Lives inside one transaction, whose owner opens, commits and closes it."""

    def __init__(self, transaction: Transaction, codec: TemplateCodec) -> None:
        self._transaction = transaction
        self._models = ModelTable(transaction)
        self._writer = PhotoWriter(transaction, codec)

    async def begin(self, session_id: SessionId, space: TemplateSpace) -> None:
        """See `ModelChanges.begin`."""
        # A model's number comes before the session's lock, as with every writer: its table's lock is the wider one.
        number = await self._models.number(space)
        session = await self._lock(session_id)
        if session is None or session.model_pk is None:
            raise NotFound("The session holds nothing.")
        if session.change == ModelChange.BUILDING and session.other_model_pk == number:
            return
        if number in {session.model_pk, session.other_model_pk}:
            raise Conflict("The session has templates of this model already.")
        if session.change is not None:
            raise Conflict("The session is changing to another model.")
        values = {"session_pk": session.pk, "other_model_pk": number}
        await self._transaction.write(statements.BEGIN, values)

    async def pending(self, session_id: SessionId, *, after: PhotoId | None, limit: int) -> Sequence[PendingPhoto]:
        """See `ModelChanges.pending`."""
        values = {"session": session_id, "after": after or "", "limit": limit}
        rows = (await self._transaction.read(statements.PENDING, values)).all()
        return [PendingPhoto(PhotoId(row.photo_id), row.source_key, row.revision) for row in rows]

    async def store(self, photo: Photo, space: TemplateSpace, *, revision: int) -> bool:
        """See `ModelChanges.store`."""
        photo.check_space(space)
        session = await self._lock(photo.session_id)
        building = None if session is None or session.change != ModelChange.BUILDING else session.other_model_pk
        if session is None or building is None or (await self._models.spaces())[building] != space:
            raise GalleryChanged("The session does not change to this model any more.")
        # a statement after the lock, so that it sees what the writers it waited for have committed
        values = {"session_pk": session.pk, "model_pk": session.model_pk, "photo": photo.photo_id}
        served = (await self._transaction.write(statements.SERVED_REVISION, values)).scalar_one_or_none()
        if served != revision:
            return False
        sealer = await self._writer.sealer(session.pk, photo.session_id)
        written = await self._writer.write_edition(session, building, [photo], sealer=sealer)
        counts = {"session_pk": session.pk, "faces": 0, "other_faces": written.faces, "at": None}
        await self._transaction.write(writing.COUNT_FACES, counts)
        return True

    async def switch(self, session_id: SessionId) -> None:
        """See `ModelChanges.switch`."""
        session = await self._lock(session_id)
        if session is None or session.change != ModelChange.BUILDING:
            raise Conflict("No templates of another model are being made for the session.")
        pending = (await self._transaction.write(statements.COUNT_PENDING, {"session": session_id})).scalar_one()
        if pending:
            raise Conflict(f"{pending} photos of the session lack templates of the new model.")
        await self._transaction.write(statements.SWITCH, {"session_pk": session.pk})

    async def roll_back(self, session_id: SessionId) -> None:
        """See `ModelChanges.roll_back`."""
        session = await self._lock(session_id)
        if session is None or session.change is None:
            raise Conflict("The session is not changing its model.")
        new_model_pk = session.other_model_pk
        if session.change == ModelChange.SWITCHED:
            new_model_pk = session.model_pk
            await self._transaction.write(statements.SWITCH_BACK, {"session_pk": session.pk})
        await self._drop(session.pk, new_model_pk)

    async def finish(self, session_id: SessionId) -> None:
        """See `ModelChanges.finish`."""
        session = await self._lock(session_id)
        if session is None or session.change != ModelChange.SWITCHED:
            raise Conflict("The session has not switched to another model.")
        await self._drop(session.pk, session.other_model_pk)

    async def _lock(self, session_id: SessionId) -> Row[Any] | None:
        return (await self._transaction.write(statements.LOCK_SESSION, {"session": session_id})).one_or_none()

    async def _drop(self, session_pk: int, model_pk: int) -> None:
        """End the change of a locked session; the templates of this model, which do not serve, go."""
        edition = {"session_pk": session_pk, "model_pk": model_pk}
        await self._transaction.write(statements.DELETE_FACES, edition)
        await self._transaction.write(statements.DELETE_PHOTOS, edition)
        await self._transaction.write(statements.END, {"session_pk": session_pk})
