"""An old database with its usual dirt, and a target that keeps everything in memory."""

from collections.abc import Sequence
from pathlib import Path

import asyncpg
import numpy as np

from facepass.adapters.first_generation.connection import SourceSettings
from facepass.adapters.first_generation.mover import ImportOptions
from facepass.adapters.first_generation.target import ImportTarget
from facepass.application.import_photos import Imported, LeftOut
from facepass.domain.embedding import ModelId, TemplateSpace
from facepass.domain.gallery import Photo, PhotoId, SessionId
from tests.fixtures_postgres import run_sql

DIMENSION = 16
SPACE = TemplateSpace(ModelId("old-model"), DIMENSION)

# No vector with NaN: pgvector lets none in without a superuser's help. Those are the unit tests' matter.
CREATE = f"""
    CREATE EXTENSION IF NOT EXISTS vector;
    CREATE TABLE face_embeddings (
        id {{id_type}} PRIMARY KEY,
        face_id text, event_id {{key_type}}, photo_id {{key_type}}, session_id {{key_type}},
        embedding vector({DIMENSION}), confidence real, created_at timestamptz DEFAULT now(), bbox jsonb
    );
"""


class Killed(BaseException):
    """Ends a run as a signal would: nothing of ours catches it."""


class MemoryTarget(ImportTarget):
    """Keeps photos by session and id. `dies_at` counts the calls of `store`; `dies_late` ends it after the work.

    `refuses` says which photos it does not take.
    """

    def __init__(self, *, dies_at: int | None = None, dies_late: bool = False, loses_a_face: bool = False) -> None:
        self.photos: dict[tuple[str, str], Photo] = {}
        self.largest_batch = 0
        self.calls = 0
        self.revisions: dict[str, int] = {}
        self.refuses: dict[str, LeftOut] = {}
        self.dies_at = dies_at
        self._dies_late = dies_late
        self._loses_a_face = loses_a_face

    @property
    def identity(self) -> str:
        """See `ImportTarget.identity`."""
        return "memory"

    @property
    def faces(self) -> int:
        """Faces that are stored."""
        return sum(len(photo.templates) for photo in self.photos.values())

    async def revision(self, session_id: SessionId) -> int:
        """See `ImportTarget.revision`."""
        return self.revisions.setdefault(session_id, len(self.revisions))

    async def store(self, session_id: SessionId, photos: Sequence[Photo], *, since: int) -> Imported:
        """See `ImportTarget.store`."""
        self.calls += 1
        if self.calls == self.dies_at and not self._dies_late:
            raise Killed
        assert photos
        assert since == self.revisions[session_id]
        assert {photo.session_id for photo in photos} == {session_id}
        self.largest_batch = max(self.largest_batch, sum(len(photo.templates) for photo in photos))
        taken = [photo for photo in photos if photo.photo_id not in self.refuses]
        self.photos |= {(session_id, photo.photo_id): photo for photo in taken}
        if self.calls == self.dies_at:
            raise Killed
        left_out = {photo.photo_id: self.refuses[photo.photo_id] for photo in photos if photo not in taken}
        return Imported(sum(len(photo.templates) for photo in taken) - self._loses_a_face, left_out)

    async def withdraw(self, session_id: SessionId, photo_ids: Sequence[PhotoId], model: ModelId) -> int:
        """See `ImportTarget.withdraw`."""
        gone = [self.photos.pop((session_id, photo_id), None) for photo_id in photo_ids]
        return sum(len(photo.templates) for photo in gone if photo is not None)


def unseen(_done: int, _total: int) -> None:
    """Progress that nobody looks at."""


def source(url: str) -> SourceSettings:
    return SourceSettings(url)


def options(folder: Path, *, session_from_event: bool = False, batch_rows: int = 7) -> ImportOptions:
    return ImportOptions(SPACE, folder / "rejects.jsonl", session_from_event, batch_rows)


async def create_table(url: str, *, id_type: str = "bigint", key_type: str = "text") -> None:
    await run_sql(url, CREATE.format(id_type=id_type, key_type=key_type))


async def insert(url: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Rows of id, face_id, event_id, photo_id, session_id, embedding as text, confidence."""
    connection = await asyncpg.connect(url)
    try:
        await connection.executemany(
            "INSERT INTO face_embeddings (id, face_id, event_id, photo_id, session_id, embedding, confidence)"
            " VALUES ($1, $2, $3, $4, $5, $6::text::vector, $7)",
            rows,
        )
    finally:
        await connection.close()


def unit_vector(seed: int, *, length: float = 1.0) -> str:
    vector = np.random.default_rng(seed).standard_normal(DIMENSION)
    return str((vector / np.linalg.norm(vector) * length).tolist())


def sound_row(number: int, session: str | None, photo: str | None) -> tuple[object, ...]:
    return (number, f"face-{number}", "event", photo, session, unit_vector(number), 0.9)


async def insert_dirt(url: str) -> int:
    """88 rows: 60 sound ones in 3 sessions of 10 photos, and 28 with everything that goes wrong.

    Returns:
        Rows that are moved without options: 60 sound and 5 mended ones.
    """
    rows = [sound_row(n, f"session {n % 3}", f"photo {n % 30}") for n in range(1, 61)]
    rows += [(n, None, "event", f"photo {n}", "session 1", unit_vector(n, length=n), 0.5) for n in range(61, 65)]
    rows += [(65, None, "event", "photo 65", "session 1", unit_vector(65), None)]
    rows += [sound_row(n, None, f"photo {n}") for n in range(66, 71)]
    rows += [sound_row(71, "", "photo 71"), sound_row(72, "s" * 256, "photo 72"), sound_row(73, "s" * 5000, "photo 73")]
    rows += [sound_row(74, "session 1", None), sound_row(75, "session 1", "p" * 300)]
    rows += [(76, None, "event", "photo 76", "session 2", None, 0.5)]
    rows += [(77, None, "event", "photo 77", "session 2", str([0] * DIMENSION), 0.5)]
    # as id 1 once more, by its vector and, older, by its face_id
    rows += [(78, None, "event", "photo 1", "session 1", unit_vector(1), 0.9)]
    rows += [
        (n, f"face-{n - 70}", "event", f"photo {n - 70}", f"session {(n - 70) % 3}", unit_vector(n), 0.9)
        for n in range(79, 89)
    ]
    await insert(url, rows)
    await run_sql(url, "UPDATE face_embeddings SET created_at = '2020-01-01' WHERE id BETWEEN 79 AND 88")
    return 65
