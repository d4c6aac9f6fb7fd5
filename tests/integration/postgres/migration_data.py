"""What stands in a database at revision 0001 and at the newest, put there and read as plain rows.

At 0001 it is written as that version of the service wrote it, statement by statement.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import asyncpg
import numpy as np
import numpy.typing as npt

COSINE_TOLERANCE = 5e-4
NOON = datetime(2026, 5, 17, 12, 0, 0, 123456, tzinfo=UTC)
DIMENSIONS = {"model-a": 8, "model-b": 16}
WAIT_TIMEOUT_S = 20.0
FACE = "face_no, box_x, box_y, box_width, box_height, landmarks, confidence, quality_score, quality_reasons"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

UPSERT_PHOTO = """
    WITH writable AS (
        SELECT pk FROM sessions WHERE session_id = $1 AND model = $2 AND coalesce($3 = dimension, $3::int IS NULL)
        FOR KEY SHARE
    )
    INSERT INTO photos (session_pk, photo_id, width, height, faces_detected, faces_indexed, indexed_at)
    SELECT pk, $4, 6000, 4000, $5::int + 1, $5::int, $6 FROM writable
    ON CONFLICT ON CONSTRAINT photos_session_pk_photo_id_key DO UPDATE SET
        faces_detected = excluded.faces_detected, faces_indexed = excluded.faces_indexed,
        indexed_at = excluded.indexed_at
    RETURNING session_pk, pk
"""
BIND_SESSION = """
    INSERT INTO sessions (session_id, model, dimension, created_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT ON CONSTRAINT sessions_session_id_key DO UPDATE SET dimension = excluded.dimension
    WHERE sessions.dimension IS NULL AND sessions.model = excluded.model
"""
DELETE_FACES = "DELETE FROM faces WHERE session_pk = $1 AND photo_pk = $2"
INSERT_FACE = f"""
    INSERT INTO faces (session_pk, photo_pk, {FACE}, model, embedding)
    VALUES ($1, $2, $3, $4, -3.3, 10.7, 1/3.0::float8, $5, $6, $7, $8, $9, $10::text::vector)
"""  # noqa: S608 - names of ours
OLD_ROWS = f"""
    SELECT s.session_id, p.photo_id, p.pk, width, height, faces_detected, faces_indexed, indexed_at, {FACE},
           f.model, embedding::real[] AS vector
    FROM sessions s JOIN photos p ON p.session_pk = s.pk
    LEFT JOIN faces f ON f.session_pk = s.pk AND f.photo_pk = p.pk
    ORDER BY session_id, photo_id, face_no
"""  # noqa: S608 - names of ours
NEW_ROWS = f"""
    SELECT s.session_id, p.photo_id, p.pk, width, height, faces_detected, faces_indexed, indexed_at, {FACE},
           CASE WHEN f.face_no IS NULL THEN NULL ELSE m.name END AS model, embedding::real[] AS vector
    FROM sessions s JOIN photos p ON p.session_pk = s.pk AND p.model_pk = s.model_pk JOIN models m ON m.pk = p.model_pk
    LEFT JOIN faces f ON f.session_pk = s.pk AND f.model_pk = p.model_pk AND f.photo_pk = p.pk
    ORDER BY session_id, photo_id, face_no
"""  # noqa: S608 - names of ours
ONLY_NEWER_REVISIONS = """
    UPDATE faces SET embedding = NULL, sealed = 'x'
        WHERE session_pk = (SELECT pk FROM sessions WHERE session_id = 'sealed');
    INSERT INTO session_keys SELECT pk, 'key', 'x' FROM sessions WHERE session_id = 'sealed';
    UPDATE faces SET box_x = NULL, box_y = NULL, box_width = NULL, box_height = NULL, landmarks = NULL,
            quality_score = NULL, quality_reasons = NULL
        WHERE face_no = 1 AND session_pk = (SELECT pk FROM sessions WHERE session_id = 'unlocated');
    UPDATE photos SET width = NULL
        WHERE photo_id = 'p1' AND session_pk = (SELECT pk FROM sessions WHERE session_id = 'unlocated');
    INSERT INTO models (name, dimension) VALUES ('other-model', 4);
    CREATE TABLE faces_2 PARTITION OF faces FOR VALUES IN (2);
    INSERT INTO photos (session_pk, model_pk, photo_id, faces_detected, faces_indexed, indexed_at, revision)
        SELECT pk, 2, 'p0', 1, 1, now(), 2 FROM sessions WHERE session_id = 'changing';
    INSERT INTO faces (session_pk, model_pk, photo_pk, face_no, confidence, embedding)
        SELECT session_pk, model_pk, pk, 0, 0.5, '[1,0,0,0]' FROM photos WHERE model_pk = 2;
    UPDATE sessions SET change = 'building', other_model_pk = 2, other_face_count = 1 WHERE session_id = 'changing';
    INSERT INTO tombstones SELECT pk, 'gone', 1, now() FROM sessions WHERE session_id = 'plain'
"""
"""What the older revisions cannot hold: in sessions of these names, with photos `p0` and `p1` of three faces each."""


@dataclass(frozen=True)
class Contents:
    """Photos and their faces, a row each as both schemas have them, and the faces' vectors beside."""

    rows: list[tuple[Any, ...]]
    vectors: list[npt.NDArray[np.float64]]

    def assert_same(self, other: "Contents") -> None:
        """Equal in every column; cosines to a fixed direction, and to the other's vector, within half precision."""
        assert self.rows == other.rows
        for mine, others in zip(self.vectors, other.vectors, strict=True):
            assert abs(np.linalg.norm(mine) - 1) < COSINE_TOLERANCE
            assert abs(float(mine @ others) - 1) < COSINE_TOLERANCE
            probe = unit(np.arange(1.0, len(mine) + 1))
            assert abs(float(mine @ probe - others @ probe)) < COSINE_TOLERANCE


async def contents(url: str, rows: str) -> Contents:
    """Everything, by `OLD_ROWS` or `NEW_ROWS`."""
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch(rows)
    finally:
        await connection.close()
    vectors = [np.array(row["vector"]) for row in found if row["vector"] is not None]
    return Contents([tuple(row.values())[:-1] for row in found], vectors)


def unit(vector: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Scaled to norm 1."""
    return vector / np.linalg.norm(vector)


async def index(connection: Connection, session: str, photo: str, faces: int, *, model: str = "model-a") -> None:
    """Index a photo with so many faces, or again, as revision 0001 did: the same faces for the same names."""
    rng = np.random.default_rng([*f"{session}/{photo}/{faces}".encode()])
    dimension = DIMENSIONS[model] if faces else None
    at = NOON + timedelta(seconds=int(rng.integers(1000)))
    async with connection.transaction():
        values = (session, model, dimension, photo, faces, at)
        row = await connection.fetchrow(UPSERT_PHOTO, *values)
        if row is None:
            await connection.execute(BIND_SESSION, session, model, dimension, at)
            row = await connection.fetchrow(UPSERT_PHOTO, *values)
        assert row is not None
        await connection.execute(DELETE_FACES, *row.values())
        for number in range(faces):
            vector = unit(rng.normal(size=DIMENSIONS[model]))
            place = (0.1 + number, list(rng.uniform(0, 100, size=10)), 0.875 - number / 1000, 90 - number)
            said = (["blurred", "profile"][: number % 3], model, str(vector.tolist()))
            await connection.execute(INSERT_FACE, *row.values(), number, *place, *said)


async def erase(connection: Connection, session: str) -> None:
    """Erase a gallery as revision 0001 did."""
    async with connection.transaction():
        pk = await connection.fetchval("SELECT pk FROM sessions WHERE session_id = $1 FOR UPDATE", session)
        for table in ("faces", "photos"):
            await connection.execute(f"DELETE FROM {table} WHERE session_pk = $1", pk)  # noqa: S608 - names of ours
        await connection.execute("DELETE FROM sessions WHERE pk = $1", pk)


async def fill(url: str, *, photos: int) -> None:
    """Sessions at revision 0001: `first` with half of the photos, `second`, and `other` of another model.

    On each photo 0 to 5 faces, 3 on average.
    """
    connection = await asyncpg.connect(url)
    rng = np.random.default_rng(1)
    try:
        for number in range(photos):
            session = "first" if number < photos // 2 else ("second", "other")[number % 2]
            model = "model-b" if session == "other" else "model-a"
            faces = int(rng.integers(1, 6)) if number % 10 else 0
            await index(connection, session, f"photo {number}", faces, model=model)
    finally:
        await connection.close()


async def until_true(connection: Connection, question: str) -> None:
    """Ask until the answer is yes."""
    async with asyncio.timeout(WAIT_TIMEOUT_S):
        while not await connection.fetchval(question):  # noqa: ASYNC110 - another process is waited for
            await asyncio.sleep(0.01)
