"""Galleries on their way to another model, in PostgreSQL: every step, and whatever else happens in between."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from facepass.adapters.pgvector.sealing.keys import Keyring
from facepass.adapters.pgvector.search.planner import SearchLimits
from facepass.adapters.pgvector.template_codec import TemplateCodec
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.application.ports import UnitOfWorkFactory
from facepass.domain.embedding import Embedding, TemplateSpace
from facepass.domain.errors import Conflict, ErasedMeanwhile, GalleryChanged, NotFound
from facepass.domain.gallery import ModelChange, Photo, PhotoId, SessionId
from facepass.domain.identification import CandidateList, Probe
from tests.fixtures_postgres import ask
from tests.gallery_builders import NOON, OTHER_MODEL, PROBE, SPACE, new_session, photo, random_embeddings
from tests.gallery_steps import search, store

NEW = TemplateSpace(OTHER_MODEL, 16)
NEW_PROBE = random_embeddings(99, 1, dimension=NEW.dimension, model=NEW.model)[0]
PHOTOS = 5
FACES = 2
CHANGES = 20
WAYS = {
    "in the database": (None, SearchLimits()),
    "in memory": (None, SearchLimits(database_max_faces=0)),
    "sealed": (TemplateCodec(Keyring(["5e" * 32])), SearchLimits()),
}


@pytest.fixture(params=WAYS.values(), ids=list(WAYS))
async def units(request: pytest.FixtureRequest, shared_postgres_engine: AsyncEngine) -> UnitOfWorkFactory:
    codec, limits = request.param
    return PostgresUnitOfWorkFactory(shared_postgres_engine, codec=codec, limits=limits)


@pytest.fixture
async def plain(shared_postgres_engine: AsyncEngine) -> AsyncIterator[UnitOfWorkFactory]:
    return PostgresUnitOfWorkFactory(shared_postgres_engine)


def old(session: SessionId, name: str, seed: int = 0) -> Photo:
    return photo(session, name, random_embeddings(1000 * seed + hash_of(name), FACES))


def new(session: SessionId, name: str, seed: int = 0) -> Photo:
    templates = random_embeddings(1000 * seed + hash_of(name), FACES, dimension=NEW.dimension, model=NEW.model)
    return photo(session, name, templates)


def hash_of(name: str) -> int:
    return sum(name.encode())


def names(count: int = PHOTOS) -> list[str]:
    return [f"p{number}" for number in range(count)]


async def gallery_of(units: UnitOfWorkFactory, count: int = PHOTOS) -> SessionId:
    session = new_session()
    await store(units, *(old(session, name) for name in names(count)))
    return session


async def begin(units: UnitOfWorkFactory, session: SessionId, space: TemplateSpace = NEW) -> None:
    async with units() as unit:
        await unit.changes.begin(session, space)
        await unit.commit()


async def pending(units: UnitOfWorkFactory, session: SessionId, *, limit: int = 100) -> dict[str, int]:
    async with units() as unit:
        return {one.photo_id: one.revision for one in await unit.changes.pending(session, after=None, limit=limit)}


async def build(units: UnitOfWorkFactory, session: SessionId, *, most: int = 100, seed: int = 0) -> int:
    """Store what is pending, at most `most` photos; how many."""
    todo = list((await pending(units, session, limit=most)).items())
    for name, revision in todo:
        assert await put_new(units, new(session, name, seed), revision)
    return len(todo)


async def put_new(units: UnitOfWorkFactory, one: Photo, revision: int) -> bool:
    async with units() as unit:
        stored = await unit.changes.store(one, NEW, revision=revision)
        await unit.commit()
        return stored


async def step(units: UnitOfWorkFactory, session: SessionId, name: str) -> None:
    async with units() as unit:
        await getattr(unit.changes, name)(session)
        await unit.commit()


async def changed(units: UnitOfWorkFactory, session: SessionId) -> None:
    """All the way to the switch."""
    await begin(units, session)
    await build(units, session)
    await step(units, session, "switch")


async def index_both(units: UnitOfWorkFactory, session: SessionId, name: str, seed: int) -> None:
    """As indexing does while a change is under way: both editions in one go, the served one first."""
    async with units() as unit:
        state = await unit.galleries.state(session)
        of_space = {SPACE: old(session, name, seed), NEW: new(session, name, seed)}
        editions = {space: [of_space[space]] for space in state.spaces}
        assert len(editions) == 2
        await unit.galleries.replace_photos(session, editions, since=state.revision)
        await unit.commit()


def matched(found: CandidateList) -> dict[str, float]:
    assert len({one.photo_id for one in found.candidates}) == len(found.candidates)
    return {one.photo_id: one.cosine for one in found.candidates}


async def counts(units: UnitOfWorkFactory, session: SessionId) -> tuple[int, int]:
    async with units() as unit:
        status = await unit.galleries.gallery(session)
    assert status is not None
    return status.photo_count, status.face_count


async def rows(url: str, session: SessionId, table: str = "faces") -> int:
    question = f"SELECT count(*) FROM {table} t JOIN sessions s ON s.pk = t.session_pk WHERE s.session_id = '{session}'"  # noqa: S608 - ids of our own
    return int(str(await ask(url, question)))


async def test_the_new_model_serves_from_the_switch_on_and_the_old_one_until_then(units, shared_database_url):
    session = await gallery_of(units)
    before = await search(units, session)
    await begin(units, session)
    async with units() as unit:
        building = await unit.galleries.state(session)
    assert (building.spaces, building.change) == ((SPACE, NEW), ModelChange.BUILDING)
    assert list(await pending(units, session)) == names()

    assert await build(units, session) == PHOTOS
    assert await pending(units, session) == {}
    assert await search(units, session) == before
    await step(units, session, "switch")

    async with units() as unit:
        switched = await unit.galleries.state(session)
    assert (switched.spaces, switched.change, switched.face_count) == (
        (NEW, SPACE),
        ModelChange.SWITCHED,
        PHOTOS * FACES,
    )
    assert set(matched(await search(units, session, NEW_PROBE))) == set(names())
    with pytest.raises(GalleryChanged):
        await search(units, session)
    assert await counts(units, session) == (PHOTOS, PHOTOS * FACES)

    await step(units, session, "finish")
    async with units() as unit:
        finished = await unit.galleries.state(session)
    assert (finished.spaces, finished.change) == ((NEW,), None)
    assert await rows(shared_database_url, session) == PHOTOS * FACES
    assert await rows(shared_database_url, session, "photos") == PHOTOS
    assert set(matched(await search(units, session, NEW_PROBE))) == set(names())


@pytest.mark.parametrize("built", [0, 2, PHOTOS])
async def test_rolling_back_while_building_leaves_nothing(units, shared_database_url, built):
    session = await gallery_of(units)
    before = await search(units, session)
    await begin(units, session)
    await build(units, session, most=built) if built else None

    await step(units, session, "roll_back")

    assert await search(units, session) == before
    assert await rows(shared_database_url, session) == PHOTOS * FACES
    async with units() as unit:
        assert (await unit.galleries.state(session)).spaces == (SPACE,)


async def test_rolling_back_after_the_switch_gives_the_same_answers_to_the_last_bit(units, shared_database_url):
    session = await gallery_of(units)
    before = await search(units, session)
    await changed(units, session)
    await search(units, session, NEW_PROBE)

    await step(units, session, "roll_back")

    assert await search(units, session) == before
    assert await counts(units, session) == (PHOTOS, PHOTOS * FACES)
    assert await rows(shared_database_url, session) == PHOTOS * FACES
    with pytest.raises(GalleryChanged):
        await search(units, session, NEW_PROBE)


async def test_a_change_may_be_tried_again_after_a_roll_back(units):
    session = await gallery_of(units)
    await changed(units, session)
    first = matched(await search(units, session, NEW_PROBE))
    await step(units, session, "roll_back")
    await begin(units, session)
    assert await build(units, session, seed=1) == PHOTOS
    await step(units, session, "switch")

    again = matched(await search(units, session, NEW_PROBE))

    assert set(again) == set(first)
    assert not set(again.values()) & set(first.values())


async def test_a_photo_deleted_between_two_changes_does_not_bring_the_first_one_back(units):
    session = await gallery_of(units)
    await changed(units, session)
    await search(units, session, NEW_PROBE)
    await step(units, session, "roll_back")
    async with units() as unit:
        await unit.galleries.delete_photo(session, PhotoId("p1"), at=NOON)
        await unit.commit()
    await changed(units, session)

    found = await search(units, session, NEW_PROBE)

    assert set(matched(found)) == set(names()) - {"p1"}
    assert found.total == PHOTOS - 1


async def test_photos_indexed_while_building_are_in_both_and_not_pending(units):
    session = await gallery_of(units)
    await begin(units, session)
    await build(units, session, most=2)
    await index_both(units, session, "p0", seed=7)  # built already
    await index_both(units, session, "p4", seed=7)  # not yet
    await index_both(units, session, "added", seed=7)
    assert list(await pending(units, session)) == ["p2", "p3"]
    await build(units, session)
    old_answer = matched(await search(units, session))

    await step(units, session, "switch")
    new_answer = matched(await search(units, session, NEW_PROBE))
    await step(units, session, "roll_back")

    assert set(new_answer) == set(old_answer) == {*names(), "added"}
    assert matched(await search(units, session)) == old_answer
    assert await counts(units, session) == (PHOTOS + 1, (PHOTOS + 1) * FACES)


async def test_photos_indexed_after_the_switch_survive_going_back_and_going_on(units):
    for ending, probe in (("roll_back", PROBE), ("finish", NEW_PROBE)):
        session = await gallery_of(units)
        await changed(units, session)
        await index_both(units, session, "p1", seed=3)
        await index_both(units, session, "late", seed=3)
        await step(units, session, ending)
        assert set(matched(await search(units, session, probe))) == {*names(), "late"}
        assert await counts(units, session) == (PHOTOS + 1, (PHOTOS + 1) * FACES)


async def test_who_indexes_for_one_model_only_during_a_change_is_told_to_look_again(plain):
    session = await gallery_of(plain)
    async with plain() as unit:
        since = (await unit.galleries.state(session)).revision
    await begin(plain, session)

    with pytest.raises(GalleryChanged):
        await store(plain, old(session, "p1", seed=5))
    async with plain() as unit:
        with pytest.raises(GalleryChanged):
            await unit.galleries.replace_photos(session, {SPACE: [old(session, "p1")]}, since=since)
    await changed_to_end(plain, session)
    async with plain() as unit:
        editions = {NEW: [new(session, "p1")], SPACE: [old(session, "p1")]}
        with pytest.raises(GalleryChanged):
            await unit.galleries.replace_photos(session, editions, since=since)


async def changed_to_end(units: UnitOfWorkFactory, session: SessionId) -> None:
    await build(units, session)
    await step(units, session, "switch")
    await step(units, session, "finish")


@pytest.mark.parametrize("meanwhile", ["index", "delete photo", "forget"])
async def test_what_changed_since_it_was_pending_is_not_stored(units, meanwhile):
    session = await gallery_of(units)
    await begin(units, session)
    revision = (await pending(units, session))["p2"]
    if meanwhile == "index":
        await index_both(units, session, "p2", seed=11)
    else:
        async with units() as unit:
            if meanwhile == "delete photo":
                await unit.galleries.delete_photo(session, PhotoId("p2"), at=NOON)
            else:
                everybody = [(Probe.of(PROBE), -1.0), (Probe.of(NEW_PROBE), -1.0)]
                await unit.galleries.forget_faces(session, everybody, at=NOON)
            await unit.commit()

    assert not await put_new(units, new(session, "p2", seed=12), revision)

    async with units() as unit:
        kept = await unit.galleries.photo(session, PhotoId("p2"))
    if meanwhile == "index":
        assert "p2" not in await pending(units, session)
    elif meanwhile == "delete photo":
        assert kept is None
        assert "p2" not in await pending(units, session)
    else:
        assert kept is not None
        assert kept.templates == ()
        assert (await pending(units, session))["p2"] > revision


async def test_a_face_forgotten_for_the_served_model_alone_makes_its_photo_pending_again(units):
    session = await gallery_of(units)
    await begin(units, session)
    await build(units, session)
    async with units() as unit:
        nobody = (Probe.of(NEW_PROBE), 1.0)
        await unit.galleries.forget_faces(session, [(Probe.of(old_face(session, "p3")), 0.99), nobody], at=NOON)
        await unit.commit()

    assert list(await pending(units, session)) == ["p3"]
    with pytest.raises(Conflict, match="1 photos"):
        await step(units, session, "switch")


def old_face(session: SessionId, name: str) -> Embedding:
    return old(session, name).templates[0].embedding


@pytest.mark.parametrize("how_far", ["building", "switched"])
async def test_a_photo_deleted_during_a_change_is_gone_from_both(units, shared_database_url, how_far):
    session = await gallery_of(units)
    await begin(units, session)
    await build(units, session)
    if how_far == "switched":
        await step(units, session, "switch")
    async with units() as unit:
        erasure = await unit.galleries.delete_photo(session, PhotoId("p1"), at=NOON)
        await unit.commit()
    assert (erasure.photos_removed, erasure.embeddings_removed) == (1, 2 * FACES)
    assert await rows(shared_database_url, session) == 2 * FACES * (PHOTOS - 1)

    await step(units, session, "roll_back" if how_far == "switched" else "switch")

    answer = await search(units, session, *([] if how_far == "switched" else [NEW_PROBE]))
    assert set(matched(answer)) == set(names()) - {"p1"}


@pytest.mark.parametrize("how_far", ["building", "switched"])
async def test_a_session_deleted_during_a_change_begins_anew_without_one(units, shared_database_url, how_far):
    session = await gallery_of(units)
    await begin(units, session)
    await build(units, session, most=2 if how_far == "building" else PHOTOS)
    revision = 1
    if how_far == "switched":
        await step(units, session, "switch")
    async with units() as unit:
        erasure = await unit.galleries.delete_gallery(session, at=NOON)
        await unit.commit()
    assert erasure.photos_removed == PHOTOS
    assert await rows(shared_database_url, session) == 0

    with pytest.raises(GalleryChanged):
        await put_new(units, new(session, "p4"), revision)
    for name in ("switch", "roll_back", "finish"):
        with pytest.raises(Conflict):
            await step(units, session, name)
    assert await pending(units, session) == {}
    with pytest.raises(NotFound):
        await begin(units, session)
    async with units() as unit:
        with pytest.raises(ErasedMeanwhile):
            await unit.galleries.replace_photos(session, {SPACE: [old(session, "p0")]}, since=1)
    await store(units, old(session, "p0"))
    assert set(matched(await search(units, session))) == {"p0"}


async def test_a_run_that_was_killed_half_way_goes_on_where_it_was(units):
    session = await gallery_of(units)
    await begin(units, session)
    await build(units, session, most=2)
    name, revision = next(iter((await pending(units, session)).items()))
    async with units() as unit:
        assert await unit.changes.store(new(session, name), NEW, revision=revision)
        # the process ends here: no commit
    await begin(units, session)

    assert list(await pending(units, session)) == ["p2", "p3", "p4"]
    await build(units, session)
    await step(units, session, "switch")
    assert set(matched(await search(units, session, NEW_PROBE))) == set(names())


async def test_pending_photos_come_in_pages_with_the_key_they_were_read_under(plain):
    session = new_session()
    keyed = Photo(session, PhotoId("b"), None, 0, (), NOON, source_key="folder/b.jpg")
    await store(plain, photo(session, "a"), keyed, photo(session, "ä"), photo(session, "Z"))
    assert await pending(plain, session) == {}
    await begin(plain, session)
    async with plain() as unit:
        first = await unit.changes.pending(session, after=None, limit=2)
        rest = await unit.changes.pending(session, after=first[-1].photo_id, limit=100)

    assert [one.photo_id for one in (*first, *rest)] == ["Z", "a", "b", "ä"]
    assert [one.source_key for one in (*first, *rest)] == [None, None, "folder/b.jpg", None]


async def test_steps_out_of_order_are_refused(plain):
    session = await gallery_of(plain)
    third = TemplateSpace(OTHER_MODEL, 4)
    with pytest.raises(NotFound):
        await begin(plain, new_session())
    with pytest.raises(Conflict):
        await begin(plain, session, SPACE)
    for name in ("switch", "roll_back", "finish"):
        with pytest.raises(Conflict):
            await step(plain, session, name)
    await begin(plain, session)
    await begin(plain, session)
    with pytest.raises(Conflict):
        await begin(plain, session, third)
    with pytest.raises(Conflict, match=f"{PHOTOS} photos"):
        await step(plain, session, "switch")
    with pytest.raises(Conflict):
        await step(plain, session, "finish")
    await build(plain, session)
    await step(plain, session, "switch")
    for space in (SPACE, NEW, third):
        with pytest.raises(Conflict):
            await begin(plain, session, space)
    with pytest.raises(Conflict):
        await step(plain, session, "switch")
    with pytest.raises(GalleryChanged):
        await put_new(plain, new(session, "p0"), 1)
    await step(plain, session, "finish")
    await begin(plain, session, SPACE)


async def test_a_model_may_change_in_dimension_alone_and_templates_must_fit(plain):
    session = await gallery_of(plain, 1)
    wider = TemplateSpace(SPACE.model, 16)
    await begin(plain, session, wider)
    revision = (await pending(plain, session))["p0"]
    async with plain() as unit:
        with pytest.raises(Conflict):
            await unit.changes.store(old(session, "p0"), wider, revision=revision)
    async with plain() as unit:
        with pytest.raises(GalleryChanged):
            await unit.changes.store(new(session, "p0"), NEW, revision=revision)


async def test_a_switch_waits_for_whoever_is_storing_and_counts_what_they_stored(plain, shared_database_url):
    session = await gallery_of(plain, 1)
    await begin(plain, session)
    revision = (await pending(plain, session))["p0"]
    async with plain() as builder:
        assert await builder.changes.store(new(session, "p0"), NEW, revision=revision)
        switching = asyncio.create_task(step(plain, session, "switch"))
        await somebody_waits_for_a_lock(shared_database_url)
        assert not switching.done()
        await builder.commit()
    await switching

    assert set(matched(await search(plain, session, NEW_PROBE))) == {"p0"}


async def test_a_photo_that_is_stored_after_waiting_for_its_deletion_is_not_stored(plain, shared_database_url):
    session = await gallery_of(plain)
    await begin(plain, session)
    revision = (await pending(plain, session))["p3"]
    async with plain() as eraser:
        await eraser.galleries.delete_photo(session, PhotoId("p3"), at=NOON)
        storing = asyncio.create_task(put_new(plain, new(session, "p3"), revision))
        await somebody_waits_for_a_lock(shared_database_url)
        await eraser.commit()

    assert await storing is False
    assert list(await pending(plain, session)) == ["p0", "p1", "p2", "p4"]


async def somebody_waits_for_a_lock(url: str) -> None:
    question = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    while not await ask(url, question):
        pass


@pytest.mark.parametrize("ending", ["roll_back", "finish"])
async def test_a_concurrent_search_is_answered_by_one_model_whole_or_told_to_look_again(units, ending):
    sessions = [await gallery_of(units) for _ in range(CHANGES)]
    for session in sessions:
        await begin(units, session)
        await build(units, session)
    over = asyncio.Event()
    answers: list[tuple[str, frozenset[str]]] = []

    async def look(model: str, probe: Embedding) -> None:
        while not over.is_set():
            for session in sessions:
                try:
                    found = await search(units, session, probe)
                except GalleryChanged:
                    continue
                answers.append((model, frozenset(matched(found))))

    async with asyncio.TaskGroup() as group:
        for model, probe in (("old", PROBE), ("new", NEW_PROBE)) * 2:
            group.create_task(look(model, probe))
        for session in sessions:
            await step(units, session, "switch")
            await step(units, session, ending)
        over.set()

    assert {model for model, _ in answers} >= {"old"}
    assert {found for _, found in answers} == {frozenset(names())}
