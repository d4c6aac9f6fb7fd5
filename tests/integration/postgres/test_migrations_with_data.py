"""Migrations of filled tables, there and back: what stays, and what is lost."""

import asyncpg
import numpy as np
import pytest

from facepass.adapters.pgvector import migrate
from facepass.adapters.pgvector.engine import PoolSettings, create_engine
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.domain.audit import AuditEntry, AuditEvent
from facepass.domain.gallery import SessionId
from tests.fixtures_postgres import ask, run_sql
from tests.gallery_builders import NOON, photo, random_embeddings
from tests.gallery_steps import search, store
from tests.integration.postgres.migration_data import (
    NEW_ROWS,
    OLD_ROWS,
    ONLY_NEWER_REVISIONS,
    contents,
    fill,
    index,
)

ROWS = {"0001": OLD_ROWS, "0002": OLD_ROWS, "0003": NEW_ROWS, "0004": NEW_ROWS}
SETTINGS = PoolSettings()


async def test_up_down_up_with_five_thousand_faces(empty_database_url: str) -> None:
    url = empty_database_url
    await migrate.upgrade(url, SETTINGS, "0001")
    await fill(url, photos=1850)
    before = await contents(url, OLD_ROWS)
    assert len(before.vectors) >= 5000
    revisions = sorted(ROWS)
    for revision in (*revisions[1:], *revisions[-2::-1], *revisions[1:]):
        step = migrate.upgrade if revision > (await migrate.current(url, SETTINGS) or "") else migrate.downgrade
        await step(url, SETTINGS, revision)
        assert await migrate.current(url, SETTINGS) == revision
        (await contents(url, ROWS[revision])).assert_same(before)


async def test_every_revision_there_and_back_with_rows(empty_database_url: str) -> None:
    url = empty_database_url
    await migrate.upgrade(url, SETTINGS, "0001")
    await fill(url, photos=30)
    before = await contents(url, OLD_ROWS)
    for below, revision in zip(sorted(ROWS), sorted(ROWS)[1:], strict=False):
        for _ in range(2):
            await migrate.upgrade(url, SETTINGS, revision)
            (await contents(url, ROWS[revision])).assert_same(before)
            await migrate.downgrade(url, SETTINGS, below)
            (await contents(url, ROWS[below])).assert_same(before)
        await migrate.upgrade(url, SETTINGS, revision)


async def test_sessions_know_their_model_and_their_faces(empty_database_url: str) -> None:
    await migrate.upgrade(empty_database_url, SETTINGS, "0001")
    await fill(empty_database_url, photos=60)
    await migrate.upgrade(empty_database_url, SETTINGS)
    connection = await asyncpg.connect(empty_database_url)
    found = await connection.fetch(
        """
        SELECT session_id, m.name, m.dimension, revision, face_count, other_face_count, change, last_indexed,
            (SELECT count(*) FROM faces WHERE session_pk = s.pk AND model_pk = s.model_pk) AS faces,
            (SELECT max(indexed_at) FROM photos WHERE session_pk = s.pk) AS newest,
            (SELECT max(abs(photos.revision - s.revision)) FROM photos WHERE session_pk = s.pk) AS away
        FROM sessions s LEFT JOIN models m ON m.pk = s.model_pk ORDER BY session_id
        """
    )
    await connection.close()
    spaces = [("first", "model-a", 8), ("other", "model-b", 16), ("second", "model-a", 8)]
    assert [tuple(row.values())[:3] for row in found] == spaces
    for row in found:
        assert row["face_count"] == row["faces"] > 0
        assert row["last_indexed"] == row["newest"]
        assert (row["revision"], row["away"], row["other_face_count"], row["change"]) == (1, 0, 0, None)


async def test_the_service_goes_on_with_what_was_there(empty_database_url: str) -> None:
    await migrate.upgrade(empty_database_url, SETTINGS, "0001")
    await store_old(empty_database_url, "s", "old photo")
    await migrate.upgrade(empty_database_url, SETTINGS)
    engine = create_engine(empty_database_url, SETTINGS)
    units = PostgresUnitOfWorkFactory(engine)
    embeddings = random_embeddings(3, 2, model="model-a")  # type: ignore[arg-type]  # a ModelId is a str
    await store(units, photo("s", "new photo", embeddings), model="model-a")  # type: ignore[arg-type]
    found = await search(units, SessionId("s"), *embeddings)
    assert {candidate.photo_id for candidate in found.candidates} == {"old photo", "new photo"}
    await engine.dispose()
    assert await ask(empty_database_url, "SELECT count(DISTINCT pk) FROM photos") == 2


async def store_old(url: str, *names: str, faces: int = 1, model: str = "model-a") -> None:
    session, *photos = names
    connection = await asyncpg.connect(url)
    for name in photos:
        await index(connection, session, name, faces, model=model)
    await connection.close()


async def test_galleries_without_any_face(empty_database_url: str) -> None:
    url = empty_database_url
    await migrate.upgrade(url, SETTINGS, "0001")
    await store_old(url, "without", "empty", faces=0)  # before its model is known, and by key before the others
    await store_old(url, "unknown model", "empty", faces=0, model="model-b")
    await store_old(url, "with", "photo", faces=2)
    await migrate.upgrade(url, SETTINGS)
    rows = (await contents(url, NEW_ROWS)).rows
    assert [row[:2] for row in rows] == [("with", "photo"), ("with", "photo"), ("without", "empty")]
    assert await ask(url, "SELECT count(*) FROM sessions") == 2
    await migrate.downgrade(url, SETTINGS, "0001")
    assert (await contents(url, OLD_ROWS)).rows == rows
    assert await ask(url, "SELECT dimension FROM sessions WHERE session_id = 'without'") == 8


@pytest.mark.parametrize("dimension", [1, 2, 8, 512])
async def test_vectors_as_far_from_norm_one_as_the_old_tables_let_them(empty_database_url: str, dimension: int) -> None:
    url = empty_database_url
    await migrate.upgrade(url, SETTINGS, "0001")
    await store_old(url, "s", "p")
    vector = np.full(dimension, (1 + 9e-5) / np.sqrt(dimension)).tolist()
    await run_sql(
        url,
        f"UPDATE sessions SET dimension = {dimension}",  # noqa: S608 - numbers of ours
        f"UPDATE faces SET embedding = '{vector}'",  # noqa: S608 - numbers of ours
    )
    before = await contents(url, OLD_ROWS)
    await migrate.upgrade(url, SETTINGS)
    (await contents(url, NEW_ROWS)).assert_same(before)


async def test_what_is_lost_on_the_way_down(empty_database_url: str) -> None:
    """Encrypted templates, faces without a place, another edition, erasures, the audit trail; and nothing else."""
    url = empty_database_url
    await migrate.upgrade(url, SETTINGS)
    engine = create_engine(url, SETTINGS)
    units = PostgresUnitOfWorkFactory(engine)
    for session in ("plain", "sealed", "unlocated", "changing", "erased"):
        await store(units, *(photo(session, f"p{n}", random_embeddings(n, 3)) for n in range(2)))
    async with units() as unit:
        await unit.galleries.delete_gallery(SessionId("erased"), at=NOON)
        await unit.audit.append(AuditEntry(AuditEvent.SESSION_ERASED, NOON))
        await unit.commit()
    await engine.dispose()
    await run_sql(url, ONLY_NEWER_REVISIONS)
    before = await contents(url, NEW_ROWS)
    await migrate.downgrade(url, SETTINGS, "0001")
    after = await contents(url, OLD_ROWS)
    names = ("plain", "sealed", "unlocated", "changing", "erased")
    of, left = ({name: [row for row in every.rows if row[0] == name] for name in names} for every in (before, after))
    assert left["plain"] == of["plain"]
    assert left["changing"] == of["changing"]
    assert left["erased"] == []
    assert [(row[1], row[6], row[8]) for row in left["sealed"]] == [("p0", 0, None), ("p1", 0, None)]
    assert [(row[1], row[6], row[8]) for row in left["unlocated"]] == [("p0", 2, 0), ("p0", 2, 2)]
    assert await ask(url, "SELECT count(*) FROM sessions") == 4
    await migrate.upgrade(url, SETTINGS)
    assert (await contents(url, NEW_ROWS)).rows == after.rows
    for table in ("session_keys", "tombstones", "audit"):
        assert await ask(url, f"SELECT count(*) FROM {table}") == 0  # noqa: S608 - names of ours
    assert await ask(url, "SELECT no FROM audit_head") == 0
