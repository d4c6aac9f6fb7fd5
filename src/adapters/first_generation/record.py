"""Where an import stands, kept in the old database beside the copy it works on.

The copy and the first entry are made in one transaction, so no import ever has two copies, and none is forgotten.
"""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

import asyncpg

from facepass.adapters.first_generation.connection import Connection
from facepass.adapters.first_generation.errors import ImportDisproved, vendor_errors
from facepass.adapters.first_generation.layout import TABLE, Layout
from facepass.adapters.first_generation.report import Tally
from facepass.adapters.first_generation.rows import Position
from facepass.domain.embedding import ModelId, TemplateSpace
from facepass.domain.errors import Conflict
from facepass.domain.gallery import SessionId

RECORDS = "facepass_imports"
_CLAIM_TIMEOUT_S = 2
_LOCK = "SELECT pg_advisory_lock(hashtextextended('facepass import-v1', 0))"


class Stage(StrEnum):
    """How far an import is."""

    MOVING = "moving"
    DONE = "done"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class BegunSession:
    """A session whose import has begun, perhaps in an earlier run.

    Attributes:
        revision: of its gallery at that time; see `ImportPhotos.revision`.
    """

    session_id: SessionId
    revision: int

    def to_json(self) -> str:
        """For the record."""
        return json.dumps([self.session_id, self.revision])

    @classmethod
    def from_json(cls, text: str) -> Self:
        """From the record."""
        session_id, revision = json.loads(text)
        return cls(SessionId(session_id), revision)


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """One import.

    Attributes:
        backup: the copy it works on, and its key.
        target: see `ImportTarget.identity`.
        space: what its vectors are bound to.
        session_from_event: see `RowStream`.
        stage: how far it is.
        rows: of the copy.
        position: behind which it goes on; None for the beginning.
        begun: the session at which it is; None before the first.
        tally: of the rows up to there.
        rejects_bytes: of the list of rejects, of the rows up to there.
        started_at: when the copy was made.
    """

    backup: str
    target: str
    space: TemplateSpace
    session_from_event: bool
    stage: Stage
    rows: int
    position: Position | None
    begun: BegunSession | None
    tally: Tally
    rejects_bytes: int
    started_at: datetime

    def from_the_start(self) -> Self:
        """The same import with nothing done yet."""
        return replace(self, position=None, begun=None, tally=Tally(), rejects_bytes=0)


class ImportRecords:
    """The imports of one old database. Only one process works on them at a time."""

    def __init__(self, connection: Connection, layout: Layout) -> None:
        self._connection = connection
        self._layout = layout
        self._table = layout.qualified(RECORDS)

    async def claim(self) -> None:
        """Be the only import of this database, until the connection ends.

        Raises:
            Conflict: another one is at work.
        """
        with vendor_errors():
            try:
                async with self._connection.transaction():
                    # long enough for the server to notice that a killed predecessor is gone
                    await self._connection.execute(f"SET LOCAL lock_timeout = '{_CLAIM_TIMEOUT_S}s'")
                    await self._connection.execute(_LOCK)
            except asyncpg.LockNotAvailableError as error:
                raise Conflict("another import or rollback of this old database is at work") from error

    async def latest(self, target: str) -> ImportRecord | None:
        """The last import into a database."""
        with vendor_errors():
            if await self._connection.fetchval("SELECT to_regclass($1)", self._table) is None:
                return None
            found = await self._connection.fetchrow(
                f"SELECT * FROM {self._table} WHERE target = $1 ORDER BY started_at DESC LIMIT 1",  # noqa: S608 - ours  # nosec
                target,
            )
        return None if found is None else _record(found)

    async def standing(self, target: str) -> list[ImportRecord]:
        """All imports into a database that were not taken back, the oldest first."""
        if await self.latest(target) is None:
            return []
        with vendor_errors():
            found = await self._connection.fetch(
                f"SELECT * FROM {self._table} WHERE target = $1 AND stage <> $2 ORDER BY started_at",  # noqa: S608 - ours  # nosec
                *(target, Stage.ROLLED_BACK),
            )
        return [_record(one) for one in found]

    async def begin(self, target: str, space: TemplateSpace, *, session_from_event: bool) -> ImportRecord:
        """Copy the old table and enter an import, both or neither.

        Raises:
            ImportDisproved: the copy has not as many rows as the table.
        """
        started_at = datetime.now(UTC)
        backup = f"{TABLE}_backup_{started_at:%Y%m%d_%H%M%S_%f}"
        with vendor_errors():
            async with self._connection.transaction(isolation="repeatable_read"):
                await self._make_table()
                await self._connection.execute(
                    f"CREATE TABLE {self._layout.qualified(backup)} AS TABLE {self._layout.qualified(TABLE)}"
                )
                rows, original = await self._count(backup), await self._count(TABLE)
                if rows != original:
                    raise ImportDisproved(f"{TABLE} has {original} rows, its copy {rows}")
                record = ImportRecord(
                    backup, target, space, session_from_event, Stage.MOVING, rows, None, None, Tally(), 0, started_at
                )
                await self._connection.execute(
                    f"INSERT INTO {self._table} (backup, target, model, dimension, session_from_event, stage,"  # noqa: S608 - ours  # nosec
                    " rows, position, tally, rejects_bytes, started_at)"
                    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                    *(backup, target, space.model, space.dimension, session_from_event, record.stage, rows),
                    *(None, record.tally.to_json(), 0, started_at),
                )
        return record

    async def update(self, record: ImportRecord) -> None:
        """Record how far an import is."""
        position = None if record.position is None else record.position.to_json()
        begun = None if record.begun is None else record.begun.to_json()
        with vendor_errors():
            await self._connection.execute(
                f"UPDATE {self._table} SET stage = $2, position = $3, begun = $4, tally = $5, rejects_bytes = $6"  # noqa: S608 - ours  # nosec
                " WHERE backup = $1",
                *(record.backup, record.stage, position, begun, record.tally.to_json(), record.rejects_bytes),
            )

    async def check_backup(self, record: ImportRecord) -> None:
        """See that the copy is still what it was.

        Raises:
            Conflict: it was dropped, or has other rows.
        """
        with vendor_errors():
            name = self._layout.qualified(record.backup)
            rows = (
                await self._count(record.backup)
                if await self._connection.fetchval("SELECT to_regclass($1)", name)
                else 0
            )
        if rows != record.rows:
            raise Conflict(
                f"the copy {record.backup}, which an import works on, has {rows} rows instead of {record.rows}: "
                f"restore it, or delete its row of {RECORDS} to import anew"
            )

    async def count_original(self) -> int:
        """Rows of the old table now."""
        with vendor_errors():
            return await self._count(TABLE)

    async def _count(self, table: str) -> int:
        name = self._layout.qualified(table)
        rows: int = await self._connection.fetchval(f"SELECT count(*) FROM {name}")  # noqa: S608 - a quoted name  # nosec
        return rows

    async def _make_table(self) -> None:
        await self._connection.execute(
            f"CREATE TABLE IF NOT EXISTS {self._table} ("
            "backup text PRIMARY KEY, target text NOT NULL, model text NOT NULL, dimension integer NOT NULL,"
            " session_from_event boolean NOT NULL, stage text NOT NULL, rows bigint NOT NULL, position text,"
            " begun text, tally text NOT NULL, rejects_bytes bigint NOT NULL, started_at timestamptz NOT NULL)"
        )


def _record(found: asyncpg.Record) -> ImportRecord:
    return ImportRecord(
        backup=found["backup"],
        target=found["target"],
        space=TemplateSpace(ModelId(found["model"]), found["dimension"]),
        session_from_event=found["session_from_event"],
        stage=Stage(found["stage"]),
        rows=found["rows"],
        position=None if found["position"] is None else Position.from_json(found["position"]),
        begun=None if found["begun"] is None else BegunSession.from_json(found["begun"]),
        tally=Tally.from_json(found["tally"]),
        rejects_bytes=found["rejects_bytes"],
        started_at=found["started_at"],
    )
