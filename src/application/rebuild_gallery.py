"""Make what a gallery lacks of the model it changes to, a few photos at a time.

What is missing is asked of the store, so a run that ended anywhere is gone on with by another.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from facepass.application.ports import PendingPhoto, UnitOfWorkFactory
from facepass.application.rebuild_photo import RebuildPhoto, RebuiltPhoto, without_faces
from facepass.domain.embedding import TemplateSpace
from facepass.domain.errors import (
    ConfigurationError,
    Conflict,
    DependencyUnavailable,
    FacePassError,
    GalleryChanged,
    InvalidRequest,
    NotFound,
    PayloadTooLarge,
    UnsupportedImage,
)
from facepass.domain.gallery import Photo, PhotoId, SessionId
from facepass.domain.ports import EmbeddingModel

PAGE: Final = 200
"""Photos asked for at once."""
MOST_PASSES: Final = 10
"""Over the pending photos: another follows only where one was indexed again while it was being rebuilt."""

NO_PICTURE = (Conflict, InvalidRequest, NotFound, PayloadTooLarge, UnsupportedImage)
"""Errors that will be the same next time: there is no picture of the photo, or it is none of it."""


@dataclass(frozen=True, slots=True)
class RebuildFailure:
    """A photo that has no templates of the new model, and why.

    Attributes:
        revision: of the photo that was looked at.
        no_picture: whether trying again is of no use.
    """

    photo_id: PhotoId
    code: str
    detail: str
    revision: int
    no_picture: bool


@dataclass(slots=True)
class RebuildTally:
    """Running numbers.

    Attributes:
        photos: that lacked templates when the run began.
        rebuilt: of those, now up to date.
        faces: templates of them.
        faces_lost: faces of the gallery that were not found in their pictures again.
        left_out: photos up to date without a face, because there is no picture of them: they will not be found.
        failures: by photo id.
    """

    photos: int = 0
    rebuilt: int = 0
    faces: int = 0
    faces_lost: int = 0
    left_out: list[RebuildFailure] = field(default_factory=list)
    failures: dict[PhotoId, RebuildFailure] = field(default_factory=dict)

    @property
    def finished(self) -> int:
        """Photos done or failed."""
        return self.rebuilt + len(self.left_out) + len(self.failures)


class RebuildObserver(Protocol):
    """Told how a run goes."""

    def advanced(self, tally: RebuildTally) -> None:
        """One more photo is finished, one way or another, or their number became known."""


@dataclass(frozen=True, slots=True)
class RebuildRun:
    """One run over one gallery.

    Attributes:
        stop: asked before each photo; once true, those in flight are finished and no other is begun.
    """

    session_id: SessionId
    model: EmbeddingModel
    stop: Callable[[], bool]
    observer: RebuildObserver
    tally: RebuildTally = field(default_factory=RebuildTally)
    fatal: list[FacePassError] = field(default_factory=list)

    @property
    def ends(self) -> bool:
        """Whether no other photo is begun."""
        return bool(self.fatal) or self.stop()

    @property
    def space(self) -> TemplateSpace:
        """Whose templates are made."""
        return self.model.space


class RebuildGallery:
    """Works through the pending photos of a gallery that is being changed."""

    def __init__(self, *, rebuild_photo: RebuildPhoto, unit_of_work: UnitOfWorkFactory, concurrency: int) -> None:
        self._rebuild_photo = rebuild_photo
        self._unit_of_work = unit_of_work
        self._concurrency = concurrency

    async def __call__(self, run: RebuildRun) -> None:
        """Rebuild what is pending; what that did is in `run.tally`.

        Raises:
            GalleryChanged: the change was ended by somebody else.
            DependencyUnavailable: the database.
            ConfigurationError: templates are sealed, and their key is not there.
            In all cases what was stored until then stays.
        """
        run.tally.photos = max(
            run.tally.photos, run.tally.finished + await count_pending(self._unit_of_work, run.session_id)
        )
        run.observer.advanced(run.tally)
        for _ in range(MOST_PASSES):
            if run.ends or not await self._pass(run):
                return

    async def leave_out(self, run: RebuildRun) -> None:
        """Store the photos of which there is no picture without faces, so that they are in nobody's way.

        Raises:
            Conflict: that would be every photo with faces: the photos are somewhere else.
            GalleryChanged, DependencyUnavailable: as above.
        """
        missing = [failure for failure in run.tally.failures.values() if failure.no_picture]
        if not missing:
            return
        gallery = await self._unit_of_work.run(lambda unit: unit.galleries.gallery(run.session_id))
        if gallery is not None and len(missing) >= gallery.photo_count - gallery.photos_without_faces:
            raise Conflict("There is a picture of none of the session's photos. Are they kept in another place?")
        for failure in missing:
            if run.ends:
                return
            served = await self._served(run.session_id, failure.photo_id)
            del run.tally.failures[failure.photo_id]
            if served is not None and await self._store(without_faces(served), run.space, failure.revision):
                run.tally.left_out.append(failure)
                run.observer.advanced(run.tally)

    async def _pass(self, run: RebuildRun) -> bool:
        """Every pending photo once; whether there is reason for another pass."""
        known, run.tally.failures = run.tally.failures, {}
        stored_all = True
        page = await _pending(self._unit_of_work, run.session_id, None)
        while page and not run.ends:
            fresh = []
            for photo in page:
                failure = known.get(photo.photo_id)
                if failure is not None and failure.revision == photo.revision:
                    run.tally.failures[photo.photo_id] = failure
                else:
                    fresh.append(photo)
            stored_all &= await self._page(run, fresh)
            page = await _pending(self._unit_of_work, run.session_id, page[-1].photo_id)
        if run.fatal:
            raise run.fatal[0]
        return not stored_all

    async def _page(self, run: RebuildRun, photos: Sequence[PendingPhoto]) -> bool:
        """Some photos, a few at a time; whether none of them has changed meanwhile."""
        waiting = iter(photos)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._work(run, waiting)) for _ in range(min(self._concurrency, len(photos)))]
        return all(task.result() for task in tasks)

    async def _work(self, run: RebuildRun, waiting: Iterator[PendingPhoto]) -> bool:
        stored_all = True
        while not run.ends and (photo := next(waiting, None)) is not None:
            try:
                stored_all &= await self._one(run, photo)
            except (ConfigurationError, GalleryChanged) as error:
                run.fatal.append(error)
            except FacePassError as error:
                if isinstance(error, DependencyUnavailable) and error.dependency == "database":
                    run.fatal.append(error)
                    continue
                run.tally.failures[photo.photo_id] = RebuildFailure(
                    photo.photo_id, error.code, error.detail, photo.revision, isinstance(error, NO_PICTURE)
                )
            run.observer.advanced(run.tally)
        return stored_all

    async def _one(self, run: RebuildRun, pending: PendingPhoto) -> bool:
        """Rebuild a photo; whether it is still the same one."""
        served = await self._served(run.session_id, pending.photo_id)
        if served is None:
            return False
        rebuilt: RebuiltPhoto = await self._rebuild_photo(served, run.model)
        if not await self._store(rebuilt.photo, run.space, pending.revision):
            return False
        run.tally.rebuilt += 1
        run.tally.faces += len(rebuilt.photo.templates)
        run.tally.faces_lost += rebuilt.faces_lost
        return True

    async def _served(self, session_id: SessionId, photo_id: PhotoId) -> Photo | None:
        return await self._unit_of_work.run(lambda unit: unit.galleries.photo(session_id, photo_id))

    async def _store(self, photo: Photo, space: TemplateSpace, revision: int) -> bool:
        return await self._unit_of_work.run(lambda unit: unit.changes.store(photo, space, revision=revision))


async def count_pending(units: UnitOfWorkFactory, session_id: SessionId) -> int:
    """How many photos lack templates of the model that a gallery changes to."""
    count, page = 0, await _pending(units, session_id, None)
    while page:
        count += len(page)
        page = await _pending(units, session_id, page[-1].photo_id)
    return count


async def _pending(units: UnitOfWorkFactory, session_id: SessionId, after: PhotoId | None) -> Sequence[PendingPhoto]:
    return await units.run(lambda unit: unit.changes.pending(session_id, after=after, limit=PAGE))
