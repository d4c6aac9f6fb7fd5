"""Takes imports back: what they stored is removed from the target. The old table and its copies stay as they are."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import groupby

from facepass.adapters.first_generation.connection import Connection, SourceSettings, connected, snapshot
from facepass.adapters.first_generation.layout import read_layout
from facepass.adapters.first_generation.mover import Progress
from facepass.adapters.first_generation.record import ImportRecord, ImportRecords, Stage
from facepass.adapters.first_generation.rows import RowStream
from facepass.adapters.first_generation.target import ImportTarget
from facepass.adapters.first_generation.validation import judge
from facepass.domain.errors import NotFound

_BATCH_ROWS = 500


@dataclass(frozen=True, slots=True)
class Rollback:
    """What was taken back.

    Attributes:
        backups: the copies that the imports worked on; kept.
        faces_moved: by the imports, as far as they are on record.
        faces_removed: fewer where photos were moved twice, or were indexed anew or erased since.
    """

    backups: tuple[str, ...]
    faces_moved: int
    faces_removed: int


async def roll_back(source: SourceSettings, target: ImportTarget, progress: Progress) -> Rollback:
    """Take back every import of an old database into a target, finished or not. May be cut off and called again.

    Raises:
        NotFound: there is none, or all were taken back before.
        Conflict: another import or rollback is at work, or a copy is not what it was.
        DependencyUnavailable: a database is out of reach.
    """
    removed = 0
    async with AsyncExitStack() as stack:
        control = await stack.enter_async_context(connected(source))
        layout = await read_layout(control)
        records = ImportRecords(control, layout)
        await records.claim()
        standing = await records.standing(target.identity)
        if not standing:
            raise NotFound("Nothing was imported from this old database that could be taken back.")
        reader = await stack.enter_async_context(connected(source))
        for record in standing:
            await records.check_backup(record)
            stream = RowStream(layout, record.backup, record.session_from_event, _BATCH_ROWS)
            removed += await _withdraw(reader, stream, record, target, progress)
            await records.update(replace(record, stage=Stage.ROLLED_BACK))
    backups = tuple(record.backup for record in standing)
    return Rollback(backups, sum(record.tally.faces for record in standing), removed)


async def _withdraw(
    reader: Connection, stream: RowStream, record: ImportRecord, target: ImportTarget, progress: Progress
) -> int:
    """Walk over the whole copy, for the last batch may have been stored without being on record."""
    removed = read = 0
    async with snapshot(reader):
        async for photos in stream.photos(reader, None):
            verdicts = [judge(rows, record.space, undated=record.started_at) for rows in photos]
            moved = [verdict.photo for verdict in verdicts if verdict.photo is not None]
            for session_id, of_session in groupby(moved, key=lambda photo: photo.session_id):
                photo_ids = [photo.photo_id for photo in of_session]
                removed += await target.withdraw(session_id, photo_ids, record.space.model)
            read += sum(map(len, photos))
            progress(read, record.rows)
    return removed
