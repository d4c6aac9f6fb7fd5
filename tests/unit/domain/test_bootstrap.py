"""Intervals against what they promise: coverage, seeds, people as the unit, and the rule of 3."""

import numpy as np
import pytest

from facepass.domain.bootstrap import Estimate, Method, draw_people, median, percentiles, rate, share

EVERYBODY = np.ones(40, dtype=np.bool_)


def test_draws_are_multiplicities_of_as_many_people() -> None:
    draws = draw_people(EVERYBODY, replicates=500, seed=1)

    assert draws.shape == (500, 40)
    assert np.all(draws.sum(axis=1) == 40)
    assert np.all(draws == np.floor(draws))
    assert draws.mean(axis=0) == pytest.approx(np.ones(40), abs=0.25)
    # The share of people left out of a replicate is (1 - 1/40)^40.
    assert np.mean(draws == 0) == pytest.approx((1 - 1 / 40) ** 40, abs=0.01)


def test_the_same_seed_gives_the_same_draws() -> None:
    first, again = (draw_people(EVERYBODY, replicates=50, seed=3) for _ in range(2))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, draw_people(EVERYBODY, replicates=50, seed=4))


def test_every_replicate_has_something_to_compare() -> None:
    has_pairs = np.array([True, False, False])
    draws = draw_people(has_pairs, replicates=300, seed=1)

    assert np.all(draws[:, 0] > 0)
    assert np.all((draws > 0).sum(axis=1) >= 2)


@pytest.mark.parametrize("has_pairs", [[True], [False, False], []])
def test_nothing_to_compare_is_refused(has_pairs: list[bool]) -> None:
    with pytest.raises(ValueError, match="two people"):
        draw_people(np.array(has_pairs, dtype=np.bool_), replicates=10, seed=1)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """300 sets of 40 people who differ: 95 % in theory, a little less for so few people."""
    random = np.random.default_rng(7)
    person = np.repeat(np.arange(40), 10)
    draws = draw_people(EVERYBODY, replicates=300, seed=1)
    held = 0
    for _ in range(300):
        chances = random.beta(8, 2, size=40)  # mean 0.8
        found = share(random.random(400) < chances[person], person, draws)
        held += found.low <= 0.8 <= found.high

    assert 0.88 <= held / 300 <= 0.99


def test_people_are_drawn_and_not_their_trials() -> None:
    """Ten trials of a person that always agree are worth one: the interval does not shrink by them."""
    hits = np.arange(40) % 4 > 0
    draws = draw_people(EVERYBODY, replicates=1000, seed=1)
    one_each = share(hits, np.arange(40), draws)
    ten_each = share(np.repeat(hits, 10), np.repeat(np.arange(40), 10), draws)

    assert ten_each == one_each
    assert one_each.high - one_each.low == pytest.approx(2 * 1.96 * np.sqrt(0.75 * 0.25 / 40), rel=0.15)


@pytest.mark.parametrize(("hit", "low", "high"), [(True, 0.925, 1.0), (False, 0.0, 0.075)])
def test_without_an_error_the_rule_of_3_speaks(hit: bool, low: float, high: float) -> None:
    found = share(np.full(400, hit), np.repeat(np.arange(40), 10), draw_people(EVERYBODY, replicates=100, seed=1))

    assert found == Estimate(float(hit), pytest.approx(low), pytest.approx(high), Method.RULE_OF_3)


def test_the_rule_of_3_never_leaves_the_unit_interval() -> None:
    assert rate(0.0, np.zeros(10), units=2).high == 1.0


def test_percentiles_hold_the_middle() -> None:
    found = percentiles(0.5, np.linspace(0, 1, 1001))

    assert (found.low, found.high) == (pytest.approx(0.025), pytest.approx(0.975))


def test_a_falling_mapping_swaps_the_ends() -> None:
    assert Estimate(0.1, 0.05, 0.2).mapped(0.9, 0.95, 0.8) == Estimate(0.9, 0.8, 0.95)


def test_the_median_is_the_weighted_one() -> None:
    values, person = np.array([3.0, 1.0, 2.0, 10.0]), np.array([0, 0, 1, 2])
    # Person 2 three times: 10 counts for three of three.
    found = median(values, person, np.array([[0.0, 0.0, 3.0], [0.0, 0.0, 3.0]]))

    assert found.value == 2.0
    assert (found.low, found.high) == (10.0, 10.0)
