"""What every vector repository does: in memory and over PostgreSQL."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from facepass.application.ports import UnitOfWorkFactory
from facepass.domain.embedding import Embedding
from facepass.domain.errors import Conflict, GalleryChanged
from facepass.domain.face import Face
from facepass.domain.gallery import PhotoId, SessionId
from facepass.domain.identification import Probe
from tests.gallery_builders import MODEL, NOON, OTHER_MODEL, PROBE, at_cosine, new_session, photo, random_embeddings
from tests.gallery_steps import COSINE_TOLERANCE, assert_same_photo, put, search, store


async def test_a_photo_comes_back_as_it_was_stored(units: UnitOfWorkFactory) -> None:
    original = photo(new_session(), "p", random_embeddings(1, 5))
    assert await store(units, original) == [False]
    async with units() as unit:
        assert_same_photo(await unit.galleries.photo(original.session_id, original.photo_id), original)


async def test_faces_come_back_in_order_of_their_number(units: UnitOfWorkFactory) -> None:
    original = photo(new_session(), "p", random_embeddings(2, 4))
    await store(units, replace(original, templates=original.templates[::-1]))
    async with units() as unit:
        assert_same_photo(await unit.galleries.photo(original.session_id, original.photo_id), original)


async def test_a_photo_stored_again_is_replaced_whole(units: UnitOfWorkFactory) -> None:
    session = new_session()
    second = photo(session, "p", random_embeddings(3, 2), at=NOON + timedelta(hours=1))
    assert await store(units, photo(session, "p", random_embeddings(4, 5)), second) == [False, True]
    async with units() as unit:
        assert_same_photo(await unit.galleries.photo(session, PhotoId("p")), second)
        status = await unit.galleries.gallery(session)
    assert status is not None
    assert (status.photo_count, status.face_count) == (1, 2)


async def test_a_photo_may_lose_all_its_faces_and_gain_some_again(units: UnitOfWorkFactory) -> None:
    session = new_session()
    await store(units, photo(session, "p", random_embeddings(5, 3)), photo(session, "p"))
    assert (await search(units, session)).total == 0
    await store(units, photo(session, "p", random_embeddings(6, 1)))
    assert (await search(units, session)).total == 1


async def test_nothing_is_known_of_what_was_never_stored(units: UnitOfWorkFactory) -> None:
    session = new_session()
    async with units() as unit:
        assert await unit.galleries.gallery(session) is None
        assert await unit.galleries.photo(session, PhotoId("p")) is None
        found = await unit.galleries.candidates(session, Probe.of(PROBE), least_cosine=-1.0, limit=10)
    assert (found.candidates, found.total) == ((), 0)


async def test_gallery_counts(units: UnitOfWorkFactory) -> None:
    session = new_session()
    latest = NOON + timedelta(days=1)
    await store(
        units,
        photo(session, "a", random_embeddings(7, 3), at=latest),
        photo(session, "b"),
        photo(session, "c", faces_detected=2),  # all refused by the quality gate
        photo(new_session(), "a", random_embeddings(8, 9)),
    )
    async with units() as unit:
        status = await unit.galleries.gallery(session)
    assert status is not None
    assert (status.session_id, status.model) == (session, MODEL)
    assert (status.photo_count, status.face_count, status.photos_without_faces) == (3, 3, 1)
    assert status.last_indexed == latest


async def test_each_photo_once_with_its_best_face_best_first(units: UnitOfWorkFactory) -> None:
    session = new_session()
    await store(
        units,
        photo(session, "far", [at_cosine(0.1), at_cosine(0.2)]),
        photo(session, "near", [at_cosine(0.3), at_cosine(0.9), at_cosine(0.5)]),
        photo(session, "opposite", [at_cosine(-0.7)]),
    )
    found = await search(units, session)
    assert [(c.photo_id, c.face_no) for c in found.candidates] == [("near", 1), ("far", 1), ("opposite", 0)]
    assert [c.cosine for c in found.candidates] == pytest.approx([0.9, 0.2, -0.7], abs=COSINE_TOLERANCE)
    best = photo(session, "near", [at_cosine(0.3), at_cosine(0.9)]).templates[1].face
    assert isinstance(best, Face)
    assert (found.candidates[0].box, found.candidates[0].confidence) == (best.box, best.confidence)


async def test_ties_go_by_code_point_then_face_number(units: UnitOfWorkFactory) -> None:
    session = new_session()
    twin = at_cosine(0.6)
    names = ["b", "a", "B", "ä", "z", "\U0001f600", "\uffee", "10", "9", "a "]
    await store(units, *(photo(session, name, [at_cosine(0.1), twin, twin]) for name in names))
    found = await search(units, session)
    assert [c.photo_id for c in found.candidates] == sorted(names)
    assert {c.face_no for c in found.candidates} == {1}


async def test_total_counts_beyond_the_limit(units: UnitOfWorkFactory) -> None:
    session = new_session()
    await store(units, *(photo(session, f"{n:02}", [at_cosine(n / 20)] * 2) for n in range(20)))
    found = await search(units, session, least=0.4749, limit=3)
    assert [c.photo_id for c in found.candidates] == ["19", "18", "17"]
    assert found.total == 10


async def test_the_least_cosine_is_inclusive_to_the_last_bit(units: UnitOfWorkFactory) -> None:
    session = new_session()
    probe, *others = random_embeddings(9, 40, dimension=128)
    await store(units, *(photo(session, f"{n:02}", [one]) for n, one in enumerate([*others, probe])))
    ranked = (await search(units, session, probe)).candidates
    for rank, candidate in enumerate(ranked, start=1):
        assert (await search(units, session, probe, least=candidate.cosine)).total == rank


async def test_a_cosine_never_leaves_its_range(units: UnitOfWorkFactory) -> None:
    session = new_session()
    embeddings = random_embeddings(10, 50, dimension=128)
    await store(units, photo(session, "p", embeddings))
    for probe in embeddings:
        (best,) = (await search(units, session, probe)).candidates
        assert 1.0 - COSINE_TOLERANCE <= best.cosine <= 1.0


async def test_probes_of_another_model_or_dimension_are_refused(units: UnitOfWorkFactory) -> None:
    session = new_session()
    await store(units, photo(session, "p", [PROBE]))
    for stranger in (at_cosine(1.0, model=OTHER_MODEL), *random_embeddings(11, 1, dimension=4)):
        with pytest.raises(GalleryChanged, match="test-model"):
            await search(units, session, stranger)


async def test_a_gallery_is_bound_to_its_model(units: UnitOfWorkFactory) -> None:
    session = new_session()
    await store(units, photo(session, "p"))
    for embeddings in ([], [at_cosine(1.0, model=OTHER_MODEL)]):
        with pytest.raises(Conflict, match="bound to the model test-model"):
            await store(units, photo(session, "q", embeddings), model=OTHER_MODEL)
    assert await store(units, photo(session, "q", [PROBE])) == [False]


async def test_a_gallery_is_bound_to_its_dimension(units: UnitOfWorkFactory) -> None:
    session = new_session()
    await store(units, photo(session, "none"), photo(session, "p", [PROBE]), photo(session, "none again"))
    with pytest.raises(Conflict, match="test-model with 8 components"):
        await store(units, photo(session, "q", random_embeddings(12, 1, dimension=4)))
    with pytest.raises(Conflict):
        await store(units, photo(session, "q", [PROBE, *random_embeddings(12, 1, dimension=4)]))
    with pytest.raises(Conflict):
        await store(units, photo(session, "q", [at_cosine(1.0, model=OTHER_MODEL)]))


async def test_erasing_a_gallery(units: UnitOfWorkFactory) -> None:
    session, other = new_session(), new_session()
    await store(units, photo(session, "a", random_embeddings(13, 3)), photo(session, "b"), photo(other, "a", [PROBE]))
    async with units() as unit:
        erasure = await unit.galleries.delete_gallery(session, at=NOON)
        await unit.commit()
    assert (erasure.session_id, erasure.embeddings_removed, erasure.photos_removed) == (session, 3, 2)
    assert (erasure.deleted, erasure.erased_at) == (True, NOON)
    async with units() as unit:
        assert await unit.galleries.gallery(session) is None
        assert await unit.galleries.photo(session, PhotoId("a")) is None
        again = await unit.galleries.delete_gallery(session, at=NOON)
        await unit.commit()
    assert (again.deleted, again.embeddings_removed, again.photos_removed) == (False, 0, 0)
    assert (await search(units, session)).total == 0
    assert (await search(units, other)).total == 1


async def test_an_erased_gallery_may_begin_again_with_another_model(units: UnitOfWorkFactory) -> None:
    session = new_session()
    await store(units, photo(session, "a", [PROBE]))
    async with units() as unit:
        await unit.galleries.delete_gallery(session, at=NOON)
        assert not await put(unit, photo(session, "a"), OTHER_MODEL)
        await unit.commit()
    async with units() as unit:
        status = await unit.galleries.gallery(session)
    assert status is not None
    assert (status.model, status.face_count) == (OTHER_MODEL, 0)


async def test_without_commit_nothing_holds(units: UnitOfWorkFactory) -> None:
    session = new_session()
    kept = photo(session, "kept", [PROBE])
    await store(units, kept)
    async with units() as unit:
        await put(unit, photo(session, "kept", random_embeddings(14, 2)))
        await put(unit, photo(session, "new", [PROBE]))
    async with units() as unit:
        await unit.galleries.delete_gallery(session, at=NOON)
    with contextlib.suppress(RuntimeError):
        async with units() as unit:
            await unit.galleries.delete_gallery(session, at=NOON)
            raise RuntimeError
    async with units() as unit:
        assert_same_photo(await unit.galleries.photo(session, kept.photo_id), kept)
        assert await unit.galleries.photo(session, PhotoId("new")) is None


async def test_uncommitted_writes_are_seen_inside_only(units: UnitOfWorkFactory) -> None:
    session = new_session()
    await store(units, photo(session, "a", [PROBE]))
    async with units() as writer:
        assert await writer.galleries.gallery(session) is not None  # a read before the first write changes nothing
        await put(writer, photo(session, "b", [PROBE]))
        inside = await writer.galleries.candidates(session, Probe.of(PROBE), least_cosine=-1.0, limit=10)
        assert inside.total == 2
        assert (await search(units, session)).total == 1
        await writer.commit()
        assert (await search(units, session)).total == 2


async def test_a_unit_of_work_may_go_on_after_its_commit(units: UnitOfWorkFactory) -> None:
    session = new_session()
    async with units() as unit:
        await put(unit, photo(session, "a", [PROBE]))
        await unit.commit()
        await put(unit, photo(session, "b", [PROBE]))
        await unit.commit()
        await put(unit, photo(session, "c", [PROBE]))
    assert [c.photo_id for c in (await search(units, session)).candidates] == ["a", "b"]


async def test_twenty_writers_of_one_photo(units: UnitOfWorkFactory) -> None:
    session = new_session()
    versions = [photo(session, "p", random_embeddings(n, 1 + n % 4), at=NOON + timedelta(hours=n)) for n in range(20)]
    replaced = await asyncio.gather(*(store(units, version) for version in versions))
    assert sorted(flag for (flag,) in replaced) == [False, *[True] * 19]
    async with units() as unit:
        stored = await unit.galleries.photo(session, PhotoId("p"))
        status = await unit.galleries.gallery(session)
    assert stored is not None
    assert status is not None
    assert_same_photo(stored, versions[(stored.indexed_at - NOON) // timedelta(hours=1)])
    assert (status.photo_count, status.face_count) == (1, len(stored.templates))


async def test_twenty_first_photos_of_one_gallery(units: UnitOfWorkFactory) -> None:
    session = new_session()
    await asyncio.gather(*(store(units, photo(session, f"{n}", [PROBE] * (n % 2))) for n in range(20)))
    async with units() as unit:
        status = await unit.galleries.gallery(session)
    assert status is not None
    assert (status.photo_count, status.face_count) == (20, 10)


async def test_two_models_race_for_a_gallery_and_one_gets_it(units: UnitOfWorkFactory) -> None:
    session = new_session()
    outcomes = await asyncio.gather(
        *(
            store(units, photo(session, f"{n}", [at_cosine(0.5, model=model)]), model=model)
            for n, model in enumerate([MODEL, OTHER_MODEL] * 4)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 4
    assert sum(outcome == [False] for outcome in outcomes) == 4


async def test_session_ids_are_compared_exactly(units: UnitOfWorkFactory) -> None:
    session = new_session()
    others = [SessionId(session.upper()), SessionId(session + " "), SessionId(session[:-1])]
    await store(units, photo(session, "p", [PROBE]), *(photo(other, "p") for other in others))
    assert (await search(units, session)).total == 1
    assert [(await search(units, other)).total for other in others] == [0, 0, 0]


async def test_several_selfies_make_one_score(units: UnitOfWorkFactory) -> None:
    session = new_session()
    faces = random_embeddings(15, 30, dimension=128)
    middle = np.sum([face.vector for face in faces[:3]], axis=0)
    selfies = [Embedding.normalised(MODEL, middle + 0.5 * face.vector) for face in faces[:3]]
    await store(units, *(photo(session, f"{n:02}", [one]) for n, one in enumerate(faces)))
    mean = np.mean([selfie.vector.astype(np.float64) for selfie in selfies], axis=0)
    expected = {f"{n:02}": float(mean @ one.vector) / np.cbrt(np.linalg.norm(mean)) for n, one in enumerate(faces)}
    found = await search(units, session, *selfies)
    assert {c.photo_id: c.cosine for c in found.candidates} == pytest.approx(expected, abs=COSINE_TOLERANCE)
    assert [c.photo_id for c in found.candidates] == sorted(expected, key=lambda name: -expected[name])
    for rank, candidate in enumerate(found.candidates, start=1):
        assert (await search(units, session, *selfies, least=candidate.cosine)).total == rank
    assert await search(units, session, *selfies[::-1]) == found
