"""Changes of a gallery's model, in memory."""

from collections.abc import Sequence
from dataclasses import replace

from facepass.adapters.memory.store import Edition, Gallery, StoredPhoto
from facepass.adapters.memory.transaction import InMemoryTransaction
from facepass.application.ports import ModelChanges, PendingPhoto
from facepass.domain.embedding import TemplateSpace
from facepass.domain.errors import Conflict, GalleryChanged, NotFound
from facepass.domain.gallery import ModelChange, Photo, PhotoId, SessionId


class InMemoryModelChanges(ModelChanges):
    """Lives inside one transaction."""

    def __init__(self, transaction: InMemoryTransaction) -> None:
        self._transaction = transaction

    async def begin(self, session_id: SessionId, space: TemplateSpace) -> None:
        """See `ModelChanges.begin`."""
        gallery = await self._transaction.lock(session_id)
        state = gallery.state
        if state.space is None:
            raise NotFound("The session holds nothing.")
        if state.change is ModelChange.BUILDING and state.other == space:
            return
        if space in state.spaces:
            raise Conflict("The session has templates of this model already.")
        if state.change is not None:
            raise Conflict("The session is changing to another model.")
        self._write(session_id, gallery, replace(gallery, other=Edition(space), change=ModelChange.BUILDING))

    async def pending(self, session_id: SessionId, *, after: PhotoId | None, limit: int) -> Sequence[PendingPhoto]:
        """See `ModelChanges.pending`."""
        found = _pending(self._transaction.read(session_id))
        return [photo for photo in found if after is None or photo.photo_id > after][:limit]

    async def store(self, photo: Photo, space: TemplateSpace, *, revision: int) -> bool:
        """See `ModelChanges.store`."""
        photo.check_space(space)
        gallery = await self._transaction.lock(photo.session_id)
        served, building = gallery.served, gallery.other
        is_building = gallery.change is ModelChange.BUILDING and gallery.state.other == space
        if served is None or building is None or not is_building:
            raise GalleryChanged("The session does not change to this model any more.")
        known = served.photos.get(photo.photo_id)
        if known is None or known.revision != revision:
            return False
        stored = StoredPhoto.of(photo, space, gallery.revision + 1)
        changed = replace(gallery, other=building.with_photos({photo.photo_id: stored}))
        self._write(photo.session_id, gallery, changed)
        return True

    async def switch(self, session_id: SessionId) -> None:
        """See `ModelChanges.switch`."""
        gallery = await self._transaction.lock(session_id)
        if gallery.change is not ModelChange.BUILDING:
            raise Conflict("No templates of another model are being made for the session.")
        pending = len(_pending(gallery))
        if pending:
            raise Conflict(f"{pending} photos of the session lack templates of the new model.")
        changed = replace(gallery, served=gallery.other, other=gallery.served, change=ModelChange.SWITCHED)
        self._write(session_id, gallery, changed)

    async def roll_back(self, session_id: SessionId) -> None:
        """See `ModelChanges.roll_back`."""
        gallery = await self._transaction.lock(session_id)
        if gallery.change is None:
            raise Conflict("The session is not changing its model.")
        former = gallery.served if gallery.change is ModelChange.BUILDING else gallery.other
        self._write(session_id, gallery, replace(gallery, served=former, other=None, change=None))

    async def finish(self, session_id: SessionId) -> None:
        """See `ModelChanges.finish`."""
        gallery = await self._transaction.lock(session_id)
        if gallery.change is not ModelChange.SWITCHED:
            raise Conflict("The session has not switched to another model.")
        self._write(session_id, gallery, replace(gallery, other=None, change=None))

    def _write(self, session_id: SessionId, before: Gallery, after: Gallery) -> None:
        self._transaction.write(session_id, replace(after, revision=before.revision + 1))


def _pending(gallery: Gallery) -> list[PendingPhoto]:
    """In order of photo id. A photo is up to date when its new templates are no older than the served ones."""
    if gallery.change is not ModelChange.BUILDING or gallery.served is None or gallery.other is None:
        return []
    built = gallery.other.photos
    return [
        PendingPhoto(photo_id, stored.photo.source_key, stored.revision)
        for photo_id, stored in sorted(gallery.served.photos.items())
        if photo_id not in built or built[photo_id].revision < stored.revision
    ]
