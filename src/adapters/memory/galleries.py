"""Galleries in memory, with the transactions, ordering and refusals of the real repository."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from facepass.adapters.memory.store import Edition, Gallery, StoredPhoto, Tombstone
from facepass.adapters.memory.transaction import InMemoryTransaction
from facepass.domain.embedding import TemplateSpace
from facepass.domain.errors import Conflict, ErasedMeanwhile, GalleryChanged
from facepass.domain.gallery import Erasure, ErasureKind, GalleryState, GalleryStatus, Photo, PhotoId, SessionId
from facepass.domain.identification import Candidate, CandidateList, Probe
from facepass.domain.ports import VectorRepository


class InMemoryRepository(VectorRepository):
    """Lives inside one transaction, whose owner commits or drops what it has changed."""

    def __init__(self, transaction: InMemoryTransaction) -> None:
        self._transaction = transaction

    async def state(self, session_id: SessionId) -> GalleryState:
        """See `VectorRepository.state`."""
        return self._transaction.read(session_id).state

    async def replace_photos(
        self, session_id: SessionId, editions: Mapping[TemplateSpace, Sequence[Photo]], *, since: int
    ) -> frozenset[PhotoId]:
        """See `VectorRepository.replace_photos`."""
        first_space, first = next(iter(editions.items()))
        for space, photos in editions.items():
            for photo in photos:
                photo.check_space(space)
        gallery = await self._transaction.lock(session_id)
        _check(gallery, editions, since=since)
        revision = gallery.revision + 1
        served = gallery.served or Edition(first_space)
        latest = max(photo.indexed_at for photo in first)
        bound = replace(
            gallery,
            revision=revision,
            served=served,
            erased_at=None,
            last_indexed=latest if gallery.last_indexed is None else max(gallery.last_indexed, latest),
        )
        outdated = {photo.photo_id for photo in first if _is_outdated(photo, served)}
        stored = {
            space: {
                photo.photo_id: StoredPhoto.of(photo, space, revision)
                for photo in photos
                if photo.photo_id not in outdated
            }
            for space, photos in editions.items()
        }
        self._transaction.write(session_id, bound.each(lambda edition: edition.with_photos(stored[edition.space])))
        return frozenset(photo.photo_id for photo in first if photo.photo_id in served.photos)

    async def candidates(
        self, session_id: SessionId, probe: Probe, *, least_cosine: float, limit: int
    ) -> CandidateList:
        """See `VectorRepository.candidates`."""
        served = self._transaction.read(session_id).served
        if served is None or not served.face_count:
            return CandidateList((), 0)
        if served.space != probe.space:
            raise GalleryChanged(f"The session is searched with the model {served.space.model}.")
        found = []
        for photo_id, stored in served.photos.items():
            scores = stored.scores(probe)
            if scores.size and scores.max() >= least_cosine:
                best = int(scores.argmax())  # the first of equals: faces are in the order of their numbers
                face = stored.photo.templates[best].face
                box = getattr(face, "box", None)
                found.append(Candidate(photo_id, face.face_no, box, face.confidence, float(scores[best])))
        ranked = sorted(found, key=lambda candidate: (-candidate.cosine, candidate.photo_id))
        return CandidateList(tuple(ranked[:limit]), len(ranked))

    async def gallery(self, session_id: SessionId) -> GalleryStatus | None:
        """See `VectorRepository.gallery`."""
        gallery = self._transaction.read(session_id)
        if gallery.served is None:
            return None
        photos = gallery.served.photos.values()
        return GalleryStatus(
            session_id=session_id,
            model=gallery.served.space.model,
            photo_count=len(photos),
            face_count=gallery.served.face_count,
            photos_without_faces=sum(stored.photo.faces_detected == 0 for stored in photos),
            last_indexed=gallery.last_indexed,
        )

    async def photo(self, session_id: SessionId, photo_id: PhotoId) -> Photo | None:
        """See `VectorRepository.photo`."""
        served = self._transaction.read(session_id).served
        stored = None if served is None else served.photos.get(photo_id)
        return None if stored is None else stored.photo

    async def delete_gallery(self, session_id: SessionId, *, at: datetime) -> Erasure:
        """See `VectorRepository.delete_gallery`."""
        gallery = await self._transaction.lock(session_id)
        revision = gallery.revision + 1
        self._transaction.write(session_id, Gallery(revision=revision, erased_revision=revision, erased_at=at))
        templates = sum(edition.face_count for edition in gallery.editions)
        photos = 0 if gallery.served is None else len(gallery.served.photos)
        return Erasure(ErasureKind.SESSION, session_id, templates, photos, at)

    async def delete_photo(self, session_id: SessionId, photo_id: PhotoId, *, at: datetime) -> Erasure:
        """See `VectorRepository.delete_photo`."""
        gallery = await self._transaction.lock(session_id)
        gone = [edition.photos[photo_id] for edition in gallery.editions if photo_id in edition.photos]
        left = _erased_from(gallery, at=at).each(lambda edition: edition.without_photo(photo_id))
        tombstones = {**gallery.tombstones, photo_id: Tombstone(left.revision, at)}
        self._transaction.write(session_id, replace(left, tombstones=tombstones))
        templates = sum(len(stored.photo.templates) for stored in gone)
        return Erasure(ErasureKind.PHOTO, session_id, templates, min(len(gone), 1), at, photo_id)

    async def forget_faces(
        self, session_id: SessionId, probes: Sequence[tuple[Probe, float]], *, at: datetime
    ) -> Erasure:
        """See `VectorRepository.forget_faces`."""
        gallery = await self._transaction.lock(session_id)
        wanted = {probe.space: (probe, least_cosine) for probe, least_cosine in probes}
        if gallery.served is not None and wanted.keys() != set(gallery.state.spaces):
            raise GalleryChanged("The session has begun or ended a change of its model; ask again.")
        left = _erased_from(gallery, at=at)
        left = left.each(lambda edition: _without(edition, *wanted[edition.space], revision=left.revision))
        self._transaction.write(session_id, left)
        before, after = (sum(edition.face_count for edition in one.editions) for one in (gallery, left))
        return Erasure(ErasureKind.PERSON, session_id, before - after, 0, at)


def _check(gallery: Gallery, editions: Mapping[TemplateSpace, Sequence[Photo]], *, since: int) -> None:
    """See that what was looked at is still what is written to."""
    if gallery.erased_revision > since:
        raise ErasedMeanwhile("The session was erased while the photo was being indexed; it is not stored.")
    first_space, first = next(iter(editions.items()))
    served = gallery.state.space or first_space
    if served not in editions:
        # where the gallery has changed since, it may be another one's model now: looking again tells
        raise (Conflict if gallery.state.revision == since else GalleryChanged)(served.refusal())
    if set(editions) != {served, *gallery.state.spaces}:
        raise GalleryChanged("The session has begun or ended a change of its model; index the photo again.")
    for photo in sorted(first, key=lambda photo: photo.photo_id):
        tombstone = gallery.tombstones.get(photo.photo_id)
        if tombstone is not None and tombstone.revision > since:
            raise ErasedMeanwhile(
                f"The photo {str(photo.photo_id)!r} was erased while it was being indexed; it is not stored."
            )


def _erased_from(gallery: Gallery, *, at: datetime) -> Gallery:
    """The gallery one write later; one that holds nothing is remembered from now on."""
    erased_at = None if gallery.served is not None else max(gallery.erased_at or at, at)
    return replace(gallery, revision=gallery.revision + 1, erased_at=erased_at)


def _without(edition: Edition, probe: Probe, least_cosine: float, *, revision: int) -> Edition:
    """Without the faces that reach the least cosine."""
    left = {}
    for photo_id, stored in edition.photos.items():
        kept = stored.scores(probe) < least_cosine
        if not np.all(kept):
            left[photo_id] = stored.keeping(kept, revision)
    return edition.with_photos(left)


def _is_outdated(photo: Photo, served: Edition) -> bool:
    """Whether the gallery has it as somebody asked for it later."""
    known = served.photos.get(photo.photo_id)
    if photo.requested_at is None or known is None or known.photo.requested_at is None:
        return False
    return known.photo.requested_at > photo.requested_at
