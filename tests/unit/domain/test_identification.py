"""Several selfies of one visitor: how they become one probe, and how it is told that they are not of one visitor."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facepass.domain.embedding import Embedding, ModelId, cosine
from facepass.domain.errors import InvalidRequest
from facepass.domain.identification import Probe, SearchReason, Threshold, misfits

MODEL = ModelId("test-model")
SCORE_TOLERANCE = 1e-6
"""Of an inner product of unit vectors of 128 components in 32 bits."""

seeds = st.integers(0, 2**32 - 1)


def visitor(seed: int, count: int, *, spread: float = 0.5) -> list[Embedding]:
    """Templates around one direction."""
    rng = np.random.default_rng(seed)
    middle = rng.standard_normal(128)
    return [Embedding.normalised(MODEL, middle + spread * rng.standard_normal(128)) for _ in range(count)]


def at_angle(degrees: float) -> Embedding:
    radians = np.deg2rad(degrees)
    return Embedding.normalised(MODEL, [np.cos(radians), np.sin(radians)])


def score(probe: Probe, face: Embedding) -> float:
    return float(np.dot(probe.vector.astype(np.float64), face.vector.astype(np.float64)))


@pytest.mark.property
@settings(max_examples=50, deadline=None)
@given(seed=seeds, order=st.permutations(range(5)), count=st.integers(1, 5))
def test_the_order_of_selfies_changes_no_bit(seed: int, order: list[int], count: int) -> None:
    selfies = visitor(seed, count)
    shuffled = [selfies[place] for place in order if place < count]
    assert Probe.of(*shuffled).vector.tobytes() == Probe.of(*selfies).vector.tobytes()


@pytest.mark.property
@settings(max_examples=50, deadline=None)
@given(seed=seeds)
def test_one_selfie_is_searched_with_as_it_is(seed: int) -> None:
    (selfie,) = visitor(seed, 1)
    probe = Probe.of(selfie)
    assert (probe.model, probe.dimension) == (MODEL, 128)
    assert probe.vector.tobytes() == selfie.vector.tobytes()


@pytest.mark.property
@settings(max_examples=50, deadline=None)
@given(seed=seeds, count=st.integers(2, 5))
def test_the_score_lies_between_the_mean_cosine_and_the_cosine_of_the_mean(seed: int, count: int) -> None:
    *selfies, face = visitor(seed, count + 1)
    mean = sum(cosine(selfie, face) for selfie in selfies) / count
    template = cosine(Embedding.normalised(MODEL, sum(selfie.vector for selfie in selfies)), face)
    assert score(Probe.of(*selfies), face) == pytest.approx(mean ** (2 / 3) * template ** (1 / 3), abs=SCORE_TOLERANCE)
    assert mean - SCORE_TOLERANCE <= score(Probe.of(*selfies), face) <= template + SCORE_TOLERANCE


@pytest.mark.property
@settings(max_examples=50, deadline=None)
@given(seed=seeds, count=st.integers(1, 5))
def test_the_same_selfie_repeated_is_that_selfie(seed: int, count: int) -> None:
    selfie, face = visitor(seed, 2)
    assert score(Probe.of(*[selfie] * count), face) == pytest.approx(cosine(selfie, face), abs=SCORE_TOLERANCE)


def test_selfies_that_cancel_out_are_like_nobody() -> None:
    probe = Probe.of(at_angle(0), at_angle(180))
    assert np.abs(probe.vector).max() < SCORE_TOLERANCE


def test_a_probe_is_of_one_model_and_of_something() -> None:
    other = Embedding(ModelId("other"), at_angle(0).vector)
    for selfies in ([], [at_angle(0), other]):
        with pytest.raises(ValueError, match=r"selfie|models"):
            Probe.of(*selfies)


@pytest.mark.parametrize(
    "vector", [np.zeros((2, 2), np.float32), np.zeros(2), np.array([2, 0], np.float32), np.array([np.nan], np.float32)]
)
def test_a_probe_is_a_flat_finite_vector_of_norm_1_at_most(vector: np.ndarray) -> None:
    with pytest.raises(ValueError, match="probe"):
        Probe(MODEL, vector)


def test_a_probe_shows_no_vector() -> None:
    probe = Probe.of(at_angle(30))
    assert repr(probe) == "Probe(model='test-model', dimension=2)"
    with pytest.raises(ValueError, match="read-only"):
        probe.vector[0] = 0


@pytest.mark.parametrize(
    ("degrees", "at_odds"),
    [
        ([0], ()),
        ([0, 20], ()),
        ([0, 90], (0, 1)),
        ([0, 90, 10], (1,)),
        ([90, 0, 10, 5], (0,)),
        ([0, 10, 90, 100], (0, 1, 2, 3)),  # two people, twice each
        ([0, 90, 180], (0, 1, 2)),
        ([0, 50, 65], (0,)),  # at odds with one and all but with the other
    ],
)
def test_who_does_not_fit_is_named(degrees: list[float], at_odds: tuple[int, ...]) -> None:
    assert misfits([at_angle(one) for one in degrees], least_cosine=0.5) == at_odds


def test_selfies_agree_at_the_least_cosine_itself() -> None:
    pair = [at_angle(0), at_angle(40)]
    assert misfits(pair, least_cosine=cosine(*pair)) == ()
    assert misfits(pair, least_cosine=np.nextafter(cosine(*pair), 2)) == (0, 1)


def test_reasons_are_part_of_the_contract() -> None:
    assert {reason.value for reason in SearchReason} == {
        "session_without_faces", "nothing_above_threshold", "largest_face_not_found", "largest_face_used",
    }  # fmt: skip


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_threshold_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(InvalidRequest, match="threshold"):
        Threshold.parse(value)
