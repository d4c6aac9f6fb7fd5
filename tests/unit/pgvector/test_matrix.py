import dataclasses
import math
import random
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.adapters.pgvector.in_memory.matrix import FaceColumns, SessionMatrix
from facepass.adapters.pgvector.in_memory.search import INLINE_COMPONENTS, search
from facepass.domain.embedding import ModelId
from facepass.domain.identification import CandidateList, Probe
from tests.unit.pgvector.columns import Row, brute_force, columns, faces, matrix, probe_like

ANY_COSINE = st.one_of(st.floats(-1.0, 1.0), st.sampled_from([-1.0, 0.0, 1.0, math.nextafter(1.0, 2.0)]))


@given(
    seed=st.integers(0, 2**16),
    count=st.integers(1, 120),
    dimension=st.sampled_from([2, 8, 128]),
    # so close that coarse scores cannot tell the faces apart, or as far apart as strangers are
    spread=st.sampled_from([1e-4, 1e-2, 0.2, 1.0]),
    per_photo=st.integers(1, 5),
    least_cosine=ANY_COSINE,
    limit=st.integers(0, 60),
)
def test_it_finds_what_brute_force_finds(
    *, seed: int, count: int, dimension: int, spread: float, per_photo: int, least_cosine: float, limit: int
) -> None:
    rows = faces(seed, count, dimension=dimension, spread=spread, per_photo=per_photo)
    probe = probe_like(rows[seed % count], seed=seed)
    found = matrix(rows).candidates(probe, least_cosine=least_cosine, limit=limit)
    assert found == brute_force(rows, probe, least_cosine=least_cosine, limit=limit)


@given(seed=st.integers(0, 2**16), limit=st.integers(1, 8), place=st.integers(0, 40), closer=st.booleans())
def test_the_threshold_is_inclusive_to_the_last_bit(seed: int, limit: int, place: int, *, closer: bool) -> None:
    rows = faces(seed, 41, spread=1e-3 if closer else 0.5)
    probe = probe_like(rows[0], seed=seed)
    everything = matrix(rows).candidates(probe, least_cosine=-1.0, limit=100)
    cosine = everything.candidates[place % everything.total].cosine
    at = matrix(rows).candidates(probe, least_cosine=cosine, limit=limit)
    assert at == brute_force(rows, probe, least_cosine=cosine, limit=limit)
    above = matrix(rows).candidates(probe, least_cosine=math.nextafter(cosine, 2.0), limit=limit)
    assert above.total < at.total


def test_an_imported_face_has_no_box() -> None:
    rows = faces(1, 12, per_photo=1)
    found = matrix(rows).candidates(probe_like(rows[0]), least_cosine=-1.0, limit=12)
    boxes = {candidate.photo_id: candidate.box for candidate in found.candidates}
    assert boxes == {row.photo_id: row.box for row in rows}
    assert None in boxes.values()


def test_ties_go_to_the_lower_photo_id_then_the_lower_face() -> None:
    vector = faces(1, 1)[0].vector
    rows = [Row(pk, face_no, vector) for pk in (12, 3, 8, 5, 9) for face_no in (2, 1, 4)]
    found = matrix(rows).candidates(probe_like(rows[0]), least_cosine=0.0, limit=3)
    assert [candidate.photo_id for candidate in found.candidates] == sorted(row.photo_id for row in rows[::3])[:3]
    assert {candidate.face_no for candidate in found.candidates} == {1}
    assert found.total == 5


def test_scores_clamped_to_one_are_ties() -> None:
    probe = Probe(ModelId("test-model"), np.array([1.0, 0.0], dtype=np.float32))
    rows = [Row(pk, 0, np.array([1.0 + pk / 1024, 0.0], dtype=np.float16)) for pk in range(12)]
    found = matrix(rows).candidates(probe, least_cosine=1.0, limit=4)
    assert found == brute_force(rows, probe, least_cosine=1.0, limit=4)
    assert {candidate.cosine for candidate in found.candidates} == {1.0}


@given(seed=st.integers(0, 2**16), least_cosine=st.sampled_from([-1.0, 0.3, 0.9]))
def test_the_order_of_the_rows_changes_no_bit(seed: int, least_cosine: float) -> None:
    rows = faces(seed, 150, dimension=128, spread=0.4)
    probe = probe_like(rows[5], seed=seed)
    found = matrix(rows).candidates(probe, least_cosine=least_cosine, limit=20)
    random.Random(seed).shuffle(rows)  # noqa: S311 - a test's order
    assert repr(matrix(rows).candidates(probe, least_cosine=least_cosine, limit=20)) == repr(found)


@given(
    seed=st.integers(0, 2**16),
    removed=st.sets(st.integers(7, 40), max_size=20),
    added=st.sets(st.integers(7, 40), max_size=10),
)
def test_updated_finds_what_a_new_one_finds(seed: int, removed: set[int], added: set[int]) -> None:
    rows, others = faces(seed, 60, spread=0.4), faces(seed + 1, 60, spread=0.4)
    probe = probe_like(rows[0], seed=seed)
    old = matrix(rows)
    before = old.candidates(probe, least_cosine=-1.0, limit=50)
    incoming = [row for row in others if row.pk in added]
    new = old.updated(removed, columns(incoming))
    came = {row.pk for row in incoming}
    expected = [row for row in rows if row.pk not in removed | came] + incoming
    for least_cosine, limit in ((-1.0, 50), (0.5, 5)):
        rebuilt = matrix(expected).candidates(probe, least_cosine=least_cosine, limit=limit)
        assert repr(new.candidates(probe, least_cosine=least_cosine, limit=limit)) == repr(rebuilt)
    assert (len(new), new.nbytes) == (len(expected), matrix(expected).nbytes)
    assert old.candidates(probe, least_cosine=-1.0, limit=50) == before


def test_an_empty_session_takes_faces_of_any_dimension() -> None:
    empty = matrix([], dimension=0)
    rows = faces(1, 9)
    assert empty.candidates(probe_like(rows[0]), least_cosine=-1.0, limit=5) == CandidateList((), 0)
    assert len(empty.updated([], columns(rows))) == 9
    emptied = matrix(rows).updated({row.pk for row in rows}, columns([], dimension=0))
    assert emptied.candidates(probe_like(rows[0]), least_cosine=-1.0, limit=5) == CandidateList((), 0)
    assert emptied.nbytes == 0


def test_templates_of_two_dimensions_do_not_mix() -> None:
    rows = faces(1, 9)
    with pytest.raises(ValueError, match="16 components"):
        matrix(rows).updated([], columns(faces(2, 3, dimension=16)))
    probe = probe_like(faces(2, 1, dimension=16)[0])
    assert matrix(rows).candidates(probe, least_cosine=-1.0, limit=5) == CandidateList((), 0)


def test_a_snapshot_cannot_be_written_to() -> None:
    snapshot = matrix(faces(1, 9))
    for field in dataclasses.fields(snapshot):
        value = getattr(snapshot, field.name)
        assert not isinstance(value, np.ndarray) or not value.flags.writeable


def test_columns_that_do_not_fit_are_refused() -> None:
    whole = columns(faces(1, 9))
    with pytest.raises(ValueError, match="face_nos, vectors"):
        dataclasses.replace(whole, face_nos=whole.face_nos[:-1], vectors=whole.vectors[:-1])
    with pytest.raises(ValueError, match="float16"):
        dataclasses.replace(whole, vectors=whole.vectors.astype(np.float32))
    with pytest.raises(ValueError, match="3 photos have faces, 2 have an id"):
        SessionMatrix.of(dataclasses.replace(whole, photo_ids=dict(list(whole.photo_ids.items())[:2])))


def test_neither_templates_nor_ids_are_shown() -> None:
    assert repr(matrix(faces(1, 9))) == "SessionMatrix(faces=9, photos=3, dimension=32)"


def large(count: int, dimension: int) -> FaceColumns:
    """Many copies of few faces, one face a photo."""
    some = columns(faces(1, 100, dimension=dimension)).vectors
    return FaceColumns(
        photo_ids={pk: Row(pk, 0, some[0]).photo_id for pk in range(count)},
        photo_pks=np.arange(count, dtype=np.int64),
        face_nos=np.zeros(count, dtype=np.int32),
        boxes=np.ones((count, 4)),
        confidences=np.ones(count),
        vectors=np.tile(some, (count // 100, 1)),
    )


def test_memory_is_counted_and_a_search_of_everything_takes_little_of_it() -> None:
    snapshot = SessionMatrix.of(large(20_000, 256))
    assert 256 * 2 * 20_000 < snapshot.nbytes < (256 * 2 + 200) * 20_000
    probe = probe_like(faces(1, 1, dimension=256)[0])
    tracemalloc.start()
    try:
        for limit in (10, 20_000):
            found = snapshot.candidates(probe, least_cosine=-1.0, limit=limit)
            assert found.total == 20_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # the answer itself is some 10 MB of objects; a float64 copy of all templates would be 41 MB more
    assert peak < 30e6


async def test_small_and_large_sessions_give_the_same_answer_inline_and_in_a_thread() -> None:
    probe = probe_like(faces(1, 1, dimension=256)[0])
    for count in (100, 100 * (INLINE_COMPONENTS // 256 // 100 + 1)):
        snapshot = SessionMatrix.of(large(count, 256))
        found = await search(snapshot, probe, least_cosine=0.2, limit=5)
        assert found == snapshot.candidates(probe, least_cosine=0.2, limit=5)
        assert len(found.candidates) == 5
