"""Templates, their comparison, and the calibration of scores."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from facepass.domain.embedding import Calibration, Embedding, ModelId, cosine

MODEL = ModelId("m")
vectors = npst.arrays(np.float32, 16, elements=st.floats(-1e3, 1e3, width=32))
calibrations = st.builds(Calibration, st.floats(-0.9, 0.99), st.floats(1.0, 200.0))


@given(vectors)
@pytest.mark.property
def test_property_18_normalised_embeddings_have_norm_one(raw: np.ndarray) -> None:
    assume(np.linalg.norm(raw.astype(np.float64)) > 1e-30)
    embedding = Embedding.normalised(MODEL, raw)
    assert abs(np.linalg.norm(embedding.vector.astype(np.float64)) - 1) <= 1e-5


@given(vectors, vectors, calibrations)
@pytest.mark.property
def test_property_19_similarity_is_symmetric_and_largest_with_itself(
    a: np.ndarray, b: np.ndarray, calibration: Calibration
) -> None:
    assume(min(np.linalg.norm(a.astype(np.float64)), np.linalg.norm(b.astype(np.float64))) > 1e-30)
    first, second = Embedding.normalised(MODEL, a), Embedding.normalised(MODEL, b)
    assert cosine(first, second) == pytest.approx(cosine(second, first), abs=1e-6)
    with_itself = calibration.similarity(cosine(first, first))
    # A float32 dot product of a unit vector with itself is 1 within 1e-6; the slope turns that into this much.
    assert calibration.similarity(cosine(first, second)) <= with_itself + calibration.slope * 1e-6


@pytest.mark.parametrize(
    "vector",
    [
        np.full(4, 0.5, dtype=np.float64),
        np.full((2, 2), 0.5, dtype=np.float32),
        np.full(4, 0.6, dtype=np.float32),
        np.zeros(4, dtype=np.float32),
        np.array([np.nan, 0, 0, 1], dtype=np.float32),
        np.array([np.inf, 0, 0, 0], dtype=np.float32),
    ],
)
@pytest.mark.property
def test_property_7_nothing_else_is_an_embedding(vector: np.ndarray) -> None:
    with pytest.raises(ValueError, match="an embedding is"):
        Embedding(MODEL, vector)


@pytest.mark.parametrize("raw", [np.zeros(8), np.full(8, np.nan), np.full(8, np.inf)])
def test_a_vector_without_direction_is_refused(raw: np.ndarray) -> None:
    with pytest.raises(ValueError, match="no direction"):
        Embedding.normalised(MODEL, raw)


def test_models_are_never_mixed() -> None:
    raw = np.ones(4)
    with pytest.raises(ValueError, match="cannot be compared"):
        cosine(Embedding.normalised(MODEL, raw), Embedding.normalised(ModelId("other"), raw))


def test_an_embedding_does_not_show_its_vector() -> None:
    assert repr(Embedding.normalised(MODEL, np.ones(4))) == "Embedding(model='m', dimension=4)"


def test_an_embedding_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        Embedding.normalised(MODEL, np.ones(4)).vector[0] = 1


@given(calibrations, st.floats(-1, 1), st.floats(-1, 1))
def test_similarity_rises_with_the_cosine(calibration: Calibration, a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert 0 <= calibration.similarity(low) <= calibration.similarity(high) <= 1
    if high - low > 1e-6 and calibration.slope * (high - calibration.operating_point) < 20:
        assert calibration.similarity(low) < calibration.similarity(high)


@given(calibrations)
def test_the_operating_point_is_one_half(calibration: Calibration) -> None:
    assert calibration.similarity(calibration.operating_point) == 0.5


@given(calibrations, st.floats(0, 1))
def test_least_cosine_is_exact_to_the_last_bit(calibration: Calibration, threshold: float) -> None:
    least = calibration.least_cosine(threshold)
    below = math.nextafter(least, -2.0)
    if least <= 1:
        assert calibration.similarity(least) >= threshold
    assert least == -1.0 or calibration.similarity(min(below, 1.0)) < threshold


@given(calibrations, st.floats(-1, 1))
def test_a_returned_similarity_as_threshold_finds_its_own_match(calibration: Calibration, score: float) -> None:
    assert calibration.least_cosine(calibration.similarity(score)) <= score


@pytest.mark.parametrize(("point", "slope"), [(1.0, 10.0), (-1.0, 10.0), (0.5, 0.0), (0.5, -1.0), (math.nan, 1.0)])
def test_a_calibration_that_does_not_rise_is_refused(point: float, slope: float) -> None:
    with pytest.raises(ValueError, match="operating point"):
        Calibration(point, slope)
