"""How far a figure of a labelled set can be trusted: percentile intervals of a bootstrap over people.

Efron, "Bootstrap methods: another look at the jackknife", 1979; Efron and Tibshirani, "An introduction to the
bootstrap", 1993. What is drawn again are people, never pairs: the pairs of one person go together, and drawing them
one by one would promise too much (Bolle, Ratha and Pankanti, "Error analysis of pattern recognition systems: the
subsets bootstrap", 2004). Two copies of a person are never compared with each other, neither as the same person nor as
strangers.

A bootstrap cannot see an error that never came: where all or none of a set went wrong, the rule of 3 takes its place
(ISO/IEC 19795-1): no error in n independent trials leaves room for a rate of 3/n, at 95 %.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEVEL = 0.95
"""How probable it is that an interval holds the truth, as far as the bootstrap can say."""

REPLICATES = 1000
"""Draws of people. The ends of a percentile interval want about as many (Efron and Tibshirani, chapter 13)."""

FEW_PEOPLE = 20
"""Below it percentile intervals are known to be too narrow."""

RULE_OF_3, RULE_OF_30 = 3, 30
"""Independent comparisons times the rate: what it takes to see it at all, and to know it within 30 % of itself at
90 % (Doddington et al., "The NIST speaker recognition evaluation", 2000)."""


class Method(StrEnum):
    """Where an interval comes from."""

    BOOTSTRAP = "bootstrap"
    RULE_OF_3 = "rule_of_3"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and what it may be.

    Attributes:
        value: as counted on the whole set.
        low, high: ends of the interval of `LEVEL`; with the rule of 3 one end is the value.
        method: where they come from.
    """

    value: float
    low: float
    high: float
    method: Method = Method.BOOTSTRAP

    def mapped(self, value: float, low: float, high: float) -> "Estimate":
        """The same interval for a figure that follows from this one by a monotone function."""
        return Estimate(value, min(low, high), max(low, high), self.method)


def draw_people(has_pairs: npt.NDArray[np.bool_], *, replicates: int, seed: int) -> Floats:
    """`(replicates, people)`: how often each person was drawn, as many draws as people in every replicate.

    Args:
        has_pairs: `(people,)`: who has two pictures or more. A replicate without one of them, or of one person only,
            holds nothing to compare and is drawn again.
        replicates: how many are wanted.
        seed: the same gives the same draws.

    Raises:
        ValueError: fewer than two people, or none with two pictures.
    """
    people = len(has_pairs)
    if people < 2 or not has_pairs.any():  # noqa: PLR2004 two people make the first pair of strangers
        raise ValueError("needs two people at least, and one with two pictures")
    random = np.random.default_rng(seed)
    kept: list[npt.NDArray[np.int64]] = []
    have = 0
    while have < replicates:
        drawn = random.multinomial(people, np.full(people, 1.0 / people), size=replicates)
        usable = ((drawn > 0).sum(axis=1) > 1) & (drawn[:, has_pairs] > 0).any(axis=1)
        kept.append(drawn[usable])
        have += int(usable.sum())
    return np.concatenate(kept)[:replicates].astype(np.float64)


def percentiles(value: float, replicated: Floats) -> Estimate:
    """The interval that holds the middle `LEVEL` of `(replicates,)` values."""
    low, high = np.quantile(replicated, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high))


def rate(value: float, replicated: Floats, *, units: int) -> Estimate:
    """A rate, 0 to 1, with its interval; by the rule of 3 over `units` independent trials where it is 0 or 1."""
    room = min(1.0, RULE_OF_3 / units)
    if value <= 0.0:
        return Estimate(0.0, 0.0, room, Method.RULE_OF_3)
    if value >= 1.0:
        return Estimate(1.0, 1.0 - room, 1.0, Method.RULE_OF_3)
    return percentiles(value, replicated)


def share(hits: npt.NDArray[np.bool_], person: npt.NDArray[np.int64], draws: Floats) -> Estimate:
    """The share of hits among `(n,)` trials of the people named by `person`, 0 to 1."""
    people = draws.shape[1]
    of_person = np.bincount(person, minlength=people).astype(np.float64)
    hits_of_person = np.bincount(person, weights=hits, minlength=people)
    counted = draws @ of_person
    if not counted.all():  # replicates of people without any trial
        draws, counted = draws[counted > 0], counted[counted > 0]
    return rate(float(hits.mean()), draws @ hits_of_person / counted, units=int(np.count_nonzero(of_person)))


def median(values: Floats, person: npt.NDArray[np.int64], draws: Floats) -> Estimate:
    """The median of `(n,)` values of the people named by `person`; the lower one of two."""
    order = np.argsort(values, kind="stable")
    ascending, whose = values[order], person[order]

    def middle(weights: Floats) -> float:
        below = np.cumsum(weights[whose])
        return float(ascending[np.searchsorted(below, below[-1] / 2)])

    usable = draws[:, np.unique(person)].any(axis=1)
    replicated = np.array([middle(weights) for weights in draws[usable]])
    return percentiles(middle(np.ones(draws.shape[1])), replicated)
