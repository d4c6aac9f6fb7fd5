"""An import that is killed, and whose database is killed under it, again and again: nothing lost, nothing twice."""

import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import numpy as np
import pytest

from facepass.adapters.embedded_postgres import EmbeddedPostgres
from facepass.adapters.pgvector.engine import PoolSettings, create_engine
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.application.check_audit import CheckAudit
from facepass.entrypoints.cli.exit_codes import ExitCode
from tests.chaos_support import (
    OldFace,
    Victim,
    fill_old_database,
    kill_postmaster,
    kills_asked_for,
    moment,
    old_faces,
    old_vector,
)
from tests.fixtures_postgres import ask

KILLS = kills_asked_for()
FACES = old_faces(3000, sessions=7)
ROWS_PER_KILL = 200
"""The import has come so much further with every kill; so many leave it time to be killed before it ends."""
MOST_LOOKS = 12
"""A kill comes up to so many looks later than that: anywhere in a batch, or in the next one."""

DONE = "SELECT (tally::json ->> 'rows')::int FROM facepass_imports"
AT_WORK = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name ~ 'import-v1'"
COPIES = "SELECT count(*) FROM pg_class WHERE relname LIKE 'face_embeddings_backup_%' AND relkind = 'r'"
PHOTOS = """
    SELECT s.session_id, p.photo_id, p.faces_detected, p.faces_indexed,
        (SELECT count(*) FROM faces f WHERE f.photo_pk = p.pk AND f.session_pk = p.session_pk) AS faces
    FROM sessions s JOIN photos p ON p.session_pk = s.pk
"""
SESSIONS = "SELECT s.face_count, (SELECT count(*) FROM faces f WHERE f.session_pk = s.pk) AS faces FROM sessions s"
FACE = """
    SELECT f.embedding::text FROM faces f JOIN photos p ON p.pk = f.photo_pk JOIN sessions s ON s.pk = f.session_pk
    WHERE s.session_id = $1 AND p.photo_id = $2 AND f.face_no = $3
"""

Importing = Callable[..., Victim]


@pytest.fixture
async def old_url(empty_database_url: str) -> str:
    await fill_old_database(empty_database_url, FACES)
    return empty_database_url


@pytest.fixture
def importing(old_url: str, tmp_path: Path) -> Iterator[Importing]:
    """Makes the process of an import."""
    made: list[Victim] = []

    def make(**variables: str) -> Victim:
        command = ["-m", "facepass.entrypoints.cli", "db", "import-v1", "--model", "auraface-v1", "--json"]
        made.append(Victim(command, {"FACEPASS_IMPORT_DSN": old_url, **variables}, tmp_path))
        return made[-1]

    yield make
    for victim in made:
        victim.stop()


class Watcher:
    """Sees in the old database how far the import is."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    async def at_work(self, rows: int) -> bool:
        """Whether an import is connected, and so many rows are on record as done."""
        if not await self._connection.fetchval(AT_WORK):
            return False
        if not rows:
            return True
        known = await self._connection.fetchval("SELECT to_regclass('facepass_imports')")
        return known is not None and (await self._connection.fetchval(DONE) or 0) >= rows


@pytest.fixture
async def watcher(old_url: str) -> AsyncIterator[Watcher]:
    connection = await asyncpg.connect(old_url)
    yield Watcher(connection)
    await connection.close()


async def assert_imported(url: str, faces: list[OldFace]) -> None:
    """See that a database holds exactly these faces, whole."""
    expected = Counter((face.session, face.photo) for face in faces)
    connection = await asyncpg.connect(url)
    try:
        photos = await connection.fetch(PHOTOS)
        assert len(photos) == len(expected)
        assert {(row["session_id"], row["photo_id"]): row["faces"] for row in photos} == expected
        assert all(row["faces_detected"] == row["faces_indexed"] == row["faces"] for row in photos)
        assert all(row["face_count"] == row["faces"] for row in await connection.fetch(SESSIONS))
        assert await connection.fetchval("SELECT count(*) FROM faces") == len(faces)
        for face in faces[::41]:
            face_no = face.number - next(one.number for one in faces if one.photo == face.photo)
            stored = json.loads(await connection.fetchval(FACE, face.session, face.photo, face_no))
            np.testing.assert_allclose(stored, old_vector(face.number), atol=5e-4)
    finally:
        await connection.close()
    engine = create_engine(url, PoolSettings())
    checked = await CheckAudit(unit_of_work=PostgresUnitOfWorkFactory(engine))(known_head=None)
    await engine.dispose()
    assert checked.verdict.broken_at is None
    assert checked.verdict.entries > 0


async def assert_proved(victim: Victim, old_url: str) -> None:
    """See that the last run ended well, and that its report accounts for every row."""
    assert await victim.end() == ExitCode.OK, victim.words()
    words = victim.words()
    report = json.loads(words[words.rindex("\n{\n") if "\n{\n" in words else 0 :])
    assert report["rows"] == len(FACES) == report["faces"]
    assert (sum(report["rejected"].values()), sum(report["merged"].values())) == (0, 0)
    assert report["photos"] == 3000
    assert await ask(old_url, COPIES) == 1


async def test_an_import_that_is_killed_again_and_again(
    importing: Importing, watcher: Watcher, old_url: str, database_url: str
) -> None:
    victim = importing(DATABASE_URL=database_url)
    moments = random.Random(20)  # noqa: S311 - moments, not secrets
    for kill in range(KILLS):
        victim.start()
        rows, looks = kill * ROWS_PER_KILL, moments.randrange(MOST_LOOKS)
        assert await moment(lambda rows=rows: watcher.at_work(rows), victim, looks=looks), victim.words()
        victim.kill()
    victim.start()
    await assert_proved(victim, old_url)
    assert victim.starts == KILLS + 1
    await assert_imported(database_url, FACES)


async def test_an_import_whose_database_is_killed_again_and_again(
    importing: Importing, watcher: Watcher, old_url: str, used_data_dir: Path
) -> None:
    victim = importing(DATA_DIR=str(used_data_dir))
    moments = random.Random(21)  # noqa: S311 - moments, not secrets
    kills = 0
    while kills < KILLS:
        victim.start()  # where it gave up: it would bring the database back by itself
        rows, looks = kills * ROWS_PER_KILL, moments.randrange(MOST_LOOKS)
        if await moment(lambda rows=rows: watcher.at_work(rows), victim, looks=looks):
            kills += kill_postmaster(used_data_dir)
        else:
            assert victim.exit_code == ExitCode.UNAVAILABLE, victim.words()
    while await victim.end() == ExitCode.UNAVAILABLE:
        victim.start()
    await assert_proved(victim, old_url)
    postgres = EmbeddedPostgres(used_data_dir)
    try:
        await assert_imported(await postgres.start(), FACES)
    finally:
        await postgres.stop()
