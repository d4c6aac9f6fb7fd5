"""What was erased, remembered beside the backups, so that restoring an older one does not bring it back."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from facepass.adapters.backup.address import Connection
from facepass.adapters.backup.documents import ErasureFile, PhotoErasure, SessionErasure
from facepass.adapters.backup.snapshot import has_column

Erasure = TypeVar("Erasure", SessionErasure, PhotoErasure)

SLACK = timedelta(days=1)
"""An erasure can be written down a little before it is committed."""

_SESSIONS = "SELECT session_id, erased_at FROM sessions WHERE erased_at IS NOT NULL"
_PHOTOS = """
    SELECT s.session_id, t.photo_id, t.erased_at FROM tombstones t JOIN sessions s ON s.pk = t.session_pk
"""

# what was indexed after the erasure is new, and stays
_ERASE_SESSIONS = """
    DELETE FROM sessions s USING unnest($1::text[], $2::timestamptz[]) AS e (session_id, erased_at)
    WHERE s.session_id = e.session_id
      AND (SELECT max(p.indexed_at) FROM photos p WHERE p.session_pk = s.pk) <= e.erased_at
"""
_ERASE_PHOTOS = """
    DELETE FROM photos p USING sessions s, unnest($1::text[], $2::text[], $3::timestamptz[])
        AS e (session_id, photo_id, erased_at)
    WHERE s.session_id = e.session_id AND p.session_pk = s.pk AND p.photo_id = e.photo_id
      AND p.indexed_at <= e.erased_at
"""
_COUNT_FACES = """
    UPDATE sessions s SET
        revision = revision + 1, photo_erased_revision = revision + 1,
        face_count = (SELECT count(*) FROM faces f WHERE f.session_pk = s.pk AND f.model_pk = s.model_pk),
        other_face_count = (SELECT count(*) FROM faces f WHERE f.session_pk = s.pk AND f.model_pk = s.other_model_pk)
    WHERE s.session_id = ANY ($1::text[])
"""


@dataclass(frozen=True, slots=True)
class Erased:
    """How many things were erased again."""

    sessions: int
    photos: int


async def read_erasures(connection: Connection, database: str) -> ErasureFile:
    """What the database remembers of erasures, as the connection's transaction sees it; an older schema, nothing."""
    sessions: tuple[SessionErasure, ...] = ()
    photos: tuple[PhotoErasure, ...] = ()
    if await has_column(connection, "sessions", "erased_at"):
        sessions = tuple(SessionErasure(**row) for row in await connection.fetch(_SESSIONS))
    if await has_column(connection, "tombstones", "erased_at"):
        photos = tuple(PhotoErasure(**row) for row in await connection.fetch(_PHOTOS))
    return ErasureFile(database, sessions, photos)


def merged(known: ErasureFile | None, present: ErasureFile, *, since: datetime) -> ErasureFile:
    """What was remembered before and what is now; the database forgets sooner than backups expire.

    Args:
        known: from the file beside the backups; None for the first time.
        present: from the database.
        since: when the oldest backup was made: what was erased before it is in none.
    """
    if known is None:
        return present
    return ErasureFile(
        present.database,
        _latest((*known.sessions, *present.sessions), since),
        _latest((*known.photos, *present.photos), since),
    )


def _latest(erasures: Iterable[Erasure], since: datetime) -> tuple[Erasure, ...]:
    latest: dict[tuple[str, str], Erasure] = {}
    for each in sorted(erasures, key=lambda erasure: erasure.erased_at):
        if each.erased_at >= since - SLACK:
            latest[each.session_id, getattr(each, "photo_id", "")] = each
    return tuple(latest.values())


async def erase_again(connection: Connection, erasures: ErasureFile) -> Erased:
    """Erase in a restored database what was erased since it was backed up; in a transaction.

    Photos that were indexed after the erasure of their session or their own stay.
    """
    sessions = await connection.execute(
        _ERASE_SESSIONS,
        [each.session_id for each in erasures.sessions],
        [each.erased_at for each in erasures.sessions],
    )
    photos = await connection.execute(
        _ERASE_PHOTOS,
        [each.session_id for each in erasures.photos],
        [each.photo_id for each in erasures.photos],
        [each.erased_at for each in erasures.photos],
    )
    erased = Erased(_rows(sessions), _rows(photos))
    if erased.photos and await has_column(connection, "sessions", "photo_erased_revision"):
        await connection.execute(_COUNT_FACES, [each.session_id for each in erasures.photos])
    return erased


def _rows(status: str) -> int:
    """From PostgreSQL's `DELETE 3`."""
    return int(status.rpartition(" ")[2])
