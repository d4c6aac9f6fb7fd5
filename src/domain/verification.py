"""How well comparison scores tell people apart, in the terms of ISO/IEC 19795-1, and what that calibrates.

Rates are weighted, so that a bootstrap over people (pairs of one person are not independent: resampling pairs would
promise too much) is a change of weights and no new comparison.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from facepass.domain.embedding import Calibration

Scores = npt.NDArray[np.float64]
People = npt.NDArray[np.int64]

TARGET_FMR = 1e-4
"""False match rate at the recommended operating point: a session of a thousand strangers' faces shows a visitor one
of them in ten searches."""

ROUNDED_TO = 3
"""Decimals of an operating point: further ones would promise what no set of this size can hold."""

_SLOPES = (1.0, 1000.0)
_SLOPE_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Equal:
    """The equal error rate: where FMR and FNMR meet.

    Attributes:
        rate: 0 to 1.
        cosine: where.
    """

    rate: float
    cosine: float


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """Every pair of labelled templates, by whether it is one person's.

    Attributes:
        people: how many.
        genuine: `(n,)` cosines of pairs of one person, ascending.
        genuine_person: `(n,)` whose they are, 0 to `people` - 1.
        impostor: `(m,)` cosines of pairs of two persons, ascending.
        impostor_people: `(m, 2)` whose they are.
    """

    people: int
    genuine: Scores
    genuine_person: People
    impostor: Scores
    impostor_people: People

    @classmethod
    def between(cls, vectors: npt.NDArray[np.float32], labels: Sequence[str]) -> "Comparisons":
        """All pairs of `(n, dimension)` unit vectors with a label each.

        Raises:
            ValueError: no person with two pictures, or only one person: nothing to compare.
        """
        _, person = np.unique(np.asarray(labels), return_inverse=True)
        wide = vectors.astype(np.float64)
        first, second = np.triu_indices(len(person), 1)
        cosines = np.clip((wide @ wide.T)[first, second], -1.0, 1.0)
        same = person[first] == person[second]
        if not same.any() or same.all():
            raise ValueError("needs two people at least, and one with two pictures")
        genuine, impostor = cosines[same], cosines[~same]
        up, impostors_up = np.argsort(genuine, kind="stable"), np.argsort(impostor, kind="stable")
        pairs = np.stack([person[first][~same], person[second][~same]], axis=1)
        return cls(
            people=int(person.max()) + 1,
            genuine=genuine[up],
            genuine_person=person[first][same][up],
            impostor=impostor[impostors_up],
            impostor_people=pairs[impostors_up],
        )

    def rates(self, weights: npt.NDArray[np.float64] | None = None) -> "ErrorRates":
        """Error rates, each person counted `weights` times (`(people,)`, once where None).

        Raises:
            ValueError: the weights leave no genuine or no impostor pair.
        """
        weight = np.ones(self.people) if weights is None else weights
        return ErrorRates(
            self.genuine,
            self.impostor,
            genuine_weights=weight[self.genuine_person],
            impostor_weights=weight[self.impostor_people].prod(axis=1),
        )


class ErrorRates:
    """FMR and FNMR at every threshold. A pair matches at or above the threshold."""

    def __init__(
        self,
        genuine: Scores,
        impostor: Scores,
        *,
        genuine_weights: npt.NDArray[np.float64],
        impostor_weights: npt.NDArray[np.float64],
    ) -> None:
        """Of ascending cosines and a weight for each.

        Raises:
            ValueError: weights of one kind sum to 0.
        """
        self._genuine, self._impostor = genuine, impostor
        # One longer than the scores: entry i is the share of pairs before score i.
        self._genuine_below = _shares(genuine_weights)
        self._impostor_below = _shares(impostor_weights)

    def fmr(self, cosine: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Share of impostor pairs at or above each cosine, 0 to 1."""
        return 1.0 - self._impostor_below[np.searchsorted(self._impostor, cosine, side="left")]

    def fnmr(self, cosine: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Share of genuine pairs below each cosine, 0 to 1."""
        return self._genuine_below[np.searchsorted(self._genuine, cosine, side="left")]

    def equal(self) -> Equal:
        """The equal error rate, looked for at the cosines of genuine pairs."""
        fmr, fnmr = self.fmr(self._genuine), self.fnmr(self._genuine)
        at = int(np.argmin(np.abs(fmr - fnmr)))
        return Equal(rate=float(fmr[at] + fnmr[at]) / 2, cosine=float(self._genuine[at]))

    def cosine_at_fmr(self, rate: float) -> float:
        """The least cosine that at most this share of the impostor pairs reaches."""
        # Shares are sums of weights: what differs in the last bits only is the same share.
        allowed = int(np.searchsorted(self._impostor_below, 1.0 - rate - 1e-12, side="left"))
        if allowed == 0:
            return -1.0
        return math.nextafter(float(self._impostor[allowed - 1]), 2.0)

    def tar_at_fmr(self, rate: float) -> float:
        """True accept rate (1 - FNMR) at `cosine_at_fmr`, 0 to 1."""
        return 1.0 - float(self.fnmr(self.cosine_at_fmr(rate)))

    def best_f1(self) -> tuple[float, float]:
        """The largest F1 of matches and its cosine, all genuine pairs weighing as much as all impostor pairs.

        Balanced, because pairs of strangers outnumber the others by the make of a set, and F1 with them.
        """
        recall, false = 1.0 - self.fnmr(self._genuine), self.fmr(self._genuine)
        f1 = 2 * recall / (1.0 + recall + false)
        at = int(np.argmax(f1))
        return float(f1[at]), float(self._genuine[at])


def rank_1(vectors: npt.NDArray[np.float32], labels: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Whether the nearest other picture is of the same person, for each of `(n, dimension)` unit vectors."""
    wide, names = vectors.astype(np.float64), np.asarray(labels)
    cosines = wide @ wide.T
    np.fill_diagonal(cosines, -np.inf)
    hits: npt.NDArray[np.bool_] = names[cosines.argmax(axis=1)] == names
    return hits


def operating_point(impostor: Scores, *, fmr: float = TARGET_FMR) -> float:
    """The cosine that strangers reach with a probability of `fmr`, rounded to `ROUNDED_TO` decimals.

    From a normal distribution fitted to the angles between strangers, and not from the highest cosines themselves: a
    set of few people holds too few lookalikes for its own tail to tell how often they come.
    """
    angles = np.arccos(np.clip(impostor, -1.0, 1.0))
    angle = float(angles.mean()) + NormalDist().inv_cdf(fmr) * float(angles.std())
    return round(math.cos(max(0.0, angle)), ROUNDED_TO)


def calibrate(compared: Comparisons, *, fmr: float = TARGET_FMR) -> Calibration:
    """Similarity 0.5 at `operating_point`; the slope of greatest likelihood, both kinds of pairs weighing the same.

    Logistic calibration (Platt, 1999) with the middle held. The slope is rounded to a whole number.
    """
    point = operating_point(compared.impostor, fmr=fmr)
    genuine, impostor = compared.genuine - point, compared.impostor - point

    def loss(slope: float) -> float:
        # -log of the logistic function, in the form that does not overflow.
        return float(np.logaddexp(0.0, -slope * genuine).mean() + np.logaddexp(0.0, slope * impostor).mean())

    low, high = _SLOPES
    while high - low > _SLOPE_TOLERANCE:  # the loss is convex in the slope: thirds close in on its minimum
        third = (high - low) / 3
        if loss(low + third) < loss(high - third):
            high -= third
        else:
            low += third
    return Calibration(operating_point=point, slope=float(max(1, round((low + high) / 2))))


def _shares(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    total = float(weights.sum())
    if total <= 0.0:
        raise ValueError("no pair left to count")
    return np.concatenate([[0.0], np.cumsum(weights) / total])
