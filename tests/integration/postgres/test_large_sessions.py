"""Sessions beyond what is searched face by face: in memory, and by an index of their own."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import asyncpg
import numpy as np
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from facepass.adapters.pgvector.engine import PoolSettings
from facepass.adapters.pgvector.in_memory.cache import SessionCache
from facepass.adapters.pgvector.search.approximate import ApproximateSearch, HnswParameters
from facepass.adapters.pgvector.search.hnsw_index import HnswIndex
from facepass.adapters.pgvector.search.planner import SearchLimits
from facepass.adapters.pgvector.statements.reading import HEADER
from facepass.adapters.pgvector.transaction import Transaction
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.domain.embedding import Embedding, TemplateSpace
from facepass.domain.gallery import Photo, PhotoId, SessionId
from facepass.domain.identification import Probe, SearchMode
from tests.fixtures_postgres import ask, run_sql
from tests.gallery_builders import MODEL, NOON, new_session, photo
from tests.gallery_steps import search, store

DIMENSION = 32
EXACT_MAX = 300
PARAMETERS = HnswParameters(m=16, ef_construction=64, ef_search=100)
IN_MEMORY = SearchLimits(database_max_faces=0)
BY_INDEX = SearchLimits(database_max_faces=0, exact_max_faces=EXACT_MAX)


def people(seed: int, *, count: int, photos_each: int) -> list[list[Embedding]]:
    """Templates of so many people, each person's close together."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(count, DIMENSION))
    return [
        [Embedding.normalised(MODEL, centre + 0.15 * rng.normal(size=DIMENSION)) for _ in range(photos_each)]
        for centre in centres
    ]


async def store_at_once(units: PostgresUnitOfWorkFactory, session: SessionId, photos: Sequence[Photo]) -> None:
    async with units() as unit:
        since = (await unit.galleries.state(session)).revision
        await unit.galleries.replace_photos(session, {TemplateSpace(MODEL, DIMENSION): photos}, since=since)
        await unit.commit()


async def fill(units: PostgresUnitOfWorkFactory, crowd: list[list[Embedding]]) -> SessionId:
    session = new_session()
    photos = [
        photo(session, f"{person}-{number}", [one])
        for person, templates in enumerate(crowd)
        for number, one in enumerate(templates)
    ]
    await store_at_once(units, session, photos)
    return session


def index_over(engine: AsyncEngine, url: str) -> HnswIndex:
    return HnswIndex(engine, url=url, pool=PoolSettings(), parameters=PARAMETERS, exact_max_faces=EXACT_MAX, seed=1)


async def test_an_index_is_built_searched_and_measured(postgres_engine: AsyncEngine, database_url: str) -> None:
    units = PostgresUnitOfWorkFactory(postgres_engine, limits=BY_INDEX, hnsw=PARAMETERS)
    exact = PostgresUnitOfWorkFactory(postgres_engine)
    crowd = people(1, count=100, photos_each=8)
    session = await fill(units, crowd)
    index = index_over(postgres_engine, database_url)
    assert await index.measure_recall(probes=5) is None
    assert (await search(units, session, crowd[0][0])).mode is SearchMode.EXACT  # no index yet: exact all the same
    before = await index.inspect()
    assert (before.galleries, before.missing, before.valid) == (0, 1, False)
    assert await index.mend() == 1
    assert await index.mend() == 0
    after = await index.inspect()
    assert (after.galleries, after.missing, after.valid) == (1, 0, True)
    assert after.size_bytes > 0
    for templates in crowd[:20]:
        found = await search(units, session, templates[0], least=0.8)
        wanted = await search(exact, session, templates[0], least=0.8)
        assert found.mode is SearchMode.ANN
        assert [c.photo_id for c in found.candidates] == [c.photo_id for c in wanted.candidates]
        assert [c.cosine for c in found.candidates] == pytest.approx([c.cosine for c in wanted.candidates], abs=1e-6)
    recall = await index.measure_recall(probes=20)
    assert recall is not None
    assert recall >= 0.95
    assert (await index.inspect()).recall == recall


async def test_all_matches_are_found_however_many(postgres_engine: AsyncEngine, database_url: str) -> None:
    units = PostgresUnitOfWorkFactory(postgres_engine, limits=BY_INDEX, hnsw=PARAMETERS)
    crowd = [*people(2, count=1, photos_each=500), *people(3, count=300, photos_each=10)]
    session = await fill(units, crowd)
    assert await index_over(postgres_engine, database_url).mend() == 1
    found = await search(units, session, crowd[0][0], least=0.8, limit=10)
    assert (found.mode, len(found.candidates)) == (SearchMode.ANN, 10)
    exact = await search(PostgresUnitOfWorkFactory(postgres_engine), session, crowd[0][0], least=0.8)
    assert exact.total > 400  # more than are asked for at first
    assert found.total >= 0.98 * exact.total


async def test_where_too_much_matches_the_index_gives_up(postgres_engine: AsyncEngine, database_url: str) -> None:
    units = PostgresUnitOfWorkFactory(postgres_engine, limits=BY_INDEX, hnsw=PARAMETERS)
    crowd = people(7, count=1, photos_each=600)
    session_id = await fill(units, crowd)
    assert await index_over(postgres_engine, database_url).mend() == 1
    transaction = Transaction(postgres_engine)
    await transaction.open()
    session = (await transaction.read(HEADER, {"session": session_id})).one()
    await transaction.close()
    short = ApproximateSearch(postgres_engine, parameters=PARAMETERS, most_faces=500)
    assert await short.candidates(session, Probe.of(crowd[0][0]), least_cosine=0.0, limit=5) is None
    found = await search(units, session_id, crowd[0][0], least=0.0)
    assert (found.mode, found.total) == (SearchMode.ANN, 600)


async def test_a_broken_index_is_rebuilt_and_one_without_a_session_dropped(
    postgres_engine: AsyncEngine, database_url: str
) -> None:
    units = PostgresUnitOfWorkFactory(postgres_engine, limits=BY_INDEX, hnsw=PARAMETERS)
    crowd = people(4, count=50, photos_each=8)
    session = await fill(units, crowd)
    index = index_over(postgres_engine, database_url)
    await index.mend()
    name, table = "faces_1_session_1_hnsw", "faces_1"
    fails = f'CREATE INDEX CONCURRENTLY "{name}" ON {table} USING hnsw ((embedding::halfvec(7)) halfvec_ip_ops)'
    with pytest.raises(asyncpg.DataError, match="expected 7 dimensions"):  # a build that breaks off leaves this behind
        await run_sql(database_url, f'DROP INDEX "{name}"', fails)
    assert not (await index.inspect()).valid
    assert (await search(units, session, crowd[0][0])).mode is SearchMode.EXACT
    assert await index.mend() == 1
    assert (await index.inspect()).valid
    assert (await search(units, session, crowd[0][0], least=0.8)).mode is SearchMode.ANN
    async with units() as unit:
        await unit.galleries.delete_gallery(session, at=NOON)
        await unit.commit()
    assert await index.mend() == 1
    assert await ask(database_url, "SELECT count(*) FROM pg_class WHERE relname LIKE '%_hnsw'") == 0


async def test_what_is_held_in_memory_follows_every_write(postgres_engine: AsyncEngine) -> None:
    cache = SessionCache(2**24)
    writer = PostgresUnitOfWorkFactory(postgres_engine)
    reader = PostgresUnitOfWorkFactory(postgres_engine, limits=IN_MEMORY, cache=cache)
    crowd = people(5, count=40, photos_each=5)
    session = await fill(writer, crowd)
    probe = crowd[0][0]

    async def assert_same() -> None:
        ours, exact = await search(reader, session, probe), await search(writer, session, probe)
        assert [(c.photo_id, c.face_no, c.box) for c in ours.candidates] == [
            (c.photo_id, c.face_no, c.box) for c in exact.candidates
        ]
        assert ours.total == exact.total
        assert [c.cosine for c in ours.candidates] == pytest.approx([c.cosine for c in exact.candidates], abs=1e-6)

    await assert_same()
    assert cache.entries == 1
    await store(writer, photo(session, "0-0", [crowd[1][0]]), photo(session, "new", [crowd[0][1]]))
    await assert_same()
    await store_at_once(writer, session, [photo(session, "0-1")])
    await assert_same()
    async with writer() as unit:
        await unit.galleries.delete_photo(session, PhotoId("0-2"), at=NOON)
        await unit.commit()
    await assert_same()
    await store(writer, photo(session, "0-2", [crowd[0][3]]))
    await assert_same()
    async with writer() as unit:  # the trace of a photo is gone before the reader looked: it reads all of it again
        await unit.galleries.delete_photo(session, PhotoId("0-3"), at=NOON)
        await unit.catalogue.purge_erased(NOON + timedelta(days=1))
        await unit.commit()
    await assert_same()
    async with writer() as unit:
        await unit.galleries.forget_faces(session, [(Probe.of(probe), 0.8)], at=NOON)
        await unit.commit()
    await assert_same()
    async with writer() as unit:
        await unit.galleries.delete_gallery(session, at=NOON)
        await unit.commit()
    await assert_same()
    await store(writer, photo(session, "again", [probe]))
    await assert_same()


async def test_many_readers_in_memory_do_not_starve_on_connections(postgres_engine: AsyncEngine) -> None:
    units = PostgresUnitOfWorkFactory(postgres_engine, limits=IN_MEMORY)
    crowd = people(6, count=20, photos_each=5)
    sessions = [await fill(units, crowd) for _ in range(15)]
    found = await asyncio.gather(*(search(units, session, crowd[0][0], least=0.8) for session in sessions * 4))
    assert len({one.total for one in found}) == 1
