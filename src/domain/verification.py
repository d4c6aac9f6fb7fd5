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
        genuine_person: `(n,)` whose they are: 0 to `people` - 1, in the order of the labels.
        impostor: `(m,)` cosines of pairs of two persons, ascending.
        impostor_people: `(2, m)` whose they are.
    """

    people: int
    genuine: Scores
    genuine_person: People
    impostor: Scores
    impostor_people: People
    _places: "_Places"

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
        genuine, impostor = genuine[up], impostor[impostors_up]
        pairs = np.stack([person[first][~same], person[second][~same]])
        return cls(
            people=int(person.max()) + 1,
            genuine=genuine,
            genuine_person=person[first][same][up],
            impostor=impostor,
            impostor_people=pairs[:, impostors_up],
            _places=_Places.of(genuine, impostor),
        )

    @property
    def people_with_pairs(self) -> npt.NDArray[np.bool_]:
        """`(people,)`: who has two pictures or more."""
        found = np.zeros(self.people, dtype=np.bool_)
        found[self.genuine_person] = True
        return found

    def rates(self, weights: npt.NDArray[np.float64] | None = None) -> "ErrorRates":
        """Error rates, each person counted `weights` times (`(people,)`, once where None).

        Raises:
            ValueError: the weights leave no genuine or no impostor pair.
        """
        weight = np.ones(self.people) if weights is None else weights
        first, second = self.impostor_people
        return ErrorRates(
            self.genuine,
            self.impostor,
            genuine_weights=weight[self.genuine_person],
            impostor_weights=weight[first] * weight[second],
            places=self._places,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Where genuine cosines stand: the same for all weights, and so looked up once.

    Attributes:
        in_genuine: `(n,)` how many genuine cosines are below each.
        in_impostor: `(n,)` how many impostor cosines are.
    """

    in_genuine: People
    in_impostor: People

    @classmethod
    def of(cls, genuine: Scores, impostor: Scores) -> "_Places":
        return cls(np.searchsorted(genuine, genuine, side="left"), np.searchsorted(impostor, genuine, side="left"))


@dataclass(frozen=True, slots=True, eq=False)
class _Below:
    """What share of the weight comes before each of ascending scores.

    Attributes:
        sums: `(n + 1,)` weight before score i.
    """

    sums: npt.NDArray[np.float64]

    @classmethod
    def of(cls, weights: npt.NDArray[np.float64]) -> "_Below":
        sums = np.zeros(len(weights) + 1)
        np.cumsum(weights, out=sums[1:])
        if sums[-1] <= 0.0:
            raise ValueError("no pair left to count")
        return cls(sums)

    def share(self, place: npt.ArrayLike) -> npt.NDArray[np.float64]:
        shares: npt.NDArray[np.float64] = self.sums[np.asarray(place)] / self.sums[-1]
        return shares

    def least(self, share: npt.ArrayLike) -> People:
        """The first place with at least this share before it."""
        # Shares are sums of weights: what differs in the last bits only is the same share.
        wanted: npt.NDArray[np.float64] = (np.asarray(share, dtype=np.float64) - 1e-12) * self.sums[-1]
        return np.searchsorted(self.sums, wanted, side="left")


class ErrorRates:
    """FMR and FNMR at every threshold. A pair matches at or above the threshold."""

    def __init__(
        self,
        genuine: Scores,
        impostor: Scores,
        *,
        genuine_weights: npt.NDArray[np.float64],
        impostor_weights: npt.NDArray[np.float64],
        places: _Places | None = None,
    ) -> None:
        """Of ascending cosines and a weight for each; `places` spares looking them up again.

        Raises:
            ValueError: weights of one kind sum to 0.
        """
        self._genuine, self._impostor = genuine, impostor
        self._genuine_below = _Below.of(genuine_weights)
        self._impostor_below = _Below.of(impostor_weights)
        self._places = places or _Places.of(genuine, impostor)

    def fmr(self, cosine: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Share of impostor pairs at or above each cosine, 0 to 1."""
        return 1.0 - self._impostor_below.share(np.searchsorted(self._impostor, cosine, side="left"))

    def fnmr(self, cosine: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Share of genuine pairs below each cosine, 0 to 1."""
        return self._genuine_below.share(np.searchsorted(self._genuine, cosine, side="left"))

    def equal(self) -> Equal:
        """The equal error rate, looked for at the cosines of genuine pairs."""
        fmr, fnmr = self._at_genuine()
        at = int(np.argmin(np.abs(fmr - fnmr)))
        return Equal(rate=float(fmr[at] + fnmr[at]) / 2, cosine=float(self._genuine[at]))

    def cosine_at_fmr(self, rate: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The least cosine that at most this share of the impostor pairs reaches, for each share."""
        allowed = self._impostor_below.least(1.0 - np.asarray(rate))
        return np.where(allowed == 0, -1.0, np.nextafter(self._impostor[allowed - 1], 2.0))

    def tar_at_fmr(self, rate: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """True accept rate (1 - FNMR) at each `cosine_at_fmr`, 0 to 1."""
        return 1.0 - self.fnmr(self.cosine_at_fmr(rate))

    def best_f1(self) -> tuple[float, float]:
        """The largest F1 of matches and its cosine, all genuine pairs weighing as much as all impostor pairs.

        Balanced, because pairs of strangers outnumber the others by the make of a set, and F1 with them.
        """
        false, missed = self._at_genuine()
        f1 = balanced_f1(fmr=false, fnmr=missed)
        at = int(np.argmax(f1))
        return float(f1[at]), float(self._genuine[at])

    def _at_genuine(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """FMR and FNMR at each genuine cosine."""
        false = 1.0 - self._impostor_below.share(self._places.in_impostor)
        return false, self._genuine_below.share(self._places.in_genuine)


def balanced_f1(*, fmr: npt.NDArray[np.float64], fnmr: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """F1 of matches where genuine and impostor pairs are as many."""
    recall = 1.0 - fnmr
    return 2 * recall / (1.0 + recall + fmr)


def rank_1(vectors: npt.NDArray[np.float32], labels: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Whether the nearest other picture is of the same person, for each of `(n, dimension)` unit vectors."""
    wide, names = vectors.astype(np.float64), np.asarray(labels)
    cosines = wide @ wide.T
    np.fill_diagonal(cosines, -np.inf)
    hits: npt.NDArray[np.bool_] = names[cosines.argmax(axis=1)] == names
    return hits


@dataclass(frozen=True, slots=True)
class StrangerAngles:
    """A normal distribution fitted to the angles between strangers, in radians.

    It says how often strangers come close where a set holds too few lookalikes for its own highest cosines to tell.
    Only a model: what it says of rates below those that were counted is extrapolated.
    """

    mean: float
    deviation: float

    @classmethod
    def of(cls, impostor: Scores) -> "StrangerAngles":
        """Fitted to `(m,)` cosines between strangers."""
        angles = angles_between(impostor)
        return cls(float(angles.mean()), float(angles.std()))

    def cosine_at_fmr(self, rate: float) -> float:
        """The cosine that strangers reach with this probability, -1 to 1."""
        return math.cos(min(math.pi, max(0.0, self.mean + NormalDist().inv_cdf(rate) * self.deviation)))

    def fmr(self, cosine: float) -> float:
        """How probable it is that two strangers reach a cosine."""
        if self.deviation == 0.0:
            return float(math.acos(cosine) >= self.mean)
        return NormalDist(self.mean, self.deviation).cdf(math.acos(cosine))


def angles_between(cosines: Scores) -> Scores:
    """In radians, 0 to pi."""
    angles: Scores = np.arccos(np.clip(cosines, -1.0, 1.0))
    return angles


def operating_point(impostor: Scores, *, fmr: float = TARGET_FMR) -> float:
    """The cosine that strangers reach with a probability of `fmr` by `StrangerAngles`, to `ROUNDED_TO` decimals."""
    return round(StrangerAngles.of(impostor).cosine_at_fmr(fmr), ROUNDED_TO)


def calibrate(compared: Comparisons, *, fmr: float = TARGET_FMR) -> Calibration:
    """Similarity 0.5 at `operating_point`; the slope of greatest likelihood, both kinds of pairs weighing the same.

    Logistic calibration (Platt, 1999) with the middle held. The slope is rounded to a whole number.

    Raises:
        ValueError: strangers look the same to the model, so that no cosine below 1 keeps them apart.
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
