"""Imports from a database of the first generation, wired: which database the photos go into, and who makes it ready.

Like `upkeep` it knows adapters, so that the command line need not.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import stamina

from facepass.adapters.first_generation import mover, undo
from facepass.adapters.first_generation.connection import SourceSettings
from facepass.adapters.first_generation.mover import ImportOptions, Progress
from facepass.adapters.first_generation.report import ImportReport
from facepass.adapters.first_generation.target import ImportTarget
from facepass.adapters.first_generation.undo import Rollback
from facepass.adapters.first_generation.validation import Reason
from facepass.application.import_photos import Imported, ImportPhotos
from facepass.application.ports import T
from facepass.domain.embedding import ModelId, TemplateSpace
from facepass.domain.errors import DependencyUnavailable
from facepass.domain.gallery import Photo, PhotoId, SessionId
from facepass.entrypoints.client.local import gallery_store
from facepass.entrypoints.container import Container, build_container
from facepass.entrypoints.lifespan import storage_running
from facepass.entrypoints.models import registry_of
from facepass.entrypoints.settings import Settings

__all__ = ["ImportReport", "ImportRequest", "Progress", "Reason", "Rollback", "import_v1", "rollback_v1"]

OUTAGE_BUDGET_S = 60.0
"""How long an import waits for its target to come back, before it ends and must be called again."""


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What an operator asks for.

    Attributes:
        dsn: of the old database; shown by no repr.
        model: name of the recogniser that made its vectors.
        rejects_path: where the rows that are not moved are listed.
        session_from_event: take `event_id` for the session of rows without one.
        dry_run: only judge the rows.
    """

    dsn: str = field(repr=False)
    model: str
    rejects_path: Path
    session_from_event: bool = False
    dry_run: bool = False


class GalleryTarget(ImportTarget):
    """The galleries of a container whose storage runs; waits while they are out of reach."""

    def __init__(self, container: Container) -> None:
        self._identity = gallery_store(container.settings())
        self._photos = ImportPhotos(unit_of_work=container.unit_of_work(), clock=container.clock())

    @property
    def identity(self) -> str:
        """See `ImportTarget.identity`."""
        return self._identity

    async def revision(self, session_id: SessionId) -> int:
        """See `ImportTarget.revision`."""
        return await _waiting(lambda: self._photos.revision(session_id))

    async def store(self, session_id: SessionId, photos: Sequence[Photo], *, since: int) -> Imported:
        """See `ImportTarget.store`."""
        return await _waiting(lambda: self._photos.store(session_id, photos, since=since))

    async def withdraw(self, session_id: SessionId, photo_ids: Sequence[PhotoId], model: ModelId) -> int:
        """See `ImportTarget.withdraw`."""
        return await _waiting(lambda: self._photos.withdraw(session_id, photo_ids, model))


async def import_v1(settings: Settings, request: ImportRequest, progress: Progress) -> ImportReport:
    """Import an old database into the configured one, go on with an import that was cut off, or rehearse it.

    Raises:
        ConfigurationError: there is no such recogniser, or the old database or the list of rejects does not fit.
        Conflict, DependencyUnavailable, ImportDisproved: see `mover.move`.
    """
    manifest = registry_of(settings).recogniser(request.model)
    space = TemplateSpace(ModelId(manifest.name), manifest.dimension)
    source = SourceSettings(request.dsn)
    options = ImportOptions(space, request.rejects_path, request.session_from_event)
    if request.dry_run:
        return await mover.rehearse(source, options, progress)
    container = build_container(settings)
    async with storage_running(container):
        return await mover.move(source, GalleryTarget(container), options, progress)


async def rollback_v1(settings: Settings, dsn: str, progress: Progress) -> Rollback:
    """Take back what was imported from an old database into the configured one.

    Raises:
        NotFound, Conflict, ConfigurationError, DependencyUnavailable: see `undo.roll_back`.
    """
    container = build_container(settings)
    async with storage_running(container):
        return await undo.roll_back(SourceSettings(dsn), GalleryTarget(container), progress)


async def _waiting(call: Callable[[], Awaitable[T]]) -> T:
    async for attempt in stamina.retry_context(
        on=DependencyUnavailable,
        attempts=None,
        timeout=OUTAGE_BUDGET_S,
        wait_initial=0.2,
        wait_jitter=0.2,
        wait_max=5.0,
    ):
        with attempt:
            return await call()
    raise AssertionError("an attempt returns or raises")
