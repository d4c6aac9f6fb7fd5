"""Galleries in memory, with the transactions, ordering and refusals of the real repository.

Writers of one gallery take turns, from their first write to the end of their unit of work, which is what PostgreSQL's
row locks come to. Readers never wait: galleries are never changed in place, so a reader has the committed one, or its
own uncommitted copy.
"""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import Self
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from facepass.application.ports import UnitOfWork, UnitOfWorkFactory
from facepass.domain.embedding import ModelId
from facepass.domain.errors import Conflict, DependencyUnavailable
from facepass.domain.gallery import Erasure, GalleryStatus, Photo, PhotoId, SessionId, Template
from facepass.domain.identification import Candidate, CandidateList, Probe
from facepass.domain.ports import VectorRepository

WAIT_TIMEOUT_S = 5.0


@dataclass(frozen=True, eq=False)
class _Gallery:
    """One gallery at one moment. Never changed: a write makes another one."""

    model: ModelId
    dimension: int | None
    photos: dict[PhotoId, Photo] = field(default_factory=dict)

    @cached_property
    def faces(self) -> tuple[tuple[PhotoId, Template], ...]:
        """Every stored face with its photo."""
        return tuple((photo.photo_id, template) for photo in self.photos.values() for template in photo.templates)

    @cached_property
    def matrix(self) -> npt.NDArray[np.float64]:
        """`(faces, dimension)`, in the order of `faces`."""
        return np.array([template.embedding.vector for _, template in self.faces], dtype=np.float64)

    def cosines(self, probe: Probe) -> npt.NDArray[np.float64]:
        """`(faces,)`, clamped to -1..1.

        Each row is summed by itself in one fixed order, unlike in a matrix product, so that a face's score does not
        depend on where in the gallery it stands.
        """
        scores: npt.NDArray[np.float64] = np.einsum("ij,j->i", self.matrix, probe.vector.astype(np.float64))
        return scores.clip(-1.0, 1.0)


class InMemoryStore:
    """What is committed. Share one among the units of work that should see each other's photos."""

    def __init__(self, *, wait_timeout_s: float = WAIT_TIMEOUT_S) -> None:
        self.galleries: dict[SessionId, _Gallery] = {}
        self._wait_timeout_s = wait_timeout_s
        self._locks: WeakValueDictionary[SessionId, asyncio.Lock] = WeakValueDictionary()

    async def lock(self, session_id: SessionId) -> asyncio.Lock:
        """Wait for the turn to write one gallery; the lock is held on return, and lives as long as somebody uses it.

        Raises:
            DependencyUnavailable: others kept it for longer than the time limit.
        """
        lock = self._locks.get(session_id)
        if lock is None:
            lock = self._locks[session_id] = asyncio.Lock()
        try:
            async with asyncio.timeout(self._wait_timeout_s):
                await lock.acquire()
        except TimeoutError as error:
            raise DependencyUnavailable(
                "database", f"another writer held the session for {self._wait_timeout_s:g} s"
            ) from error
        return lock


class InMemoryRepository(VectorRepository):
    """Lives inside one unit of work, which commits or drops what it has changed."""

    def __init__(self, store: InMemoryStore) -> None:
        self._store = store
        self._changed: dict[SessionId, _Gallery | None] = {}
        self._held: dict[SessionId, asyncio.Lock] = {}

    def commit(self) -> None:
        """Publish the changes, all at one moment."""
        for session_id, gallery in self._changed.items():
            if gallery is None:
                self._store.galleries.pop(session_id, None)
            else:
                self._store.galleries[session_id] = gallery
        self.end()

    def end(self) -> None:
        """Forget uncommitted changes and let other writers in."""
        self._changed.clear()
        for lock in self._held.values():
            lock.release()
        self._held.clear()

    def _seen(self, session_id: SessionId) -> _Gallery | None:
        if session_id in self._changed:
            return self._changed[session_id]
        return self._store.galleries.get(session_id)

    async def _hold(self, session_id: SessionId) -> None:
        if session_id not in self._held:
            self._held[session_id] = await self._store.lock(session_id)

    async def replace_photo(self, photo: Photo, model: ModelId) -> bool:
        """See `VectorRepository.replace_photo`."""
        dimension = photo.dimension_for(model)
        await self._hold(photo.session_id)
        gallery = self._seen(photo.session_id) or _Gallery(model, dimension)
        if gallery.model != model:
            raise Conflict(f"the session is bound to the model {gallery.model}, not {model}")
        if None not in (gallery.dimension, dimension) and gallery.dimension != dimension:
            raise Conflict(f"the session holds templates of {gallery.dimension} components, not {dimension}")
        stored = replace(photo, templates=tuple(sorted(photo.templates, key=lambda template: template.face.face_no)))
        self._changed[photo.session_id] = _Gallery(
            model, gallery.dimension or dimension, {**gallery.photos, photo.photo_id: stored}
        )
        return photo.photo_id in gallery.photos

    async def candidates(
        self, session_id: SessionId, probe: Probe, *, least_cosine: float, limit: int
    ) -> CandidateList:
        """See `VectorRepository.candidates`."""
        gallery = self._seen(session_id)
        if gallery is None or not gallery.faces or (gallery.model, gallery.dimension) != (probe.model, probe.dimension):
            return CandidateList((), 0)
        best: dict[PhotoId, Candidate] = {}
        for (photo_id, template), cosine in zip(gallery.faces, gallery.cosines(probe).tolist(), strict=True):
            known = best.get(photo_id)
            # faces come in the order of their numbers, so that the first of equals is the one to keep
            if cosine >= least_cosine and (known is None or cosine > known.cosine):
                face = template.face
                best[photo_id] = Candidate(photo_id, face.face_no, face.box, face.confidence, cosine)
        ranked = sorted(best.values(), key=lambda candidate: (-candidate.cosine, candidate.photo_id))
        return CandidateList(tuple(ranked[:limit]), len(ranked))

    async def gallery(self, session_id: SessionId) -> GalleryStatus | None:
        """See `VectorRepository.gallery`."""
        gallery = self._seen(session_id)
        if gallery is None:
            return None
        photos = gallery.photos.values()
        return GalleryStatus(
            session_id=session_id,
            model=gallery.model,
            photo_count=len(photos),
            face_count=len(gallery.faces),
            photos_without_faces=sum(photo.faces_detected == 0 for photo in photos),
            last_indexed=max((photo.indexed_at for photo in photos), default=None),
        )

    async def photo(self, session_id: SessionId, photo_id: PhotoId) -> Photo | None:
        """See `VectorRepository.photo`."""
        gallery = self._seen(session_id)
        return None if gallery is None else gallery.photos.get(photo_id)

    async def delete_gallery(self, session_id: SessionId, *, at: datetime) -> Erasure:
        """See `VectorRepository.delete_gallery`."""
        await self._hold(session_id)
        gallery = self._seen(session_id)
        self._changed[session_id] = None
        return Erasure(
            session_id,
            embeddings_removed=len(gallery.faces) if gallery else 0,
            photos_removed=len(gallery.photos) if gallery else 0,
            erased_at=at,
        )


class InMemoryUnitOfWork(UnitOfWork):
    """One transaction over a store."""

    def __init__(self, store: InMemoryStore) -> None:
        self._repository = InMemoryRepository(store)
        self.galleries = self._repository

    async def __aenter__(self) -> Self:
        """See `UnitOfWork.__aenter__`."""
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """See `UnitOfWork.__aexit__`."""
        self._repository.end()

    async def commit(self) -> None:
        """See `UnitOfWork.commit`."""
        self._repository.commit()


class InMemoryUnitOfWorkFactory(UnitOfWorkFactory):
    """Makes units of work over one store."""

    def __init__(self, store: InMemoryStore) -> None:
        self._store = store

    def __call__(self) -> InMemoryUnitOfWork:
        """See `UnitOfWorkFactory.__call__`."""
        return InMemoryUnitOfWork(self._store)
