"""Change a gallery's model while it is being searched: build the new templates, switch, then finish or go back."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from facepass.application.ports import Clock, EmbeddingModels, UnitOfWork, UnitOfWorkFactory
from facepass.application.rebuild_gallery import (
    RebuildGallery,
    RebuildObserver,
    RebuildRun,
    RebuildTally,
    count_pending,
)
from facepass.application.visitor_words import UNKNOWN_SESSION
from facepass.domain.audit import AuditEntry, AuditEvent, digest
from facepass.domain.embedding import ModelId, TemplateSpace
from facepass.domain.errors import Conflict, NotFound
from facepass.domain.gallery import GalleryState, ModelChange, SessionId

MOST_ROUNDS: Final = 5
"""Of building and switching: another follows only where photos became pending between the two."""


@dataclass(frozen=True, slots=True)
class ChangeStatus:
    """How far a gallery is with its change.

    Attributes:
        model: that serves.
        other: that it changes to (`building`), or has changed from (`switched`); None where no change is under way.
        pending: photos that lack templates of the new model.
    """

    session_id: SessionId
    model: ModelId
    other: ModelId | None
    change: ModelChange | None
    photos: int
    faces: int
    pending: int


@dataclass(frozen=True, slots=True)
class ModelChangeReport:
    """What a run did.

    Attributes:
        status: afterwards.
        interrupted: whether it was told to stop.
    """

    status: ChangeStatus
    tally: RebuildTally
    interrupted: bool


class GetChangeStatus:
    """Reads how far a change is."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def __call__(self, session_id: SessionId) -> ChangeStatus:
        """How far it is.

        Raises:
            NotFound: the session holds nothing.
            DependencyUnavailable: the database.
        """

        async def work(unit: UnitOfWork) -> tuple[GalleryState, int]:
            gallery = await unit.galleries.gallery(session_id)
            return await unit.galleries.state(session_id), 0 if gallery is None else gallery.photo_count

        state, photos = await self._unit_of_work.run(work)
        if state.space is None:
            raise NotFound(UNKNOWN_SESSION.format(session=session_id))
        return ChangeStatus(
            session_id=session_id,
            model=state.space.model,
            other=None if state.other is None else state.other.model,
            change=state.change,
            photos=photos,
            faces=state.face_count,
            pending=await count_pending(self._unit_of_work, session_id),
        )


class ChangeModel:
    """Builds the new model's templates and switches. Doing it again goes on where the last run ended."""

    def __init__(
        self,
        *,
        models: EmbeddingModels,
        rebuild: RebuildGallery,
        status: GetChangeStatus,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
    ) -> None:
        self._models = models
        self._rebuild = rebuild
        self._status = status
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def __call__(
        self,
        session_id: SessionId,
        space: TemplateSpace,
        *,
        switch: bool,
        allow_missing: bool,
        stop: Callable[[], bool],
        observer: RebuildObserver,
    ) -> ModelChangeReport:
        """Change the gallery to `space`; one that is served by it already is left as it is.

        The switch is made once no photo is pending. A photo that cannot be rebuilt keeps it from being made, unless
        there is no picture of it and `allow_missing` is set: it is then without faces for the new model.

        Args:
            session_id: of the gallery.
            space: of the new model.
            switch: whether to switch, or only to build.
            allow_missing: see above.
            stop: see `RebuildRun`.
            observer: told of every finished photo.

        Raises:
            NotFound: the session holds nothing.
            Conflict: it is changing to another model, or somebody ended the change; or this service does not have the
                model; or there is not one picture.
            DependencyUnavailable: the database; what was built stays.
        """
        if not await self._begin(session_id, space):
            return ModelChangeReport(await self._status(session_id), RebuildTally(), interrupted=False)
        run = RebuildRun(session_id, await self._models.get(space), stop, observer)
        for _ in range(MOST_ROUNDS):
            await self._rebuild(run)
            if allow_missing and not run.ends:
                await self._rebuild.leave_out(run)
            if not switch or run.tally.failures or run.ends or await self._switch(session_id, space):
                break
        status = await self._status(session_id)
        return ModelChangeReport(status, run.tally, interrupted=run.ends and status.pending > 0)

    async def _begin(self, session_id: SessionId, space: TemplateSpace) -> bool:
        """Whether there is anything to do."""

        async def work(unit: UnitOfWork) -> bool:
            state = await unit.galleries.state(session_id)
            if state.space is None:
                raise NotFound(UNKNOWN_SESSION.format(session=session_id))
            if state.space == space and state.change is not ModelChange.BUILDING:
                return False
            await unit.changes.begin(session_id, space)
            if state.change is None:
                await unit.audit.append(_entry(AuditEvent.MODEL_CHANGE_BEGUN, self._clock, session_id, space))
            return True

        await self._models.get(space)  # a model that cannot be had leaves the gallery as it is
        return await self._unit_of_work.run(work)

    async def _switch(self, session_id: SessionId, space: TemplateSpace) -> bool:
        """Switch; whether it is done, for photos may have become pending just now."""

        async def work(unit: UnitOfWork) -> None:
            state = await unit.galleries.state(session_id)
            if state.change is ModelChange.SWITCHED and state.space == space:  # an attempt whose answer was lost
                return
            await unit.changes.switch(session_id)
            now = await unit.galleries.state(session_id)
            event = AuditEvent.MODEL_CHANGE_SWITCHED
            await unit.audit.append(_entry(event, self._clock, session_id, space, templates=now.face_count))

        try:
            await self._unit_of_work.run(work)
        except Conflict:
            if await count_pending(self._unit_of_work, session_id):
                return False
            raise
        return True


class RollBackChange:
    """Ends a change by going back: the former model serves, as if there had been no other."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def __call__(self, session_id: SessionId) -> None:
        """Go back; the new model's templates are gone then.

        Raises:
            Conflict: no change is under way.
            DependencyUnavailable: the database; everything is as it was.
        """
        event = AuditEvent.MODEL_CHANGE_ROLLED_BACK
        await _end(self._unit_of_work, self._clock, session_id, event, lambda unit: unit.changes.roll_back(session_id))


class FinishChange:
    """Ends a change for good: there is no way back."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def __call__(self, session_id: SessionId) -> None:
        """Drop the former model's templates.

        Raises:
            Conflict: the gallery has not switched.
            DependencyUnavailable: the database; everything is as it was.
        """
        event = AuditEvent.MODEL_CHANGE_FINISHED
        await _end(self._unit_of_work, self._clock, session_id, event, lambda unit: unit.changes.finish(session_id))


async def _end(
    units: UnitOfWorkFactory,
    clock: Clock,
    session_id: SessionId,
    event: AuditEvent,
    step: Callable[[UnitOfWork], Awaitable[None]],
) -> None:
    """End a change and record it: both hold, or neither."""
    attempted = False

    async def work(unit: UnitOfWork) -> None:
        nonlocal attempted
        state = await unit.galleries.state(session_id)
        if attempted and state.change is None:  # it did hold, and only its answer was lost
            return
        attempted = True
        await step(unit)
        now = await unit.galleries.state(session_id)
        await unit.audit.append(_entry(event, clock, session_id, now.space, templates=now.face_count))

    await units.run(work)


def _entry(
    event: AuditEvent, clock: Clock, session_id: SessionId, space: TemplateSpace | None, *, templates: int = 0
) -> AuditEntry:
    """An entry with the model that is built (at the beginning) or serves (later), and how many templates serve."""
    model = None if space is None else space.model
    return AuditEntry(event, clock.now(), digest(session_id), templates=templates, model=model)
