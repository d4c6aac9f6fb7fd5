"""Figures with intervals: weights against entering people again, the fitted distribution, strangers in sessions."""

import math
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pytest

from facepass.domain.bootstrap import Method, draw_people
from facepass.domain.embedding import Calibration
from facepass.domain.figures import Figures, measure, sessions
from facepass.domain.verification import Comparisons, StrangerAngles, calibrate

PEOPLE, PICTURES = 12, 5


def faces(spread: float, *, people: int = PEOPLE, seed: int = 2) -> tuple[npt.NDArray[np.float32], list[str]]:
    """Unit vectors around a centre for each person, and their labels."""
    random = np.random.default_rng(seed)
    centres = np.repeat(random.normal(size=(people, 24)), PICTURES, axis=0)
    vectors = centres + spread * random.normal(size=centres.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), [f"{number // PICTURES:02}" for number in range(len(vectors))]


def figures_of(spread: float, *, seed: int = 1, fmr: float = 1e-3, replicates: int = 200) -> Figures:
    compared = Comparisons.between(*faces(spread))
    draws = draw_people(compared.people_with_pairs, replicates=replicates, seed=seed)
    point = calibrate(compared, fmr=fmr).operating_point
    return measure(compared, draws, point=point, fmr=fmr, progress=lambda: None)


@pytest.fixture(scope="module")
def mixed() -> Figures:
    return figures_of(0.9)


def test_weights_equal_a_set_in_which_people_stand_that_often() -> None:
    """A weighted rate is that of the drawn set: copies of a person are never compared with each other."""
    vectors, labels = faces(0.9, people=4)
    weights = np.array([2.0, 0.0, 1.0, 1.0])
    weighted = Comparisons.between(vectors, labels).rates(weights)
    genuine, impostor = [], []
    drawn = [0, 0, 2, 3]
    cosines = np.clip(vectors.astype(np.float64) @ vectors.astype(np.float64).T, -1, 1)
    for at, person in enumerate(drawn):
        own = range(person * PICTURES, (person + 1) * PICTURES)
        genuine += [cosines[i, j] for i in own for j in own if i < j]
        for other in drawn[at + 1 :]:
            if other != person:
                impostor += [cosines[i, j] for i in own for j in range(other * PICTURES, (other + 1) * PICTURES)]

    for cosine in (-0.2, 0.1, 0.4, 0.6, 0.8):
        assert float(weighted.fnmr(cosine)) == pytest.approx(np.mean(np.array(genuine) < cosine), abs=1e-12)
        assert float(weighted.fmr(cosine)) == pytest.approx(np.mean(np.array(impostor) >= cosine), abs=1e-12)


def test_intervals_lie_around_their_figures(mixed: Figures) -> None:
    for name in ("eer", "tar_1", "tar_01", "best_f1", "fnmr", "fmr_model", "refitted"):
        found = getattr(mixed, name)
        assert found.low <= found.value <= found.high, name
        assert found.low < found.high, name


def test_the_same_seed_gives_the_same_figures(mixed: Figures) -> None:
    again = figures_of(0.9)

    assert (again.eer, again.fmr_model, again.refitted) == (mixed.eer, mixed.fmr_model, mixed.refitted)
    assert figures_of(0.9, seed=2).eer != mixed.eer


def test_figures_without_intervals_are_those_of_the_whole_set(mixed: Figures) -> None:
    compared = Comparisons.between(*faces(0.9))
    rates = compared.rates()

    assert mixed.eer.value == rates.equal().rate
    assert mixed.tar_1.value == float(rates.tar_at_fmr(0.01))
    assert mixed.best_f1.value == rates.best_f1()[0]
    assert mixed.refitted.value == calibrate(compared, fmr=1e-3).operating_point
    assert mixed.pairs_of_people == PEOPLE * (PEOPLE - 1) // 2


def test_a_set_without_errors_is_not_said_to_be_perfect() -> None:
    clean = figures_of(0.05)

    assert (clean.eer.value, clean.best_f1.value) == (0.0, 1.0)
    assert clean.eer.method is clean.best_f1.method is clean.tar_01.method is Method.RULE_OF_3
    assert clean.eer.high == pytest.approx(3 / PEOPLE)
    assert clean.fmr.high == pytest.approx(3 / clean.pairs_of_people)
    assert clean.best_f1.low < 1.0


def test_the_fitted_distribution_of_a_replicate_is_that_of_its_pairs() -> None:
    compared = Comparisons.between(*faces(0.9))
    draws = draw_people(compared.people_with_pairs, replicates=100, seed=1)
    found = measure(compared, draws, point=0.5, fmr=1e-3, progress=lambda: None)
    first, second = compared.impostor_people
    angles = np.arccos(compared.impostor)
    direct = []
    for weights in draws:
        weight = weights[first] * weights[second]
        mean = np.average(angles, weights=weight)
        deviation = math.sqrt(np.average((angles - mean) ** 2, weights=weight))
        direct.append(NormalDist(mean, deviation).cdf(math.acos(0.5)))

    assert [found.fmr_model.low, found.fmr_model.high] == pytest.approx(np.quantile(direct, [0.025, 0.975]), rel=1e-9)


def test_curves_fall_and_begin_where_the_set_can_show_them(mixed: Figures) -> None:
    det = mixed.det

    assert det.fmr[0] >= 1 / (mixed.pairs_of_people * PICTURES**2)
    assert np.all(np.diff(det.fnmr) <= 0)
    assert np.all(det.low <= det.high)


def test_sessions_of_strangers(mixed: Figures) -> None:
    hundred, thousand, _ = sessions(mixed)

    assert (hundred.faces, thousand.faces) == (100, 1000)
    assert thousand.strangers_model.value == pytest.approx(1000 * mixed.fmr_model.value)
    assert thousand.strangers.value == pytest.approx(10 * hundred.strangers.value)
    assert thousand.none_model.value == pytest.approx((1 - mixed.fmr_model.value) ** 1000)
    assert thousand.none_model.low <= thousand.none_model.value <= thousand.none_model.high
    assert thousand.none_model.value < hundred.none_model.value


def test_progress_counts_replicates() -> None:
    compared = Comparisons.between(*faces(0.9))
    steps: list[int] = []
    draws = draw_people(compared.people_with_pairs, replicates=30, seed=1)
    measure(compared, draws, point=0.5, fmr=1e-3, progress=lambda: steps.append(1))

    assert len(steps) == 30


@pytest.mark.parametrize("spread", [0.05, 0.5, 0.9, 2.0])
def test_the_fitted_mapping_increases_strictly_where_pairs_are(spread: float) -> None:
    """Property "similarity means the same for every model" (REC-4): strictly increasing, 0.5 at the point."""
    fitted = calibrate(Comparisons.between(*faces(spread)), fmr=1e-3)
    curve = Calibration(fitted.operating_point, fitted.slope)
    # Steps of a thousandth, as far as floats can tell similarities from 1.
    similarities = [curve.similarity(fitted.operating_point + step / 1000) for step in range(-30, 31)]

    assert all(lower < higher for lower, higher in pairwise(similarities))
    assert curve.similarity(fitted.operating_point) == 0.5


def test_strangers_that_look_the_same_cannot_be_calibrated_on() -> None:
    same = np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (4, 1))
    with pytest.raises(ValueError, match="operating point"):
        calibrate(Comparisons.between(same, ["a", "a", "b", "b"]))


def test_a_distribution_without_spread_is_a_step() -> None:
    angles = StrangerAngles(mean=1.0, deviation=0.0)

    assert (angles.fmr(math.cos(1.1)), angles.fmr(math.cos(0.9))) == (1.0, 0.0)
