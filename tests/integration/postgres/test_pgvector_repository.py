"""What only the real database can show: constraints, transactions, plans, and how it agrees with the fake."""

import asyncpg
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from facepass.adapters.memory.store import InMemoryStore
from facepass.adapters.memory.unit_of_work import InMemoryUnitOfWorkFactory
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from tests.gallery_builders import new_session, photo, random_embeddings
from tests.gallery_steps import COSINE_TOLERANCE, search, store


async def insert_face(connection: "asyncpg.Connection[asyncpg.Record]", vector: str) -> None:
    await connection.execute(
        "INSERT INTO faces (session_pk, model_pk, photo_pk, face_no, confidence, embedding)"
        " SELECT session_pk, model_pk, pk, 99, 1, $1::text::halfvec FROM photos",
        vector,
    )


@pytest.mark.property
@pytest.mark.parametrize(
    "vector", ["[NaN,0]", "[Infinity,0]", "[0,0]", "[0.999,0]", "[1,0.1]", "[2,0]", "[]", "[1,0,0]"]
)
async def test_property_7_the_database_itself_refuses_what_is_no_unit_vector(
    postgres_engine: AsyncEngine, database_url: str, vector: str
) -> None:
    await store(
        PostgresUnitOfWorkFactory(postgres_engine), photo(new_session(), "p", random_embeddings(1, 1, dimension=2))
    )
    connection = await asyncpg.connect(database_url)
    with pytest.raises((asyncpg.CheckViolationError, asyncpg.DataError)):
        await insert_face(connection, vector)
    await insert_face(connection, "[1,0]")
    await connection.close()


@pytest.mark.property
async def test_property_8_indexing_writes_its_tables_in_one_transaction(
    postgres_engine: AsyncEngine, database_url: str
) -> None:
    units = PostgresUnitOfWorkFactory(postgres_engine)
    connection = await asyncpg.connect(database_url)
    await store(units, photo(new_session(), "first", random_embeddings(1, 1)))  # makes the model's table
    written = {"sessions", "photos", "faces_1"}
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    untouched = sorted({row["tablename"] for row in tables} - written - {"faces"})
    before = [await connection.fetch(f"SELECT *, xmin::text FROM {table}") for table in untouched]  # noqa: S608 - ours
    session = new_session()
    for faces in (3, 2):
        await store(units, photo(session, "p", random_embeddings(faces, faces)))
        writers = await connection.fetch(
            "SELECT f.xmin::text FROM faces_1 f JOIN photos p ON p.pk = f.photo_pk WHERE p.photo_id = 'p'"
            " UNION SELECT xmin::text FROM photos WHERE photo_id = 'p'"
            " UNION SELECT xmin::text FROM sessions WHERE session_id = $1",
            session,
        )
        assert len(writers) == 1
    after = [await connection.fetch(f"SELECT *, xmin::text FROM {table}") for table in untouched]  # noqa: S608 - ours
    assert after == before
    await connection.close()


async def test_a_face_belongs_to_the_session_of_its_photo(postgres_engine: AsyncEngine, database_url: str) -> None:
    units = PostgresUnitOfWorkFactory(postgres_engine)
    await store(units, photo(new_session(), "p", random_embeddings(1, 1)), photo(new_session(), "q"))
    connection = await asyncpg.connect(database_url)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await connection.execute("UPDATE faces SET session_pk = session_pk + 1")
    await connection.close()


async def test_a_search_reads_its_session_by_the_key_even_beside_an_ann_index(
    postgres_engine: AsyncEngine, database_url: str
) -> None:
    units = PostgresUnitOfWorkFactory(postgres_engine)
    session, other = new_session(), new_session()
    embeddings = random_embeddings(1, 300)
    await store(units, photo(session, "p", embeddings[:100]), *(photo(other, f"{n}", embeddings) for n in range(5)))
    connection = await asyncpg.connect(database_url)
    await connection.execute("CREATE INDEX ann ON faces USING hnsw ((embedding::halfvec(8)) halfvec_ip_ops)")
    await connection.execute("ANALYZE")
    found = await search(units, session, embeddings[0])
    assert (found.total, found.candidates[0].face_no) == (1, 0)
    await postgres_engine.dispose()  # statistics are written when a session ends
    await connection.execute("SELECT pg_stat_clear_snapshot()")
    scans = await connection.fetchval(
        "SELECT sum(s.idx_scan)::int FROM pg_stat_user_indexes s JOIN pg_class c ON c.oid = s.indexrelid"
        " JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'hnsw'"
    )
    assert scans == 0
    await connection.close()


@pytest.mark.property
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32 - 1), faces=st.lists(st.integers(0, 4), min_size=1, max_size=10))
async def test_both_repositories_agree(postgres_engine: AsyncEngine, seed: int, faces: list[int]) -> None:
    """Property 5 at repository level: the same candidates in the same order; cosines within half precision."""
    session = new_session()
    embeddings = iter(random_embeddings(seed, sum(faces) + 1))
    probe = next(embeddings)
    photos = [photo(session, f"{n}", [next(embeddings) for _ in range(count)]) for n, count in enumerate(faces)]
    results = []
    for units in (InMemoryUnitOfWorkFactory(InMemoryStore()), PostgresUnitOfWorkFactory(postgres_engine)):
        await store(units, *photos)
        results.append(await search(units, session, probe, limit=5))
    memory, real = results
    assert memory.total == real.total
    assert [(c.photo_id, c.face_no, c.box, c.confidence) for c in memory.candidates] == [
        (c.photo_id, c.face_no, c.box, c.confidence) for c in real.candidates
    ]
    np.testing.assert_allclose(
        [c.cosine for c in memory.candidates], [c.cosine for c in real.candidates], rtol=0, atol=COSINE_TOLERANCE
    )
