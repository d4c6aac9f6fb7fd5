"""Streams the rows of an old table photo by photo, in bounded memory, from wherever an earlier run stopped."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Self

import asyncpg
import numpy as np
import numpy.typing as npt

from facepass.adapters.first_generation.connection import Connection
from facepass.adapters.first_generation.errors import vendor_errors
from facepass.adapters.first_generation.layout import Layout
from facepass.domain.gallery import MAX_ID_LENGTH

MAX_ROWS_PER_PHOTO = 1000
"""Rows of one photo that are looked at together. Nobody stands in a photo with so many others."""

MAX_BATCH_ROWS = 20_000
_VECTOR_HEADER_BYTES = 4  # dimension and a reserved field, then the components as big-endian float32

# `number` counts the rows of a photo in the order of the sort below it, so it costs no second one. Ids of any length
# are cut one character beyond what is allowed: enough to refuse them, and no more memory.
_QUERY = """
    SELECT session_key, photo_key, id::text AS row_id, number, face, embedding, confidence, created_s FROM (
        SELECT *, row_number() OVER (PARTITION BY session_key, photo_key ORDER BY id) AS number FROM (
            SELECT
                left(coalesce({session}, ''), {max_key}) COLLATE "C" AS session_key,
                left(coalesce(photo_id::text, ''), {max_key}) COLLATE "C" AS photo_key,
                {id} AS id,
                sha256(convert_to(face_id::text, 'UTF8')) AS face,
                embedding,
                confidence::float8 AS confidence,
                extract(epoch FROM created_at)::float8 AS created_s
            FROM {table}
        ) keyed
    ) numbered
    WHERE $1 OR (session_key, photo_key, id) > ($2::text COLLATE "C", $3::text COLLATE "C", $4::text::{id_type})
    ORDER BY session_key, photo_key, id
"""


@dataclass(frozen=True, slots=True)
class Position:
    """The last row that was dealt with, in the order of the stream."""

    session_key: str
    photo_key: str
    row_id: str

    def to_json(self) -> str:
        """For the record."""
        return json.dumps([self.session_key, self.photo_key, self.row_id])

    @classmethod
    def from_json(cls, text: str) -> Self:
        """From the record."""
        return cls(*json.loads(text))


@dataclass(frozen=True, slots=True)
class OldRow:
    """A row of `face_embeddings`.

    Attributes:
        session_key: the session's id, cut to `MAX_ID_LENGTH + 1` characters; empty where there is none.
        photo_key: likewise the photo's.
        row_id: its `id`.
        number: which of its photo's rows it is, by id, from 1.
        face: digest of its `face_id`.
        vector: `(dimension,)` float32 as stored, of whatever quality.
        confidence: as stored.
        created_s: since the Unix epoch; may be infinite.
    """

    session_key: str
    photo_key: str
    row_id: str
    number: int
    face: bytes | None
    vector: npt.NDArray[np.float32] | None = field(repr=False)
    confidence: float | None
    created_s: float | None

    @property
    def position(self) -> Position:
        """Where in the stream it stands."""
        return Position(self.session_key, self.photo_key, self.row_id)

    @property
    def group(self) -> tuple[str, str, int]:
        """What is looked at together: a photo, in parts where it has too many rows."""
        return (self.session_key, self.photo_key, (self.number - 1) // MAX_ROWS_PER_PHOTO)


PhotoRows = list[OldRow]
"""Rows of one photo in the order of their ids; at most `MAX_ROWS_PER_PHOTO`, never none."""


@dataclass(frozen=True, slots=True)
class RowStream:
    """The rows of one table.

    Attributes:
        layout: of the old table.
        table: its name, or that of its copy.
        session_from_event: take `event_id` for the session of rows without one.
        batch_rows: fetched at once, 1 to `MAX_BATCH_ROWS`.
    """

    layout: Layout
    table: str
    session_from_event: bool
    batch_rows: int

    def __post_init__(self) -> None:
        if not 1 <= self.batch_rows <= MAX_BATCH_ROWS:
            raise ValueError(f"a batch has 1 to {MAX_BATCH_ROWS} rows, not {self.batch_rows}")

    async def count(self, connection: Connection) -> int:
        """Rows of the table."""
        with vendor_errors():
            found: int = await connection.fetchval(
                f"SELECT count(*) FROM {self.layout.qualified(self.table)}"  # noqa: S608 - a quoted name  # nosec
            )
        return found

    async def photos(self, connection: Connection, after: Position | None) -> AsyncIterator[list[PhotoRows]]:
        """Whole photos, ordered by session and photo, some at a time.

        One sort at the server serves the whole stream. Memory holds one batch and one photo.

        Args:
            connection: inside a transaction, for nothing else until the end.
            after: go on behind this row; None for all.
        """
        held: PhotoRows = []
        async for page in self._pages(connection, after):
            groups = [list(rows) for _, rows in groupby([*held, *page], key=lambda row: row.group)]
            held = groups.pop()  # its next rows may be on the next page
            if groups:
                yield groups
        if held:
            yield [held]

    async def _pages(self, connection: Connection, after: Position | None) -> AsyncIterator[list[OldRow]]:
        with vendor_errors():
            await connection.set_type_codec(
                "vector", schema=self.layout.vector_schema, encoder=bytes, decoder=bytes, format="binary"
            )
            start = after or Position("", "", "")
            cursor = await connection.cursor(
                self._query(),
                *(after is None, start.session_key, start.photo_key, None if after is None else start.row_id),
            )
        while True:
            with vendor_errors():
                page = await cursor.fetch(self.batch_rows)
            if not page:
                return
            yield [_row(record) for record in page]

    def _query(self) -> str:
        textual = self.layout.id_type == "text"
        session = "nullif(session_id::text, '')"
        return _QUERY.format(
            session=f"coalesce({session}, event_id::text)" if self.session_from_event else session,
            id='id::text COLLATE "C"' if textual else "id",
            id_type=self.layout.id_type,
            max_key=MAX_ID_LENGTH + 1,
            table=self.layout.qualified(self.table),
        )


def _row(record: asyncpg.Record) -> OldRow:
    return OldRow(
        record["session_key"],
        record["photo_key"],
        record["row_id"],
        record["number"],
        record["face"],
        None if record["embedding"] is None else _vector(record["embedding"]),
        record["confidence"],
        record["created_s"],
    )


def _vector(data: bytes) -> npt.NDArray[np.float32]:
    return np.frombuffer(data, dtype=">f4", offset=_VECTOR_HEADER_BYTES).astype(np.float32)
