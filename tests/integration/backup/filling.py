"""Galleries by SQL, for both schemas: these tests are about databases, not about what the service does with them."""

from datetime import UTC, datetime

import asyncpg

MORNING = datetime(2026, 5, 17, 8, 0, 0, 123456, tzinfo=UTC)
LANDMARKS = [number / 3 for number in range(10)]
VECTOR = "[0.6,0.8,0,0]"


async def fill(url: str, revision: str, *sessions: str, photos: int = 3, at: datetime = MORNING) -> None:
    """Sessions of some photos with one face each, as if indexed at a moment."""
    connection = await asyncpg.connect(url)
    try:
        model = await _model(connection) if revision != "0001" else None
        for session in sessions:
            await _session(connection, session, model, at)
            for number in range(photos):
                await _photo(connection, session, f"{number}.jpg", model, at)
    finally:
        await connection.close()


async def _model(connection) -> int:
    known = await connection.fetchval("SELECT pk FROM models")
    if known is None:
        known = await connection.fetchval("INSERT INTO models (name, dimension) VALUES ('model', 4) RETURNING pk")
        await connection.execute(f"CREATE TABLE faces_{known} PARTITION OF faces FOR VALUES IN ({known})")
    return known


async def _session(connection, session: str, model: int | None, at: datetime) -> None:
    if model is None:
        await connection.execute(
            "INSERT INTO sessions (session_id, model, dimension, created_at) VALUES ($1, 'model', 4, $2)", session, at
        )
    else:
        await connection.execute(
            "INSERT INTO sessions (session_id, model_pk, revision, created_at, last_indexed)"
            " VALUES ($1, $2, 1, $3, $3)",
            session,
            model,
            at,
        )


async def _photo(connection, session: str, photo: str, model: int | None, at: datetime) -> None:
    values = "(SELECT pk FROM sessions WHERE session_id = $1)"
    names = "session_pk"
    if model is not None:
        values, names = f"{values}, {model}, 1", "session_pk, model_pk, revision"
    pk = await connection.fetchval(
        f"INSERT INTO photos ({names}, photo_id, width, height, faces_detected, faces_indexed, indexed_at)"  # noqa: S608 - ours
        f" VALUES ({values}, $2, 640, 480, 1, 1, $3) RETURNING pk",
        session,
        photo,
        at,
    )
    also, value = ("model", "'model'") if model is None else ("model_pk", str(model))
    await connection.execute(
        "INSERT INTO faces (session_pk, photo_pk, face_no, box_x, box_y, box_width, box_height, landmarks,"  # noqa: S608 - ours
        f" confidence, quality_score, quality_reasons, {also}, embedding)"
        " SELECT pk, $2, 0, 0.1, -3.3, 10.7, 1.0 / 3, $3, 0.875,"
        f" 90, ARRAY['blurred'], {value}, '{VECTOR}' FROM sessions WHERE session_id = $1",
        session,
        pk,
        LANDMARKS,
    )


async def seal(url: str, session: str, data_key: bytes) -> None:
    """Encrypt a session's templates, or so it looks, and give it a key."""
    connection = await asyncpg.connect(url)
    try:
        pk = await connection.fetchval("SELECT pk FROM sessions WHERE session_id = $1", session)
        await connection.execute("UPDATE faces SET embedding = NULL, sealed = '\\x0102' WHERE session_pk = $1", pk)
        await connection.execute("INSERT INTO session_keys VALUES ($1, 'first', $2)", pk, data_key)
    finally:
        await connection.close()


async def sessions_in(url: str) -> dict[str, int]:
    """From session to the number of its photos."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT session_id, (SELECT count(*) FROM photos WHERE session_pk = s.pk) AS photos FROM sessions s"
        )
        return {row["session_id"]: row["photos"] for row in rows}
    finally:
        await connection.close()
