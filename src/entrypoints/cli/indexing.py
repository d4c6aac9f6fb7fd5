"""Indexes the photos of a folder, a few at a time, and says what became of each."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from facepass.domain.errors import (
    ConfigurationError,
    Conflict,
    DependencyUnavailable,
    FacePassError,
    Forbidden,
    NoFaceDetected,
    NotFound,
    Unauthorized,
)
from facepass.entrypoints.cli.folder import PhotoFile, read_photo
from facepass.entrypoints.cli.journal import Journal
from facepass.entrypoints.client.problems import OutOfReach
from facepass.entrypoints.client.service import Service

ENDS_THE_RUN = (ConfigurationError, Conflict, DependencyUnavailable, Forbidden, OutOfReach, Unauthorized)
"""Errors that every other photo would meet too."""


class PhotoFailure(msgspec.Struct, frozen=True):
    """A photo that is not indexed, and why."""

    photo_id: str
    code: str
    detail: str


class IndexReport(msgspec.Struct, frozen=True):
    """What indexing a folder did.

    Attributes:
        photos: found in the folder.
        indexed: recorded now, those without faces included.
        skipped: indexed by an earlier run, unchanged, and still stored.
        faces_refused: how many faces were too poor to be indexed, by what weighed most; every one counts once.
        remaining: not reached, because the run was interrupted.
        failure_reasons: how many photos failed, by error code.
        took_s: seconds, without starting up.
        photos_per_s: indexed photos a second.
    """

    session_id: str
    photos: int
    indexed: int
    skipped: int
    without_faces: int
    faces_detected: int
    faces_indexed: int
    faces_refused: dict[str, int]
    failed: int
    remaining: int
    interrupted: bool
    failure_reasons: dict[str, int]
    failures: tuple[PhotoFailure, ...]
    took_s: float
    photos_per_s: float


class Observer(Protocol):
    """Told how a run goes."""

    def advanced(self, tally: "Tally") -> None:
        """One more photo is finished, one way or another."""


@dataclass(slots=True)
class Tally:
    """Running numbers."""

    photos: int
    indexed: int = 0
    skipped: int = 0
    without_faces: int = 0
    faces_detected: int = 0
    faces_indexed: int = 0
    faces_refused: Counter[str] = field(default_factory=Counter)
    failures: list[PhotoFailure] = field(default_factory=list)

    @property
    def finished(self) -> int:
        """Photos done, skipped or failed."""
        return self.indexed + self.skipped + len(self.failures)


class FolderIndexer:
    """Runs once over a list of photos.

    Args:
        service: where to index.
        session_id: into which session.
        journal: of earlier runs, open.
        concurrency: photos in flight at once.
        max_photo_bytes: larger files fail without being read.
        observer: told of every finished photo.
    """

    def __init__(
        self,
        *,
        service: Service,
        session_id: str,
        journal: Journal,
        concurrency: int,
        max_photo_bytes: int,
        observer: Observer,
    ) -> None:
        self._service = service
        self._session_id = session_id
        self._journal = journal
        self._concurrency = concurrency
        self._max_photo_bytes = max_photo_bytes
        self._observer = observer
        self._all_stored = False

    async def run(self, photos: Sequence[PhotoFile], stop: asyncio.Event) -> IndexReport:
        """Index the photos; once `stop` is set, finish those in flight and begin no other.

        Raises:
            FacePassError: one that every photo would meet, such as a database out of reach. What was indexed stays,
                and the next run goes on from there.
        """
        started = time.monotonic()
        await self._recall()
        tally = Tally(len(photos))
        fatal: list[FacePassError] = []
        waiting = iter(photos)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._concurrency, len(photos))):
                group.create_task(self._work(waiting, tally, fatal, stop))
        if fatal:
            raise fatal[0]
        if tally.indexed:
            self._journal.close_run(await self._service.status(self._session_id))
        return _report(self._session_id, tally, interrupted=stop.is_set(), took_s=time.monotonic() - started)

    async def _work(
        self, waiting: Iterator[PhotoFile], tally: Tally, fatal: list[FacePassError], stop: asyncio.Event
    ) -> None:
        while not (stop.is_set() or fatal) and (photo := next(waiting, None)) is not None:
            try:
                await self._one(photo, tally)
            except ENDS_THE_RUN as error:
                fatal.append(error)
                return
            except FacePassError as error:
                tally.failures.append(PhotoFailure(_printable(photo.photo_id), error.code, _printable(error.detail)))
            self._observer.advanced(tally)

    async def _one(self, photo: PhotoFile, tally: Tally) -> None:
        if await self._is_done(photo):
            tally.skipped += 1
            return
        data = await asyncio.to_thread(read_photo, photo.path, self._max_photo_bytes)
        try:
            answer = await self._service.index(self._session_id, photo.photo_id, data)
        except NoFaceDetected:
            tally.without_faces += 1
        else:
            tally.faces_detected += answer.faces_detected
            tally.faces_indexed += answer.faces_indexed
            tally.faces_refused.update(face.quality.reasons[0].value for face in answer.faces if not face.indexed)
        tally.indexed += 1
        self._journal.record(photo)

    async def _is_done(self, photo: PhotoFile) -> bool:
        return self._journal.is_unchanged(photo) and (
            self._all_stored or await self._service.has_photo(self._session_id, photo.photo_id)
        )

    async def _recall(self) -> None:
        """Find out whether what the journal says still holds."""
        try:
            status = await self._service.status(self._session_id)
        except NotFound:
            self._journal.forget()
        else:
            self._all_stored = self._journal.proves(status)


def _report(session_id: str, tally: Tally, *, interrupted: bool, took_s: float) -> IndexReport:
    remaining = tally.photos - tally.finished
    return IndexReport(
        session_id=session_id,
        photos=tally.photos,
        indexed=tally.indexed,
        skipped=tally.skipped,
        without_faces=tally.without_faces,
        faces_detected=tally.faces_detected,
        faces_indexed=tally.faces_indexed,
        faces_refused=dict(tally.faces_refused.most_common()),
        failed=len(tally.failures),
        remaining=remaining,
        interrupted=interrupted and remaining > 0,
        failure_reasons=dict(Counter(failure.code for failure in tally.failures).most_common()),
        failures=tuple(sorted(tally.failures, key=lambda failure: failure.photo_id)),
        took_s=round(took_s, 3),
        photos_per_s=round(tally.indexed / took_s, 2) if took_s > 0 else 0.0,
    )


def _printable(text: str) -> str:
    """As valid Unicode: a file name need not be, and JSON must."""
    return text.encode("utf-8", "backslashreplace").decode()
