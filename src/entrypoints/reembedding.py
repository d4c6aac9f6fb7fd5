"""What an operator does to change the model of sessions, wired; beside `container` it knows the folder of photos.

The new model stands in the place of the configured one here, so only one recogniser is loaded.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from facepass.adapters.filesystem.image_source import FolderImageSource
from facepass.application.change_model import (
    ChangeModel,
    ChangeStatus,
    FinishChange,
    GetChangeStatus,
    RollBackChange,
)
from facepass.application.rebuild_gallery import (
    RebuildFailure,
    RebuildGallery,
    RebuildObserver,
    RebuildTally,
)
from facepass.application.rebuild_photo import RebuildPhoto
from facepass.domain.errors import FacePassError
from facepass.domain.gallery import ModelChange, SessionId
from facepass.domain.ports import ImageSource
from facepass.entrypoints.container import Container, build_container
from facepass.entrypoints.lifespan import running, storage_running
from facepass.entrypoints.settings import Settings

__all__ = ["ModelChange", "Observer", "Reembedding", "SessionReport", "Tally", "reembedding"]

Observer = RebuildObserver
Tally = RebuildTally

SESSIONS_PER_READ = 1000


class PhotoFailure(msgspec.Struct, frozen=True):
    """A photo without templates of the new model, and why."""

    photo_id: str
    code: str
    detail: str


class SessionFailure(msgspec.Struct, frozen=True):
    """Why nothing could be done about a session."""

    code: str
    detail: str


class SessionReport(msgspec.Struct, frozen=True):
    """How a session stands after a command, and what the command did.

    Attributes:
        model: that serves; None where `error` kept even that from being known.
        other: that the session changes to (`building`) or has changed from (`switched`).
        change: `building`, `switched`, or None.
        photos: that the session has, for the model that serves.
        faces: templates of them.
        pending: photos that lack templates of the new model.
        rebuilt: photos for which they were made now.
        faces_rebuilt: how many.
        faces_lost: faces of those photos that were not found in their pictures again.
        left_out: photos without a picture, stored without faces for the new model: they will not be found.
        failures: photos that keep the session from switching.
        interrupted: whether ctrl-C came before the end.
    """

    session_id: str
    model: str | None = None
    other: str | None = None
    change: ModelChange | None = None
    photos: int = 0
    faces: int = 0
    pending: int = 0
    rebuilt: int = 0
    faces_rebuilt: int = 0
    faces_lost: int = 0
    left_out: tuple[PhotoFailure, ...] = ()
    failures: tuple[PhotoFailure, ...] = ()
    interrupted: bool = False
    error: SessionFailure | None = None

    @classmethod
    def failed(cls, session_id: SessionId, error: FacePassError) -> "SessionReport":
        """Of a session that one of several commands could do nothing about."""
        return cls(session_id, error=SessionFailure(error.code, error.detail))


class Reembedding:
    """Changes of sessions' models, on a database that is open.

    Args:
        container: running.
        photos: folder to read pictures from; None for the configured source.
    """

    def __init__(self, container: Container, *, photos: Path | None) -> None:
        self._container = container
        self._photos = photos
        self._units = container.unit_of_work()
        self._status = GetChangeStatus(unit_of_work=self._units)

    async def sessions(self) -> tuple[SessionId, ...]:
        """Every session that holds something.

        Raises:
            DependencyUnavailable: the database.
        """
        found: list[SessionId] = []
        while True:
            after = found[-1] if found else None
            async with self._units() as unit:
                page = await unit.catalogue.sessions(after=after, limit=SESSIONS_PER_READ)
            found += page
            if len(page) < SESSIONS_PER_READ:
                return tuple(found)

    async def status(self, session_id: SessionId) -> SessionReport:
        """How a session stands.

        Raises:
            NotFound, DependencyUnavailable: see `GetChangeStatus`.
        """
        return _report(await self._status(session_id))

    async def change(
        self,
        session_id: SessionId,
        *,
        switch: bool,
        allow_missing: bool,
        stop: Callable[[], bool],
        observer: RebuildObserver,
    ) -> SessionReport:
        """Change a session to the model that was opened: see `ChangeModel`."""
        container = self._container
        rebuild_photo = RebuildPhoto(
            analyser=container.analyser(),
            source=self._source(),
            gate=container.gate(),
            limits=container.source_limits(),
        )
        change_model = ChangeModel(
            models=container.models(),
            rebuild=RebuildGallery(
                rebuild_photo=rebuild_photo, unit_of_work=self._units, concurrency=container.pictures_at_work()
            ),
            status=self._status,
            unit_of_work=self._units,
            clock=container.clock(),
        )
        space = container.models().default.space
        done = await change_model(
            session_id, space, switch=switch, allow_missing=allow_missing, stop=stop, observer=observer
        )
        return _report(done.status, done.tally, interrupted=done.interrupted)

    async def roll_back(self, session_id: SessionId) -> SessionReport:
        """Go back to the former model: see `RollBackChange`."""
        await RollBackChange(unit_of_work=self._units, clock=self._container.clock())(session_id)
        return await self.status(session_id)

    async def finish(self, session_id: SessionId) -> SessionReport:
        """Drop the former model's templates: see `FinishChange`."""
        await FinishChange(unit_of_work=self._units, clock=self._container.clock())(session_id)
        return await self.status(session_id)

    def _source(self) -> ImageSource:
        if self._photos is None:
            source: ImageSource = self._container.image_source()
            return source
        return FolderImageSource(self._photos, max_bytes=self._container.source_limits().max_bytes)


@asynccontextmanager
async def reembedding(
    settings: Settings, *, model: str | None, photos: Path | None, progress: Callable[[str], None]
) -> AsyncIterator[Reembedding]:
    """Changes of sessions' models, for as long as the block lasts.

    Args:
        settings: in force.
        model: to change to; None where no picture is looked at.
        photos: folder to read pictures from; None for the configured source.
        progress: told in a line what takes time.

    Raises:
        ConfigurationError: there is no such model, it is not installed, or may not be used here.
        DependencyUnavailable: the database.
    """
    if model is None:
        container = build_container(settings)
        opened = storage_running(container)
    else:
        chosen = msgspec.structs.replace(settings.recognition, recognizer_type=model, embedding_dimension=None)
        container = build_container(msgspec.structs.replace(settings, recognition=chosen))
        opened = running(container, progress=progress)
    async with opened:
        yield Reembedding(container, photos=photos)


def _report(status: ChangeStatus, tally: RebuildTally | None = None, *, interrupted: bool = False) -> SessionReport:
    tally = tally or RebuildTally()
    return SessionReport(
        session_id=status.session_id,
        model=status.model,
        other=status.other,
        change=status.change,
        photos=status.photos,
        faces=status.faces,
        pending=status.pending,
        rebuilt=tally.rebuilt,
        faces_rebuilt=tally.faces,
        faces_lost=tally.faces_lost,
        left_out=_failures(tally.left_out),
        failures=_failures(tally.failures.values()),
        interrupted=interrupted,
    )


def _failures(failures: Iterable[RebuildFailure]) -> tuple[PhotoFailure, ...]:
    """By photo id."""
    return tuple(
        PhotoFailure(failure.photo_id, failure.code, failure.detail)
        for failure in sorted(failures, key=lambda failure: failure.photo_id)
    )
