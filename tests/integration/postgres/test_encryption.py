"""Templates encrypted at rest: what the tables hold, the change of the key, and what a destroyed key means."""

import re
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from facepass.adapters.pgvector.key_rotation import KeyRotation
from facepass.adapters.pgvector.sealing.errors import SealBroken
from facepass.adapters.pgvector.sealing.keys import Keyring
from facepass.adapters.pgvector.template_codec import TemplateCodec
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.adapters.system.clock import SystemClock
from facepass.domain.errors import ConfigurationError
from facepass.domain.gallery import PhotoId
from tests.fixtures_postgres import ask, run_sql
from tests.gallery_builders import NOON, new_session, photo, random_embeddings
from tests.gallery_steps import search, store

OLD, NEW = "0" * 64, "1" * 64


def units(engine: AsyncEngine, *keys: str) -> PostgresUnitOfWorkFactory:
    return PostgresUnitOfWorkFactory(engine, codec=TemplateCodec(Keyring(keys) if keys else None))


async def test_no_template_is_readable_in_the_tables(postgres_engine: AsyncEngine, database_url: str) -> None:
    sealed = units(postgres_engine, OLD)
    session = new_session()
    embeddings = random_embeddings(1, 3)
    await store(sealed, photo(session, "a", embeddings))
    assert await ask(database_url, "SELECT count(*) FROM faces WHERE embedding IS NOT NULL") == 0
    assert await ask(database_url, "SELECT count(DISTINCT sealed) FROM faces") == 3
    assert (await search(sealed, session, embeddings[0])).candidates[0].face_no == 0


async def test_the_key_changes_under_a_service_that_knows_both(postgres_engine: AsyncEngine, database_url: str) -> None:
    session = new_session()
    (embedding,) = random_embeddings(2, 1)
    await store(units(postgres_engine, OLD), photo(session, "a", [embedding]))
    both = units(postgres_engine, NEW, OLD)
    assert (await search(both, session, embedding)).total == 1
    rotate = KeyRotation(both, keyring=Keyring([NEW, OLD]), clock=SystemClock())
    before = await ask(database_url, "SELECT sealed FROM faces")
    assert [await rotate(), await rotate()] == [1, 0]
    assert await ask(database_url, "SELECT sealed FROM faces") == before
    assert (await search(units(postgres_engine, NEW), session, embedding)).total == 1
    with pytest.raises(ConfigurationError, match=re.escape(Keyring([NEW]).newest)):
        await search(units(postgres_engine, OLD), session, embedding)
    with pytest.raises(ConfigurationError, match="ENCRYPTION_KEY is not set"):
        await search(units(postgres_engine), session, embedding)


async def test_a_session_is_encrypted_whole_or_not_at_all(postgres_engine: AsyncEngine, database_url: str) -> None:
    plain, sealed = units(postgres_engine), units(postgres_engine, OLD)
    before, after = new_session(), new_session()
    embeddings = random_embeddings(3, 2)
    await store(plain, photo(before, "a", embeddings[:1]))
    await store(sealed, photo(before, "b", embeddings[1:]), photo(after, "a", embeddings))
    kinds = (
        "SELECT string_agg(DISTINCT (sealed IS NULL)::text, ',') FROM faces f JOIN sessions s ON s.pk = f.session_pk"
    )
    assert await ask(database_url, f"{kinds} WHERE s.session_id = '{before}'") == "true"
    assert await ask(database_url, f"{kinds} WHERE s.session_id = '{after}'") == "false"
    assert (await search(sealed, before)).total == 2
    with pytest.raises(ConfigurationError):
        await store(plain, photo(after, "b", embeddings))


async def test_a_moved_or_changed_template_is_noticed(postgres_engine: AsyncEngine, database_url: str) -> None:
    sealed = units(postgres_engine, OLD)
    session = new_session()
    await store(sealed, photo(session, "a", random_embeddings(4, 2)))
    swap = "UPDATE faces SET sealed = (SELECT o.sealed FROM faces o WHERE o.face_no = 1 - faces.face_no)"
    await run_sql(database_url, swap)
    with pytest.raises(SealBroken):
        await search(sealed, session)
    async with sealed() as unit:
        with pytest.raises(SealBroken):
            await unit.galleries.photo(session, PhotoId("a"))


async def test_deleting_a_session_destroys_its_key(postgres_engine: AsyncEngine, database_url: str) -> None:
    sealed = units(postgres_engine, OLD)
    session = new_session()
    await store(sealed, photo(session, "a", random_embeddings(5, 2)))
    assert await ask(database_url, "SELECT count(*) FROM session_keys") == 1
    first = await ask(database_url, "SELECT data_key FROM session_keys")
    async with sealed() as unit:
        await unit.galleries.delete_gallery(session, at=NOON)
        await unit.commit()
    assert await ask(database_url, "SELECT count(*) FROM session_keys") == 0
    await store(sealed, photo(session, "a", random_embeddings(5, 2), at=NOON + timedelta(hours=1)))
    assert await ask(database_url, "SELECT data_key FROM session_keys") != first
