"""Erasing a session, a photo, a person: what goes, what stays, and what was under way meanwhile."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facepass.application.ports import UnitOfWorkFactory
from facepass.domain.errors import ErasedMeanwhile, GalleryChanged
from facepass.domain.gallery import Erasure, ErasureKind, PhotoId
from facepass.domain.identification import Probe
from tests.gallery_builders import (
    NOON,
    OTHER_MODEL,
    OTHER_SPACE,
    PROBE,
    SPACE,
    at_cosine,
    in_space,
    new_session,
    photo,
    random_embeddings,
    unlocated,
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

few = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("erased", [None, "p"])
async def test_what_was_under_way_when_it_was_erased_is_not_stored(
    units: UnitOfWorkFactory, erased: str | None, is_known: bool
) -> None:
    session = new_session()
    original = photo(session, "p", [PROBE])
    if is_known:
        await store(units, original)
    begun = await revision(units, session)
    assert (await erase(units, session, erased)).deleted == is_known
    with pytest.raises(ErasedMeanwhile):
        await store_together(units, [original], since=begun)
    assert (await search(units, session)).total == 0
    await assert_counts(units, session, ["p"])


@pytest.mark.parametrize("erased", [None, "p"])
async def test_what_begins_after_an_erasure_is_stored(units: UnitOfWorkFactory, erased: str | None) -> None:
    session = new_session()
    original = photo(session, "p", [PROBE])
    await store(units, original)
    await erase(units, session, erased)
    begun = await revision(units, session)
    assert await store_together(units, [original], since=begun) == frozenset()
    async with units() as unit:
        assert_same_photo(await unit.galleries.photo(session, PhotoId("p")), original)
    await assert_counts(units, session, ["p"])


async def test_an_erased_photo_does_not_stop_others_of_its_session(units: UnitOfWorkFactory) -> None:
    session = new_session()
    begun = await revision(units, session)
    await erase(units, session, "p")
    await store_together(units, [photo(session, "q", [PROBE])], since=begun)
    await assert_counts(units, session, ["p", "q"])
    assert (await search(units, session)).total == 1


async def test_a_batch_with_one_erased_photo_stores_nothing(units: UnitOfWorkFactory) -> None:
    session = new_session()
    await store(units, photo(session, "a", random_embeddings(1, 2)))
    begun = await revision(units, session)
    await erase(units, session, "c")
    batch = [photo(session, name, [PROBE]) for name in "abcd"]
    with pytest.raises(ErasedMeanwhile, match="'c'"):
        await store_together(units, batch, since=begun)
    await assert_counts(units, session, "abcd")
    async with units() as unit:
        kept = await unit.galleries.photo(session, PhotoId("a"))
        assert await unit.galleries.photo(session, PhotoId("b")) is None
    assert_same_photo(kept, photo(session, "a", random_embeddings(1, 2)))


async def test_erasing_a_photo(units: UnitOfWorkFactory) -> None:
    session, other = new_session(), new_session()
    await store(
        units,
        photo(session, "p", random_embeddings(2, 3)),
        photo(session, "q", [PROBE]),
        photo(other, "p", [PROBE]),
    )
    erasure = await erase(units, session, "p")
    assert (erasure.kind, erasure.session_id, erasure.photo_id) == (ErasureKind.PHOTO, session, "p")
    assert (erasure.embeddings_removed, erasure.photos_removed, erasure.erased_at) == (3, 1, NOON)
    again = await erase(units, session, "p")
    assert (again.deleted, again.embeddings_removed, again.photos_removed) == (False, 0, 0)
    assert [c.photo_id for c in (await search(units, session)).candidates] == ["q"]
    assert (await search(units, other)).total == 1
    await assert_counts(units, session, ["p", "q"])


async def test_a_gallery_without_photos_stays_bound_to_its_model(units: UnitOfWorkFactory) -> None:
    session = new_session()
    await store(units, photo(session, "p", [PROBE]))
    await erase(units, session, "p")
    async with units() as unit:
        status = await unit.galleries.gallery(session)
    assert status is not None
    assert (status.photo_count, status.face_count, status.last_indexed) == (0, 0, NOON)


async def test_an_erased_gallery_holds_nothing_but_its_revision(units: UnitOfWorkFactory) -> None:
    session = new_session()
    await store(units, photo(session, "p", [PROBE]))
    before = await revision(units, session)
    await erase(units, session)
    async with units() as unit:
        state = await unit.galleries.state(session)
        assert await unit.galleries.gallery(session) is None
    assert (state.spaces, state.change, state.face_count) == ((), None, 0)
    assert state.revision > before > 0


async def test_every_write_makes_the_revision_grow(units: UnitOfWorkFactory) -> None:
    session = new_session()
    seen = [await revision(units, session)]
    await store(units, photo(session, "p", [PROBE]))
    seen.append(await revision(units, session))
    await store(units, photo(session, "p", [PROBE]))
    seen.append(await revision(units, session))
    await forget(units, session, (PROBE, 0.9))
    seen.append(await revision(units, session))
    await erase(units, session, "p")
    seen.append(await revision(units, session))
    await erase(units, session)
    seen.append(await revision(units, session))
    assert seen[0] == 0
    assert seen == sorted(set(seen))


async def test_forgetting_removes_exactly_the_faces_at_or_above_the_least_cosine(units: UnitOfWorkFactory) -> None:
    session, other = new_session(), new_session()
    cosines = {"a": [0.9, 0.1, 0.7], "b": [0.2], "c": [0.95], "d": []}
    photos = {name: photo(session, name, [at_cosine(cosine) for cosine in of]) for name, of in cosines.items()}
    await store(units, *photos.values(), photo(other, "a", [PROBE]))
    ranked = (await search(units, session)).candidates
    least = next(c.cosine for c in ranked if c.photo_id == "a")  # of a stored face, to the last bit: it goes, too
    erasure = await forget(units, session, (PROBE, least))
    assert (erasure.kind, erasure.session_id, erasure.photo_id) == (ErasureKind.PERSON, session, None)
    assert (erasure.embeddings_removed, erasure.photos_removed, erasure.deleted) == (2, 0, True)
    async with units() as unit:
        for name, original in photos.items():
            left = tuple(t for t, cosine in zip(original.templates, cosines[name], strict=True) if cosine < 0.85)
            assert_same_photo(await unit.galleries.photo(session, PhotoId(name)), replace(original, templates=left))
    await assert_counts(units, session, list(photos))
    assert [c.photo_id for c in (await search(units, session)).candidates] == ["a", "b"]
    assert (await search(units, other)).total == 1
    assert not (await forget(units, session, (PROBE, least))).deleted


async def test_forgetting_in_a_session_never_seen_removes_nothing(units: UnitOfWorkFactory) -> None:
    session = new_session()
    assert not (await forget(units, session, (PROBE, -1.0))).deleted
    async with units() as unit:
        assert await unit.galleries.gallery(session) is None


async def test_forgetting_asks_for_the_spaces_of_the_gallery(units: UnitOfWorkFactory) -> None:
    session = new_session()
    await store(units, photo(session, "p", [PROBE]))
    stranger = at_cosine(1.0, model=OTHER_MODEL)
    for people in ([(stranger, 0.0)], [(PROBE, 0.0), (stranger, 0.0)], []):
        with pytest.raises(GalleryChanged):
            await forget(units, session, *people)
    assert (await search(units, session)).total == 1


async def test_uncommitted_erasures_do_not_hold(units: UnitOfWorkFactory) -> None:
    session = new_session()
    original = photo(session, "p", [PROBE, at_cosine(0.1)])
    await store(units, original)
    begun = await revision(units, session)
    async with units() as unit:
        await unit.galleries.forget_faces(session, [(Probe.of(PROBE), 0.9)], at=NOON)
        assert (await unit.galleries.state(session)).face_count == 1
        await unit.galleries.delete_photo(session, PhotoId("p"), at=NOON)
        assert await unit.galleries.photo(session, PhotoId("p")) is None
        await unit.galleries.delete_gallery(session, at=NOON)
        assert (await unit.galleries.state(session)).spaces == ()
    assert await revision(units, session) == begun
    assert await store_together(units, [original], since=begun) == {"p"}


async def test_what_an_earlier_system_left_comes_back_as_it_is_known(units: UnitOfWorkFactory) -> None:
    session = new_session()
    original = replace(unlocated(photo(session, "p", [at_cosine(0.2), PROBE])), source_key="2025/hall/p.jpg")
    await store(units, original)
    async with units() as unit:
        assert_same_photo(await unit.galleries.photo(session, PhotoId("p")), original)
    (found,) = (await search(units, session)).candidates
    assert (found.box, found.face_no, found.confidence) == (None, 1, original.templates[1].face.confidence)


async def test_a_gallery_refuses_templates_of_more_spaces_than_it_has(units: UnitOfWorkFactory) -> None:
    session = new_session()
    original = photo(session, "p", [PROBE])
    for _ in range(2):
        begun = await revision(units, session)
        with pytest.raises(GalleryChanged):
            await store_together(units, [original], [in_space(original)], spaces=[SPACE, OTHER_SPACE], since=begun)
        await store(units, original)


@pytest.mark.property
@few
@given(
    fresh=st.booleans(),
    erased=st.sampled_from([None, "0", "1"]),
    late=st.integers(0, 3),
)
async def test_property_25_nothing_that_was_begun_before_an_erasure_outlives_it(
    units: UnitOfWorkFactory, fresh: bool, erased: str | None, late: int
) -> None:
    session = new_session()
    photos = [photo(session, f"{n}", random_embeddings(n, 2)) for n in range(4)]
    if not fresh:
        await store(units, *photos[:2])
    begun = await revision(units, session)
    writers = [store_together(units, [one], since=begun) for one in photos]
    # the erasure among the writers, at any place in their queue
    work = [*writers[:late], erase(units, session, erased), *writers[late:]]
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    del outcomes[late]
    gone = [one for one in photos if erased in (None, one.photo_id)]
    async with units() as unit:
        for one, outcome in zip(photos, outcomes, strict=True):
            stored = await unit.galleries.photo(session, one.photo_id)
            if one in gone:
                assert stored is None
                assert isinstance(outcome, ErasedMeanwhile | frozenset)
            else:
                assert_same_photo(stored, one)
                assert isinstance(outcome, frozenset)
    await assert_counts(units, session, [one.photo_id for one in photos])


async def test_erasing_among_writers_removes_whole_photos_and_refuses_the_rest(units: UnitOfWorkFactory) -> None:
    session = new_session()
    photos = [photo(session, f"{n}", random_embeddings(n, 3)) for n in range(10)]
    await store(units, *photos[:5])
    begun = await revision(units, session)
    writers = [store_together(units, [one], since=begun) for one in photos]
    work = [*writers[:5], erase(units, session), *writers[5:], erase(units, session)]
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    erasures = [one for one in outcomes if isinstance(one, Erasure)]
    assert len(erasures) == 2
    was_stored = {f"{n}" for n in range(5)}
    for one, outcome in zip(photos, [*outcomes[:5], *outcomes[6:11]], strict=True):
        assert isinstance(outcome, frozenset | ErasedMeanwhile)
        if isinstance(outcome, frozenset):
            was_stored.add(one.photo_id)
    removed = sum(erasure.photos_removed for erasure in erasures)
    assert removed == len(was_stored)
    assert sum(erasure.embeddings_removed for erasure in erasures) == 3 * removed
    async with units() as unit:
        assert await unit.galleries.gallery(session) is None


async def test_forgetting_among_writers_leaves_counts_whole(units: UnitOfWorkFactory) -> None:
    session = new_session()
    names = [f"{n}" for n in range(8)]
    photos = [photo(session, name, [at_cosine(0.95), at_cosine(0.1)]) for name in names]
    await store(units, *photos[:4])
    await asyncio.gather(*(store(units, one) for one in photos), forget(units, session, (PROBE, 0.9)))
    await assert_counts(units, session, names)
    await forget(units, session, (PROBE, 0.9))
    await assert_counts(units, session, names)
    assert all(c.cosine < 0.2 for c in (await search(units, session)).candidates)
