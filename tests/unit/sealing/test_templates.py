"""Sealed templates open in their own row under their own key, and nowhere else."""

import secrets
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from facepass.adapters.pgvector.sealing.errors import SealBroken
from facepass.adapters.pgvector.sealing.keys import DataKey
from facepass.adapters.pgvector.sealing.templates import OVERHEAD_BYTES, Place, TemplateSealer

KEY = DataKey(bytes(range(32)))
DIMENSION = 4
VECTOR = np.array([[0.5, -0.5, 0.5, -0.5]], dtype="<f2")
PLACE = (7, 2, 1 << 40, 3)
BIGINT = st.integers(-(2**63), 2**63 - 1)

place = st.tuples(BIGINT, st.integers(-(2**15), 2**15 - 1), BIGINT, st.integers(-(2**31), 2**31 - 1))


@st.composite
def galleries(draw: st.DrawFn) -> tuple[np.ndarray, list[Place]]:
    places = draw(st.lists(place, max_size=8))
    shape = (len(places), draw(st.integers(1, 16)))
    return draw(npst.arrays("<f2", shape, elements=st.floats(-1, 1, width=16))), places


@given(galleries())
def test_what_is_sealed_opens(gallery: tuple[np.ndarray, list[Place]]) -> None:
    vectors, places = gallery
    blobs = TemplateSealer(KEY).seal(vectors, places)
    opened = TemplateSealer(KEY).open(blobs, places, vectors.shape[1])
    assert opened.dtype == np.dtype("<f2")
    assert opened.shape == vectors.shape
    assert opened.tobytes() == vectors.tobytes()
    assert {len(blob) for blob in blobs} <= {OVERHEAD_BYTES + 2 * vectors.shape[1]}


def test_vectors_may_be_a_view_of_others() -> None:
    vectors = np.arange(24, dtype="<f2").reshape(6, 4)[::2, ::-1]
    places = [(1, 1, photo, 0) for photo in range(3)]
    blobs = TemplateSealer(KEY).seal(vectors, places)
    assert np.array_equal(TemplateSealer(KEY).open(blobs, places, DIMENSION), vectors)


@given(st.integers(0, (OVERHEAD_BYTES + 2 * DIMENSION) * 8 - 1))
def test_a_changed_bit_is_refused(bit: int) -> None:
    blob = bytearray(TemplateSealer(KEY).seal(VECTOR, [PLACE])[0])
    blob[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealBroken, match="changed or moved"):
        TemplateSealer(KEY).open([bytes(blob)], [PLACE], DIMENSION)


@given(place, place)
def test_a_template_opens_in_its_own_row_only(home: Place, elsewhere: Place) -> None:
    blobs = TemplateSealer(KEY).seal(VECTOR, [home])
    if home == elsewhere:
        assert np.array_equal(TemplateSealer(KEY).open(blobs, [elsewhere], DIMENSION), VECTOR)
    else:
        with pytest.raises(SealBroken):
            TemplateSealer(KEY).open(blobs, [elsewhere], DIMENSION)


def test_no_two_columns_of_a_place_are_taken_for_each_other() -> None:
    blobs = TemplateSealer(KEY).seal(VECTOR, [(1, 2, 3, 4)])
    for other in list(permutations((1, 2, 3, 4)))[1:]:
        with pytest.raises(SealBroken):
            TemplateSealer(KEY).open(blobs, [other], DIMENSION)


def test_one_wrong_template_spoils_the_batch() -> None:
    places = [(1, 1, 1, face) for face in range(3)]
    blobs = TemplateSealer(KEY).seal(np.repeat(VECTOR, 3, axis=0), places)
    with pytest.raises(SealBroken):
        TemplateSealer(KEY).open([blobs[0], blobs[2], blobs[1]], places, DIMENSION)


def test_another_sessions_key_opens_nothing() -> None:
    blobs = TemplateSealer(KEY).seal(VECTOR, [PLACE])
    with pytest.raises(SealBroken, match="another key"):
        TemplateSealer(DataKey.new(secrets.token_bytes)).open(blobs, [PLACE], DIMENSION)


@pytest.mark.parametrize("dimension", [0, 3, 5, 512])
def test_another_dimension_is_refused(dimension: int) -> None:
    blobs = TemplateSealer(KEY).seal(VECTOR, [PLACE])
    with pytest.raises(SealBroken, match="36 bytes instead of"):
        TemplateSealer(KEY).open(blobs, [PLACE], dimension)


@pytest.mark.parametrize("length", [0, 11, 12, 27, 28, 35])
def test_what_is_too_short_is_refused(length: int) -> None:
    blob = TemplateSealer(KEY).seal(VECTOR, [PLACE])[0][:length]
    with pytest.raises(SealBroken, match=f"{length} bytes instead of 36"):
        TemplateSealer(KEY).open([blob], [PLACE], DIMENSION)


@pytest.mark.parametrize(
    ("vectors", "places"),
    [(VECTOR.astype(np.float32), [PLACE]), (VECTOR[0], [PLACE]), (VECTOR, []), (VECTOR.astype(">f2"), [PLACE])],
)
def test_only_half_precision_rows_with_a_place_each_are_sealed(vectors: np.ndarray, places: list[Place]) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        TemplateSealer(KEY).seal(vectors, places)


def test_every_blob_has_a_place() -> None:
    with pytest.raises(ValueError, match="zip"):
        TemplateSealer(KEY).open(TemplateSealer(KEY).seal(VECTOR, [PLACE]), [], DIMENSION)


def test_the_same_template_never_looks_the_same() -> None:
    blobs = TemplateSealer(KEY).seal(np.repeat(VECTOR, 100, axis=0), [PLACE] * 100)
    assert len(set(blobs)) == 100


def test_refusals_and_reprs_hold_no_contents() -> None:
    blob = TemplateSealer(KEY).seal(VECTOR, [PLACE])[0]
    with pytest.raises(SealBroken) as refused:
        TemplateSealer(KEY).open([blob], [(7, 2, 1 << 40, 4)], DIMENSION)
    assert blob.hex() not in repr(refused.value)
    assert KEY.secret.hex() not in repr(TemplateSealer(KEY))
