"""Error rates against counting by hand, and the rule of the calibration."""

import math
from statistics import NormalDist

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from facepass.domain.embedding import Calibration
from facepass.domain.verification import Comparisons, ErrorRates, calibrate, operating_point, rank_1

scores = st.lists(st.floats(-1, 1), min_size=1, max_size=30).map(lambda found: np.array(sorted(found)))


def rates_of(genuine: np.ndarray, impostor: np.ndarray) -> ErrorRates:
    return ErrorRates(genuine, impostor, genuine_weights=np.ones(len(genuine)), impostor_weights=np.ones(len(impostor)))


def unit(*angles: float) -> np.ndarray:
    return np.array([[math.cos(angle), math.sin(angle)] for angle in angles], dtype=np.float32)


@pytest.mark.property
@given(scores, scores, st.floats(-1, 1))
def test_rates_are_shares_of_pairs(genuine: np.ndarray, impostor: np.ndarray, cosine: float) -> None:
    rates = rates_of(genuine, impostor)

    assert float(rates.fmr(cosine)) == pytest.approx(np.mean(impostor >= cosine), abs=1e-12)
    assert float(rates.fnmr(cosine)) == pytest.approx(np.mean(genuine < cosine), abs=1e-12)


@pytest.mark.property
@given(scores, scores, st.floats(0, 1))
def test_cosine_at_fmr_is_the_least_that_keeps_the_rate(genuine: np.ndarray, impostor: np.ndarray, rate: float) -> None:
    rates = rates_of(genuine, impostor)

    cosine = rates.cosine_at_fmr(rate)

    assert float(rates.fmr(cosine)) <= rate + 1e-9
    if cosine > -1.0:
        assert float(rates.fmr(math.nextafter(cosine, -2.0))) > rate - 1e-9


def test_equal_error_rate_of_overlapping_scores() -> None:
    equal = rates_of(np.array([0.4, 0.7, 0.8, 0.9]), np.array([0.1, 0.2, 0.3, 0.75])).equal()

    assert equal.rate == pytest.approx(0.25)
    assert equal.cosine == 0.7


def test_best_f1_of_separated_scores_is_one() -> None:
    assert rates_of(np.array([0.8, 0.9]), np.array([0.1, 0.2, 0.3])).best_f1() == (1.0, 0.8)


def test_tar_at_fmr_counts_what_is_above_the_impostors() -> None:
    assert rates_of(np.array([0.4, 0.7, 0.8, 0.9]), np.array([0.1, 0.75])).tar_at_fmr(0.0) == pytest.approx(0.5)


def test_comparisons_know_whose_pairs_they_are() -> None:
    compared = Comparisons.between(unit(0.0, 0.1, 1.0, 1.2), ["a", "a", "b", "b"])

    assert compared.people == 2
    assert compared.genuine == pytest.approx([math.cos(0.2), math.cos(0.1)], abs=1e-6)
    assert compared.genuine_person.tolist() == [1, 0]
    assert len(compared.impostor) == 4
    assert compared.impostor.tolist() == sorted(compared.impostor.tolist())
    assert {tuple(pair) for pair in compared.impostor_people.T.tolist()} == {(0, 1)}


def test_a_person_counted_twice_is_a_person_entered_twice() -> None:
    vectors, labels = unit(0.0, 0.3, 1.0, 1.1, 2.0), ["a", "a", "b", "b", "c"]
    weighted = Comparisons.between(vectors, labels).rates(np.array([2.0, 1.0, 1.0]))

    # Pairs of a: 2 of 3 in weight; of a with others: 2 of each.
    assert float(weighted.fnmr(0.97)) == pytest.approx(2 / 3)
    assert float(weighted.fmr(math.cos(0.75))) == pytest.approx(2 / (2 * 4 + 2 * 2 + 2))


@pytest.mark.parametrize("labels", [["a", "a", "a"], ["a", "b", "c"]])
def test_a_set_without_both_kinds_of_pairs_is_refused(labels: list[str]) -> None:
    with pytest.raises(ValueError, match="two people"):
        Comparisons.between(unit(0.0, 0.1, 0.2), labels)


def test_weights_that_leave_no_pair_are_refused() -> None:
    compared = Comparisons.between(unit(0.0, 0.3, 1.0, 1.1), ["a", "a", "b", "b"])

    with pytest.raises(ValueError, match="no pair left"):
        compared.rates(np.array([1.0, 0.0]))


def test_rank_1_compares_with_the_nearest_other_picture() -> None:
    assert rank_1(unit(0.0, 0.1, 0.15, 2.0), ["a", "a", "b", "b"]).tolist() == [True, False, False, True]


def test_operating_point_is_the_quantile_of_the_fitted_angles() -> None:
    angles = NormalDist(0.6, 0.05)
    impostor = np.cos([angles.inv_cdf((number + 0.5) / 5000) for number in range(5000)])

    assert operating_point(impostor, fmr=1e-4) == pytest.approx(math.cos(angles.inv_cdf(1e-4)), abs=1e-3)
    assert operating_point(impostor, fmr=1e-3) < operating_point(impostor, fmr=1e-4)


def test_calibration_is_likelier_than_its_neighbours() -> None:
    random = np.random.default_rng(5)
    vectors = random.normal(size=(40, 16)) * 0.4 + np.repeat(random.normal(size=(10, 16)), 4, axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    compared = Comparisons.between(vectors.astype(np.float32), [str(number // 4) for number in range(40)])
    fitted = calibrate(compared)

    def loss(slope: float) -> float:
        curve = Calibration(fitted.operating_point, slope)
        return float(
            -np.mean([math.log(curve.similarity(cosine)) for cosine in compared.genuine])
            - np.mean([math.log(1 - curve.similarity(cosine)) for cosine in compared.impostor])
        )

    assert fitted.operating_point == operating_point(compared.impostor)
    assert loss(fitted.slope) <= min(loss(fitted.slope + 1), loss(max(0.1, fitted.slope - 1)))
