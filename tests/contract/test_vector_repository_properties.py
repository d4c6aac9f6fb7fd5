"""The numbered properties that a vector repository has to hold, over generated input, in memory and over PostgreSQL."""

import asyncio
import itertools
import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facepass.application.ports import UnitOfWorkFactory
from facepass.domain.embedding import Embedding, ModelId
from facepass.domain.gallery import MAX_ID_LENGTH, PhotoId, SessionId
from facepass.domain.identification import Probe
from tests.gallery_builders import MODEL, NOON, PROBE, at_cosine, new_session, photo, random_embeddings
from tests.gallery_steps import COSINE_TOLERANCE, assert_same_photo, search, store

pytestmark = pytest.mark.property

few = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    # the repository is shared by the examples of a test: each uses sessions of its own; a busy machine is no fault
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
any_text = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=MAX_ID_LENGTH
)
hash_ids = st.builds("{}-{:064x}".format, st.integers(0, 2**40), st.integers(0, 2**256 - 1))
ids = st.one_of(st.uuids().map(str), hash_ids, any_text)
HOSTILE = [
    "'; DROP TABLE faces; --",
    "\" OR '1'='1",
    "') ON CONFLICT DO NOTHING; DELETE FROM photos; --",
    "$1::text",
    ":session",
    "%(session)s",
    "{session}",
    "\\'; TRUNCATE sessions CASCADE; --",
    "a\\",
    "E'\\x27'",
    "$$; DELETE FROM sessions; $$",
    "/* */ -- \n;",
    "NULL",
    "%",
    "_",
]
hostile = st.one_of(st.sampled_from(HOSTILE), st.lists(st.sampled_from(HOSTILE), max_size=5).map("".join), any_text)
hostile = hostile.map(lambda text: text[:MAX_ID_LENGTH] or "'")
seeds = st.integers(0, 2**32 - 1)


@few
@given(session=ids, name=ids)
async def test_property_3_ids_come_back_byte_for_byte(units: UnitOfWorkFactory, session: str, name: str) -> None:
    original = photo(SessionId.parse(session, "session_id"), PhotoId.parse(name, "photo_id"), [PROBE])
    await store(units, original)
    async with units() as unit:
        assert_same_photo(await unit.galleries.photo(original.session_id, original.photo_id), original)
        found = await unit.galleries.candidates(original.session_id, Probe.of(PROBE), least_cosine=0.5, limit=1000)
        await unit.galleries.delete_gallery(original.session_id, at=NOON)
        await unit.commit()
    assert [c.photo_id.encode() for c in found.candidates] == [name.encode()]


@few
@given(seed=seeds, faces=st.integers(0, 6), dimension=st.sampled_from([1, 2, 128, 512]))
async def test_property_7_stored_vectors_are_finite_unit_and_of_one_dimension(
    units: UnitOfWorkFactory, seed: int, faces: int, dimension: int
) -> None:
    session = new_session()
    await store(units, photo(session, "p", random_embeddings(seed, faces, dimension=dimension)))
    async with units() as unit:
        stored = await unit.galleries.photo(session, PhotoId("p"))
    assert stored is not None
    assert len(stored.templates) == faces
    for template in stored.templates:
        vector = template.embedding.vector.astype(np.float64)
        assert vector.shape == (dimension,)
        assert np.isfinite(vector).all()
        assert abs(np.linalg.norm(vector) - 1.0) <= 1e-5


@few
@given(session=hostile, name=hostile, model=hostile)
async def test_property_15_hostile_text_changes_its_own_row_only(
    units: UnitOfWorkFactory, session: str, name: str, model: str
) -> None:
    bystander = photo(new_session(), name, random_embeddings(1, 2))
    await store(units, bystander)
    victim = photo(SessionId(session), name, [at_cosine(0.5, model=ModelId(model))])
    await store(units, victim, model=ModelId(model))
    async with units() as unit:
        assert_same_photo(await unit.galleries.photo(victim.session_id, victim.photo_id), victim)
        assert (await unit.galleries.delete_gallery(victim.session_id, at=NOON)).photos_removed == 1
        await unit.commit()
    async with units() as unit:
        assert_same_photo(await unit.galleries.photo(bystander.session_id, bystander.photo_id), bystander)
        status = await unit.galleries.gallery(bystander.session_id)
    assert status is not None
    assert (status.photo_count, status.face_count) == (1, 2)


@few
@given(seed=seeds, faces=st.integers(1, 4), others=st.integers(0, 5))
async def test_property_20_a_photo_is_found_by_its_own_faces(
    units: UnitOfWorkFactory, seed: int, faces: int, others: int
) -> None:
    session = new_session()
    embeddings = random_embeddings(seed, faces + others, dimension=128)
    await store(
        units,
        photo(session, "it", embeddings[:faces]),
        *(photo(session, f"other {n}", [one]) for n, one in enumerate(embeddings[faces:])),
    )
    for number, probe in enumerate(embeddings[:faces]):
        best = (await search(units, session, probe)).candidates[0]
        assert (best.photo_id, best.face_no) == ("it", number)
        assert best.cosine == pytest.approx(1.0, abs=COSINE_TOLERANCE)


@few
@given(seed=seeds, owners=st.lists(st.integers(0, 2), min_size=3, max_size=12))
async def test_property_21_results_hold_photos_of_the_asked_session_only(
    units: UnitOfWorkFactory, seed: int, owners: list[int]
) -> None:
    sessions = [new_session() for _ in range(3)]
    embeddings = random_embeddings(seed, len(owners))
    photos = [photo(sessions[owner], f"{owner}-{n}", [embeddings[n]]) for n, owner in enumerate(owners)]
    # while others write, too
    writing = asyncio.gather(*(store(units, one) for one in photos))
    early = await search(units, sessions[0])
    await writing
    assert all(c.photo_id.startswith("0-") for c in early.candidates)
    for owner, session in enumerate(sessions):
        found = {c.photo_id for c in (await search(units, session, embeddings[0])).candidates}
        assert found == {one.photo_id for one in photos if one.session_id == session}
        async with units() as unit:
            for one in photos:
                seen = await unit.galleries.photo(session, one.photo_id)
                assert (seen is not None) == one.photo_id.startswith(f"{owner}-")


@few
@given(seed=seeds, repeats=st.lists(st.integers(1, 4), min_size=1, max_size=4))
async def test_property_22_indexing_again_leaves_the_same_as_once(
    units: UnitOfWorkFactory, seed: int, repeats: list[int]
) -> None:
    session = new_session()
    photos = [photo(session, f"{n}", random_embeddings(seed + n, n % 3)) for n in range(len(repeats))]
    work = [one for one, times in zip(photos, repeats, strict=True) for _ in range(times)]
    random.Random(seed).shuffle(work)  # noqa: S311 - an order, no secret
    half = len(work) // 2
    await store(units, *work[:half])
    await asyncio.gather(*(store(units, one) for one in [*work[half:], *photos]))
    async with units() as unit:
        for one in photos:
            assert_same_photo(await unit.galleries.photo(session, one.photo_id), one)
        status = await unit.galleries.gallery(session)
    assert status is not None
    assert status.photo_count == len(photos)
    assert status.face_count == sum(len(one.templates) for one in photos)


@few
@given(seed=seeds, photos=st.integers(1, 4))
async def test_property_25_an_erased_session_is_found_by_no_query(
    units: UnitOfWorkFactory, seed: int, photos: int
) -> None:
    session = new_session()
    embeddings = random_embeddings(seed, photos)
    await store(units, *(photo(session, f"{n}", [one]) for n, one in enumerate(embeddings)))
    async with units() as unit:
        erasure = await unit.galleries.delete_gallery(session, at=NOON)
        await unit.commit()
    assert erasure.embeddings_removed == erasure.photos_removed == photos
    async with units() as unit:
        assert await unit.galleries.gallery(session) is None
        for n, probe in enumerate(embeddings):
            assert await unit.galleries.photo(session, PhotoId(f"{n}")) is None
            assert (await unit.galleries.candidates(session, Probe.of(probe), least_cosine=-1, limit=10)).total == 0


@few
@given(seed=seeds, count=st.integers(1, 6))
async def test_property_26_matches_do_not_depend_on_the_order_of_indexing(
    units: UnitOfWorkFactory, seed: int, count: int
) -> None:
    probe, *embeddings = random_embeddings(seed, 1 + 2 * count, dimension=128)
    # pairs that tie exactly, so that the rule for ties is tried too
    content = [(f"{n}", [embeddings[n], embeddings[n // 2]]) for n in range(count)]
    results = []
    for order in itertools.islice(itertools.permutations(content), 3):
        session = new_session()
        await store(units, *(photo(session, name, faces) for name, faces in order))
        results.append(await search(units, session, probe, least=-0.5))
    assert all(result == results[0] for result in results)


@few
@given(seed=seeds, count=st.integers(1, 5), order=st.permutations(range(5)))
async def test_property_20_a_photo_is_found_by_its_face_among_others_of_the_visitor(
    units: UnitOfWorkFactory, seed: int, count: int, order: list[int]
) -> None:
    session = new_session()
    middle, *others = random_embeddings(seed, 9, dimension=128)
    alike = [Embedding.normalised(MODEL, middle.vector + 0.3 * one.vector) for one in others[:count]]
    await store(units, *(photo(session, f"{n}", [one]) for n, one in enumerate([*alike, *others[count:]])))
    found = await search(units, session, *alike)
    assert {c.photo_id for c in found.candidates[:count]} == {f"{n}" for n in range(count)}
    # in any order, to the last bit
    assert await search(units, session, *(alike[place] for place in order if place < count)) == found
