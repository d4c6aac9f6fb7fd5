"""Move photos that an earlier system indexed into a gallery, and take them back.

Such a photo has no size: that tells it from those that FacePass has looked at itself, which an import never touches.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeVar

from facepass.application.ports import Clock, UnitOfWork, UnitOfWorkFactory
from facepass.domain.audit import AuditEntry, AuditEvent, digest
from facepass.domain.embedding import ModelId, TemplateSpace
from facepass.domain.errors import Conflict, ErasedMeanwhile, GalleryChanged
from facepass.domain.gallery import Photo, PhotoId, SessionId

T = TypeVar("T")

MOST_LOOKS: Final = 3
"""Attempts on the same photos while others write to their session; after that, fewer photos are tried at once."""
MOST_LOOKS_ALONE: Final = 100
"""Attempts on a single photo."""


class LeftOut(StrEnum):
    """Why a photo is not moved."""

    INDEXED_ANEW = "indexed_anew"
    """FacePass has indexed the photo itself, before or during the import: that is kept."""
    OTHER_MODEL = "other_model"
    """The session is bound to another model, or is changing its model."""
    ERASED = "erased"
    """The session or the photo was erased while the session was being imported."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What moving some photos did.

    Attributes:
        faces: of these photos, counted in the store after they were written.
        left_out: the photos that were not moved.
    """

    faces: int = 0
    left_out: Mapping[PhotoId, LeftOut] = field(default_factory=dict)


class _AlreadyStored(GalleryChanged):
    """Photos were overwritten that nobody had looked at: nothing is kept of it."""

    def __init__(self, photo_ids: frozenset[PhotoId]) -> None:
        super().__init__("The session holds some of the photos already.")
        self.photo_ids = photo_ids


class ImportPhotos:
    """Some photos of one session at a time, each time in one transaction."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def revision(self, session_id: SessionId) -> int:
        """What the import of a session begins with: erasures from now on count.

        Raises:
            DependencyUnavailable: the database.
        """
        async with self._unit_of_work() as transaction:
            return (await transaction.galleries.state(session_id)).revision

    async def store(self, session_id: SessionId, photos: Sequence[Photo], *, since: int) -> Imported:
        """Store photos in the place of what an earlier import stored of them; doing it again changes nothing.

        Args:
            session_id: of all the photos.
            photos: without size, with faces, all of one space; never none.
            since: see `revision`.

        Raises:
            DependencyUnavailable: the database; repeating it is safe.
            GalleryChanged: others write to one of the photos without end.
        """
        try:
            return await self._store(session_id, photos, since)
        except ErasedMeanwhile:
            if len(photos) == 1:
                return Imported(left_out={photos[0].photo_id: LeftOut.ERASED})
        except GalleryChanged:
            if len(photos) == 1:
                raise
        middle = len(photos) // 2
        first = await self.store(session_id, photos[:middle], since=since)
        second = await self.store(session_id, photos[middle:], since=since)
        return Imported(first.faces + second.faces, {**first.left_out, **second.left_out})

    async def withdraw(self, session_id: SessionId, photo_ids: Sequence[PhotoId], model: ModelId) -> int:
        """Remove those of the photos that are as an import left them, and their gallery when that leaves it empty.

        Returns:
            Faces removed. Photos that are not there, or were indexed anew, are no matter.

        Raises:
            DependencyUnavailable, GalleryChanged: as `store`.
        """

        async def attempt(transaction: UnitOfWork) -> int:
            return await self._withdraw(transaction, session_id, photo_ids, model)

        try:
            return await self._settled(attempt, photo_ids)
        except GalleryChanged:
            if len(photo_ids) == 1:
                raise
        middle = len(photo_ids) // 2
        first = await self.withdraw(session_id, photo_ids[:middle], model)
        return first + await self.withdraw(session_id, photo_ids[middle:], model)

    async def _store(self, session_id: SessionId, photos: Sequence[Photo], since: int) -> Imported:
        known: frozenset[PhotoId] = frozenset()

        async def attempt(transaction: UnitOfWork) -> Imported:
            nonlocal known
            try:
                return await self._write(transaction, session_id, photos, known, since)
            except _AlreadyStored as stored:
                known |= stored.photo_ids
                raise
            except (ErasedMeanwhile, GalleryChanged):
                raise
            except Conflict as conflict:  # bound to another model just now: the next look sees it
                raise GalleryChanged(conflict.detail) from conflict

        return await self._settled(attempt, photos)

    async def _settled(self, attempt: Callable[[UnitOfWork], Awaitable[T]], items: Sequence[object]) -> T:
        """The result of an attempt during which nobody else wrote to the session."""
        for _ in range((MOST_LOOKS if len(items) > 1 else MOST_LOOKS_ALONE) - 1):
            try:
                return await self._unit_of_work.run(attempt)
            except GalleryChanged:
                continue
        return await self._unit_of_work.run(attempt)

    async def _write(
        self,
        transaction: UnitOfWork,
        session_id: SessionId,
        photos: Sequence[Photo],
        known: frozenset[PhotoId],
        since: int,
    ) -> Imported:
        """Write all photos but those of FacePass's own; `known` were stored before and are looked at first."""
        galleries = transaction.galleries
        space = photos[0].templates[0].embedding.space
        before = await galleries.state(session_id)
        if before.spaces not in ((), (space,)):
            return Imported(left_out={photo.photo_id: LeftOut.OTHER_MODEL for photo in photos})
        own = {photo_id for photo_id in known if _is_own(await galleries.photo(session_id, photo_id))}
        left_out = dict.fromkeys(own, LeftOut.INDEXED_ANEW)
        moved = [photo for photo in photos if photo.photo_id not in own]
        if not moved:
            return Imported(left_out=left_out)
        # the first write: from here on the session is ours
        replaced = await galleries.replace_photos(session_id, {space: moved}, since=since)
        if not replaced <= known:
            raise _AlreadyStored(replaced - known)
        if known:
            await _check_alone(transaction, session_id, before.revision + 1)
        faces = 0
        for photo in moved:
            faces += _faces_of(await galleries.photo(session_id, photo.photo_id), space)
        entry = AuditEntry(
            AuditEvent.IMPORTED, self._clock.now(), digest(session_id), len(moved), faces, model=space.model
        )
        await transaction.audit.append(entry)
        return Imported(faces, left_out)

    async def _withdraw(
        self, transaction: UnitOfWork, session_id: SessionId, photo_ids: Sequence[PhotoId], model: ModelId
    ) -> int:
        galleries = transaction.galleries
        before = await galleries.state(session_id)
        if before.space is None or before.space.model != model:
            return 0
        found = [await galleries.photo(session_id, photo_id) for photo_id in photo_ids]
        imported = [photo for photo in found if photo is not None and not _is_own(photo)]
        if not imported:
            return 0
        now = self._clock.now()
        faces = 0
        for photo in imported:
            faces += (await galleries.delete_photo(session_id, photo.photo_id, at=now)).embeddings_removed
        await _check_alone(transaction, session_id, before.revision + len(imported))
        left = await galleries.gallery(session_id)
        if left is not None and left.photo_count == 0:  # else it would stay bound to a model for nothing
            await galleries.delete_gallery(session_id, at=now)
        entry = AuditEntry(AuditEvent.IMPORT_ROLLED_BACK, now, digest(session_id), len(imported), faces, model=model)
        await transaction.audit.append(entry)
        return faces


def _is_own(photo: Photo | None) -> bool:
    """Whether FacePass has looked at the photo itself."""
    return photo is not None and photo.size is not None


def _faces_of(photo: Photo | None, space: TemplateSpace) -> int:
    return 0 if photo is None else sum(template.embedding.space == space for template in photo.templates)


async def _check_alone(transaction: UnitOfWork, session_id: SessionId, revision: int) -> None:
    """See that between looking at the photos and the first write nobody else wrote: each write counts one.

    Raises:
        GalleryChanged: somebody did.
    """
    if (await transaction.galleries.state(session_id)).revision != revision:
        raise GalleryChanged("Others write to the session at the same time.")
