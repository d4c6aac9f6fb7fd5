"""Moves the faces of an old database, or rehearses it. An import may be killed at any time and goes on where it was.

After each batch three things happen in this order: the target stores the photos and says how many faces it holds of
them, the rejects are on disk, and the position is recorded together with the counts. Whatever was done before a death
and is not on record is done again, with the same outcome.
"""

import copy
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from facepass.adapters.first_generation.connection import Connection, SourceSettings, connected, snapshot
from facepass.adapters.first_generation.errors import ImportDisproved
from facepass.adapters.first_generation.layout import TABLE, Layout, read_layout
from facepass.adapters.first_generation.record import BegunSession, ImportRecord, ImportRecords, Stage
from facepass.adapters.first_generation.rejects import RejectsFile
from facepass.adapters.first_generation.report import ImportReport, Tally
from facepass.adapters.first_generation.rows import PhotoRows, RowStream
from facepass.adapters.first_generation.target import ImportTarget
from facepass.adapters.first_generation.validation import Reject, judge
from facepass.application.import_photos import LeftOut
from facepass.domain.embedding import TemplateSpace
from facepass.domain.errors import ConfigurationError, Conflict
from facepass.domain.gallery import Photo, PhotoId, SessionId

Progress = Callable[[int, int], None]
"""Told now and then how many rows are done, and of how many."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What an import is asked for.

    Attributes:
        space: of the model that made the old vectors; only its caller knows which that was.
        rejects_path: the list of rows left out is written here.
        session_from_event: take `event_id` for the session of rows without one.
        batch_rows: looked at and moved at once, give or take a photo.
    """

    space: TemplateSpace
    rejects_path: Path
    session_from_event: bool = False
    batch_rows: int = 500

    def stream(self, layout: Layout, table: str) -> RowStream:
        """The rows these options ask for."""
        return RowStream(layout, table, self.session_from_event, self.batch_rows)


async def rehearse(source: SourceSettings, options: ImportOptions, progress: Progress) -> ImportReport:
    """Judge every row and change nothing in any database: one snapshot, read-only.

    Raises:
        ConfigurationError: the DSN, the table or the model does not fit.
        DependencyUnavailable: the old database is out of reach.
    """
    tally = Tally()
    undated = datetime.now(UTC)
    async with connected(source) as connection:
        layout = await _fitting_layout(connection, options.space)
        stream = options.stream(layout, TABLE)
        with RejectsFile(options.rejects_path, keep_bytes=0) as rejects:
            async with snapshot(connection):
                rows = await stream.count(connection)
                async for photos in stream.photos(connection, None):
                    left_out: list[Reject] = []
                    for photo_rows in photos:
                        verdict = judge(photo_rows, options.space, undated=undated)
                        tally.add(photo_rows, verdict)
                        left_out += verdict.rejects
                    rejects.append(left_out)
                    progress(tally.rows, rows)
    tally.prove(rows)
    return ImportReport.of(tally, options.space, backup=None, rejects_path=options.rejects_path)


async def move(
    source: SourceSettings, target: ImportTarget, options: ImportOptions, progress: Progress
) -> ImportReport:
    """Import the old table, or go on with an import that was cut off. One that is done is only reported.

    Raises:
        ConfigurationError: the DSN, the table or the model does not fit.
        Conflict: an import with other options is unfinished, another is at work, or the old table was
            written to during the import.
        DependencyUnavailable: a database is out of reach: calling again goes on.
        ImportDisproved: the counts are not equal.
    """
    async with AsyncExitStack() as stack:
        control = await stack.enter_async_context(connected(source))
        layout = await _fitting_layout(control, options.space)
        records = ImportRecords(control, layout)
        await records.claim()
        record = await _open_record(records, target, options)
        if record.stage is Stage.MOVING:
            reader = await stack.enter_async_context(connected(source))
            record = await _Move(records, target, options, progress).run(reader, layout, record)
        record.tally.prove(record.rows)
        await records.update(replace(record, stage=Stage.DONE))
        original = await records.count_original()
        if original != record.rows:
            raise Conflict(
                f"all {record.rows} rows of the copy are imported, but {TABLE} has {original} by now: stop whatever "
                "writes to it and import again"
            )
    path = options.rejects_path
    listed = path if RejectsFile.holds(path, record.rejects_bytes) else None
    return ImportReport.of(record.tally, options.space, backup=record.backup, rejects_path=listed)


async def _fitting_layout(connection: Connection, space: TemplateSpace) -> Layout:
    layout = await read_layout(connection)
    if layout.dimension not in (None, space.dimension):
        raise ConfigurationError(
            f"the old vectors have {layout.dimension} components and those of {space.model} have {space.dimension}: "
            "name the model that made them"
        )
    return layout


async def _open_record(records: ImportRecords, target: ImportTarget, options: ImportOptions) -> ImportRecord:
    """The import to go on with, or a new one."""
    last = await records.latest(target.identity)
    if last is None or last.stage is Stage.ROLLED_BACK:
        return await _begin(records, target, options)
    if (last.space, last.session_from_event) != (options.space, options.session_from_event):
        with_events = " with the session from the event" if last.session_from_event else ""
        raise Conflict(
            f"this old database was imported as {last.space.model}{with_events}, {last.stage.replace('_', ' ')}: "
            "give the same options, or roll that import back first"
        )
    if last.stage is Stage.DONE and await records.count_original() != last.rows:
        return await _begin(records, target, options)
    if last.stage is Stage.DONE:
        return last
    await records.check_backup(last)
    if not RejectsFile.holds(options.rejects_path, last.rejects_bytes):
        return last.from_the_start()
    return last


async def _begin(records: ImportRecords, target: ImportTarget, options: ImportOptions) -> ImportRecord:
    return await records.begin(target.identity, options.space, session_from_event=options.session_from_event)


class _Move:
    """One run over the copy."""

    def __init__(
        self, records: ImportRecords, target: ImportTarget, options: ImportOptions, progress: Progress
    ) -> None:
        self._records = records
        self._target = target
        self._options = options
        self._progress = progress

    async def run(self, reader: Connection, layout: Layout, record: ImportRecord) -> ImportRecord:
        """Move what is left."""
        stream = self._options.stream(layout, record.backup)
        with RejectsFile(self._options.rejects_path, keep_bytes=record.rejects_bytes) as rejects:
            async with snapshot(reader):
                async for photos in stream.photos(reader, record.position):
                    record = await self._batch(record, photos, rejects)
                    await self._records.update(record)
                    self._progress(record.tally.rows, record.rows)
        return record

    async def _batch(self, record: ImportRecord, photos: list[PhotoRows], rejects: RejectsFile) -> ImportRecord:
        judged = [(rows, judge(rows, record.space, undated=record.started_at)) for rows in photos]
        left_out: dict[tuple[SessionId, PhotoId], LeftOut] = {}
        moved = [verdict.photo for _, verdict in judged if verdict.photo is not None]
        for session_id, of_session in groupby(moved, key=lambda photo: photo.session_id):
            begun = await self._begin(record, session_id)
            record = replace(record, begun=begun)
            refused = await self._store(begun, list(of_session))
            left_out |= {(session_id, photo_id): why for photo_id, why in refused.items()}
        tally = copy.deepcopy(record.tally)
        rejected: list[Reject] = []
        for rows, verdict in judged:
            photo = verdict.photo
            why = None if photo is None else left_out.get((photo.session_id, photo.photo_id))
            final = verdict if why is None else verdict.without_photo(rows, why)
            tally.add(rows, final)
            rejected += final.rejects
        rejects_bytes = rejects.append(rejected)
        return replace(record, position=photos[-1][-1].position, tally=tally, rejects_bytes=rejects_bytes)

    async def _begin(self, record: ImportRecord, session_id: SessionId) -> BegunSession:
        """On record before anything of the session is stored, so that no run forgets an erasure in between."""
        if record.begun is not None and record.begun.session_id == session_id:
            return record.begun
        begun = BegunSession(session_id, await self._target.revision(session_id))
        await self._records.update(replace(record, begun=begun))
        return begun

    async def _store(self, begun: BegunSession, photos: list[Photo]) -> Mapping[PhotoId, LeftOut]:
        """Which photos the target did not take."""
        imported = await self._target.store(begun.session_id, photos, since=begun.revision)
        expected = sum(len(photo.templates) for photo in photos if photo.photo_id not in imported.left_out)
        if imported.faces != expected:
            raise ImportDisproved(f"of {expected} faces that were moved, {imported.faces} are stored")
        return imported.left_out
