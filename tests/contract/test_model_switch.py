"""Switching a gallery to another model, and the way back."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from facepass.application.ports import UnitOfWorkFactory
from facepass.domain.errors import Conflict, GalleryChanged
from facepass.domain.gallery import ModelChange, PhotoId
from tests.contract.conftest import over_postgres
from tests.gallery_builders import (
    OTHER_SPACE,
    PROBE,
    SPACE,
    at_cosine,
    in_space,
    new_session,
    photo,
    random_embeddings,
)
from tests.gallery_steps import (
    assert_counts,
    assert_same_photo,
    erase,
    forget,
    revision,
    search,
    store,
    store_together,
)
from tests.model_change_steps import begin, build, build_all, change, pending, switched


async def test_switching_waits_for_the_last_photo(units: UnitOfWorkFactory) -> None:
    session = new_session()
    photos = [photo(session, name, [PROBE]) for name in "ab"]
    await store(units, *photos)
    await begin(units, session)
    waiting, _ = await pending(units, session)
    await build(units, in_space(photos[0]), waiting.revision)
    with pytest.raises(Conflict):
        await change(units, lambda changes: changes.switch(session))
    await build_all(units, *photos)
    await change(units, lambda changes: changes.switch(session))
    with pytest.raises(Conflict):
        await change(units, lambda changes: changes.switch(session))


async def test_after_the_switch_the_new_model_serves(units: UnitOfWorkFactory) -> None:
    original = photo(new_session(), "p", random_embeddings(3, 3))
    session = await switched(units, original, photo(original.session_id, "none"))
    built = in_space(original)
    async with units() as unit:
        state = await unit.galleries.state(session)
        assert_same_photo(await unit.galleries.photo(session, PhotoId("p")), built)
    assert (state.spaces, state.change, state.face_count) == ((OTHER_SPACE, SPACE), ModelChange.SWITCHED, 3)
    assert [c.face_no for c in (await search(units, session, built.templates[1].embedding)).candidates] == [1]
    with pytest.raises(GalleryChanged, match="other-model"):
        await search(units, session)
    assert await pending(units, session) == []
    await assert_counts(units, session, ["p", "none"])


async def test_the_way_back_keeps_what_was_indexed_since(units: UnitOfWorkFactory) -> None:
    original = photo(new_session(), "p", random_embeddings(4, 3))
    session = await switched(units, original)
    later = photo(session, "later", random_embeddings(5, 2))
    begun = await revision(units, session)
    await store_together(units, [in_space(later)], [later], spaces=[OTHER_SPACE, SPACE], since=begun)
    await change(units, lambda changes: changes.roll_back(session))
    async with units() as unit:
        state = await unit.galleries.state(session)
        assert_same_photo(await unit.galleries.photo(session, PhotoId("p")), original)
        assert_same_photo(await unit.galleries.photo(session, PhotoId("later")), later)
    assert (state.spaces, state.change, state.face_count) == ((SPACE,), None, 5)
    erasure = await erase(units, session)
    assert (erasure.embeddings_removed, erasure.photos_removed) == (5, 2)  # nothing of the other model was left


@pytest.mark.parametrize("is_finished", [False, True])
async def test_templates_that_were_dropped_are_found_no_more(units: UnitOfWorkFactory, is_finished: bool) -> None:
    # searched before, so that whoever keeps templates in memory has those that are dropped
    original = photo(new_session(), "p", [PROBE])
    spaces = [SPACE, OTHER_SPACE]
    await store(units, original)
    if is_finished:
        assert (await search(units, original.session_id)).total == 1
    session = await switched(units, original)
    if is_finished:
        await change(units, lambda changes: changes.finish(session))
        spaces.reverse()
    else:
        assert (await search(units, session, in_space(original).templates[0].embedding)).total == 1
        await change(units, lambda changes: changes.roll_back(session))
    served, dropped = spaces
    selfies = {SPACE: PROBE, OTHER_SPACE: in_space(original).templates[0].embedding}
    assert (await forget(units, session, (selfies[served], 0.9))).embeddings_removed == 1
    second = photo(session, "q", random_embeddings(8, 1))
    own = {SPACE: second, OTHER_SPACE: in_space(second, seed=8)}
    await store_together(units, [own[served]], spaces=[served], since=await revision(units, session))
    await begin(units, session, dropped)
    p, q = await pending(units, session)
    assert await build(units, replace(original, templates=()), p.revision, space=dropped)
    assert await build(units, own[dropped], q.revision, space=dropped)
    await change(units, lambda changes: changes.switch(session))
    assert [c.photo_id for c in (await search(units, session, selfies[dropped])).candidates] == ["q"]
    await assert_counts(units, session, ["p", "q"])


async def test_a_change_may_be_given_up_while_it_is_built_and_begun_again(units: UnitOfWorkFactory) -> None:
    session = new_session()
    photos = [photo(session, name, [PROBE]) for name in "ab"]
    await store(units, *photos)
    await begin(units, session)
    waiting, _ = await pending(units, session)
    await build(units, in_space(photos[0]), waiting.revision)
    await change(units, lambda changes: changes.roll_back(session))
    assert await pending(units, session) == []
    assert (await search(units, session)).total == 2
    await store(units, photo(session, "c", [PROBE]))
    await begin(units, session)
    assert [one.photo_id for one in await pending(units, session)] == ["a", "b", "c"]
    await begin(units, session)
    await assert_counts(units, session, "abc")


async def test_once_finished_there_is_one_model(units: UnitOfWorkFactory) -> None:
    session = new_session()
    original = photo(session, "p", [PROBE])
    await store(units, original)
    await begin(units, session)
    with pytest.raises(Conflict):
        await change(units, lambda changes: changes.finish(session))
    await build_all(units, original)
    await change(units, lambda changes: changes.switch(session))
    await change(units, lambda changes: changes.finish(session))
    async with units() as unit:
        state = await unit.galleries.state(session)
    assert (state.spaces, state.change, state.face_count) == ((OTHER_SPACE,), None, 1)
    with pytest.raises(Conflict):
        await change(units, lambda changes: changes.roll_back(session))
    await store_together(units, [in_space(original)], spaces=[OTHER_SPACE], since=state.revision)
    assert (await erase(units, session)).embeddings_removed == 1


async def test_erasing_a_photo_counts_the_templates_of_both_models(units: UnitOfWorkFactory) -> None:
    session = new_session()
    photos = [photo(session, "a", random_embeddings(6, 3)), photo(session, "b", random_embeddings(7, 2))]
    await switched(units, *photos)
    erasure = await erase(units, session, "a")
    assert (erasure.embeddings_removed, erasure.photos_removed) == (6, 1)
    await assert_counts(units, session, "ab")
    await change(units, lambda changes: changes.roll_back(session))
    await assert_counts(units, session, "ab")
    async with units() as unit:
        assert await unit.galleries.photo(session, PhotoId("a")) is None


@pytest.mark.parametrize("is_switched", [False, True])
async def test_a_person_is_forgotten_for_both_models(units: UnitOfWorkFactory, is_switched: bool) -> None:
    session = new_session()
    original = photo(session, "p", [at_cosine(0.1), PROBE])
    await store(units, original)
    await begin(units, session)
    await build_all(units, original)
    if is_switched:
        await change(units, lambda changes: changes.switch(session))
    other = in_space(original).templates[1].embedding
    with pytest.raises(GalleryChanged):
        await forget(units, session, (PROBE, 0.9))
    erasure = await forget(units, session, (other, 0.99), (PROBE, 0.9))
    assert (erasure.embeddings_removed, erasure.photos_removed) == (2, 0)
    await assert_counts(units, session, ["p"])
    assert await pending(units, session) == []
    if is_switched:
        await change(units, lambda changes: changes.roll_back(session))
    found = await search(units, session)
    assert [(c.photo_id, c.face_no) for c in found.candidates] == [("p", 0)]
    await assert_counts(units, session, ["p"])


async def test_a_step_without_commit_does_not_hold(units: UnitOfWorkFactory) -> None:
    session = new_session()
    original = photo(session, "p", [PROBE])
    await store(units, original)
    async with units() as unit:
        await unit.changes.begin(session, OTHER_SPACE)
        assert (await unit.galleries.state(session)).change is ModelChange.BUILDING
        (waiting,) = await unit.changes.pending(session, after=None, limit=10)
        await unit.changes.store(in_space(original), OTHER_SPACE, revision=waiting.revision)
        await unit.changes.switch(session)
        assert (await search(units, session)).total == 1  # the former model serves everybody else
    async with units() as unit:
        state = await unit.galleries.state(session)
    assert (state.spaces, state.change) == ((SPACE,), None)


async def test_building_among_writers_leaves_both_models_whole(units: UnitOfWorkFactory) -> None:
    # the gallery holds no face yet, so that whoever comes first decides how its templates are kept
    session = new_session()
    names = [f"{n}" for n in range(6)]
    photos = [photo(session, name, random_embeddings(n, 2)) for n, name in enumerate(names)]
    await store(units, *(replace(one, templates=()) for one in photos))
    await begin(units, session)
    waiting = await pending(units, session)
    begun = await revision(units, session)
    both = [SPACE, OTHER_SPACE]
    outcomes = await asyncio.gather(
        *(build(units, in_space(one), was.revision) for one, was in zip(photos, waiting, strict=True)),
        *(store_together(units, [one], [in_space(one)], spaces=both, since=begun) for one in photos[::2]),
        return_exceptions=True,
    )
    assert [outcome for outcome in outcomes if isinstance(outcome, BaseException)] == []
    await assert_counts(units, session, names)
    assert await pending(units, session) == []
    await change(units, lambda changes: changes.switch(session))
    await assert_counts(units, session, names)
    async with units() as unit:
        for one in photos:
            assert_same_photo(await unit.galleries.photo(session, one.photo_id), in_space(one))


async def test_a_gallery_without_faces_is_sealed_alike_by_all_writers(postgres_engine: AsyncEngine) -> None:
    # it was begun before encryption was configured, so that its first face brings the key
    plain, sealed = (over_postgres(postgres_engine, name) for name in ("postgres", "postgres-encrypted"))
    session = new_session()
    photos = [photo(session, f"{n}", random_embeddings(n, 2)) for n in range(6)]
    await store(plain, *(replace(one, templates=()) for one in photos))
    await begin(plain, session)
    waiting = await pending(plain, session)
    work = zip(photos, waiting, strict=True)
    assert all(await asyncio.gather(*(build(sealed, in_space(one), was.revision) for one, was in work)))
    await change(sealed, lambda changes: changes.switch(session))
    async with sealed() as unit:
        for one in photos:
            assert_same_photo(await unit.galleries.photo(session, one.photo_id), in_space(one))
