"""What a labelled set says of a recogniser, each figure with its interval: error rates, and strangers in a session.

Terms and figures are those of ISO/IEC 19795-1.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facepass.domain.bootstrap import RULE_OF_3, Estimate, Floats, Method, percentiles, rate
from facepass.domain.verification import (
    Comparisons,
    StrangerAngles,
    angles_between,
    balanced_f1,
    operating_point,
)

SESSION_FACES = (100, 1000, 10_000)
"""Sizes of the sessions whose strangers are foretold."""

TAR_FMRS = (0.01, 0.001)
"""Where true accept rates are told."""

DET_FMRS: npt.NDArray[np.float64] = np.geomspace(1e-5, 0.5, 80)
"""Where detection error tradeoff curves are drawn."""

Progress = Callable[[], None]


@dataclass(frozen=True, slots=True, eq=False)
class DetCurve:
    """FNMR over `DET_FMRS`, from the least FMR that the set can show.

    Attributes:
        fmr, fnmr, low, high: `(n,)`, 0 to 1; the last two are the interval at each FMR.
    """

    fmr: Floats
    fnmr: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """Of one recogniser on one set.

    Attributes:
        eer: equal error rate.
        eer_cosine: where.
        tar_1, tar_01: true accept rate at an FMR of 1 % and of 0.1 %.
        best_f1: largest F1, genuine and impostor pairs weighing the same.
        best_f1_cosine: where.
        fmr, fnmr: as counted at the operating point.
        fmr_model: FMR there by `StrangerAngles`; extrapolated where nothing was counted.
        refitted: the operating point, as other people of the same kind would have placed it.
        false_matches: impostor pairs at or above the operating point.
        pairs_of_people: how many pairs of strangers, each counted once whatever pictures they have.
        eers: `(replicates,)`, to compare recognisers on the same draws.
    """

    eer: Estimate
    eer_cosine: Estimate
    tar_1: Estimate
    tar_01: Estimate
    best_f1: Estimate
    best_f1_cosine: Estimate
    fmr: Estimate
    fnmr: Estimate
    fmr_model: Estimate
    refitted: Estimate
    false_matches: int
    pairs_of_people: int
    det: DetCurve
    eers: Floats


@dataclass(frozen=True, slots=True)
class Session:
    """A visitor who is in no photo searches a session of strangers, one face a photo.

    Attributes:
        faces: in the session.
        strangers: expected number shown at the operating point, by the FMR that was counted.
        strangers_model: by the FMR of the fitted distribution.
        none_model: probability that none is shown, by the same. Every face counts as an independent trial; strangers
            who look alike come together, so that in truth it is a little more.
    """

    faces: int
    strangers: Estimate
    strangers_model: Estimate
    none_model: Estimate


_ROWS: tuple[str, ...] = (
    "eer",
    "eer_cosine",
    "tar_1",
    "tar_01",
    "best_f1",
    "best_f1_cosine",
    "fmr",
    "fnmr",
    "fmr_model",
    "refitted",
)


def measure(compared: Comparisons, draws: Floats, *, point: float, fmr: float, progress: Progress) -> Figures:
    """All figures, with intervals over the draws.

    Args:
        compared: of the set.
        draws: `(replicates, people)`, see `bootstrap.draw_people`.
        point: cosine of the operating point, the same in every replicate but for `refitted`.
        fmr: at which `refitted` is placed.
        progress: called after each replicate.
    """
    fmrs = DET_FMRS[np.searchsorted(DET_FMRS, 1 / len(compared.impostor)) :]

    def of(weights: Floats) -> tuple[list[float], Floats]:
        rates = compared.rates(weights)
        equal, f1 = rates.equal(), rates.best_f1()
        row = [equal.rate, equal.cosine, *rates.tar_at_fmr(TAR_FMRS).tolist(), *f1]
        return [*row, float(rates.fmr(point)), float(rates.fnmr(point))], 1.0 - rates.tar_at_fmr(fmrs)

    whole, curve = of(np.ones(compared.people))
    rows, curves = np.empty((len(draws), len(whole))), np.empty((len(draws), len(fmrs)))
    for number, weights in enumerate(draws):
        rows[number], curves[number] = of(weights)
        progress()
    fitted = [StrangerAngles.of(compared.impostor), *_fitted(compared, draws)]
    modelled = np.array([(one.fmr(point), one.cosine_at_fmr(fmr)) for one in fitted])
    value = dict(zip(_ROWS, [*whole, float(modelled[0, 0]), operating_point(compared.impostor, fmr=fmr)], strict=True))
    column = dict(zip(_ROWS, np.column_stack([rows, modelled[1:]]).T, strict=True))
    free = {name: percentiles(value[name], column[name]) for name in _ROWS}
    people, pairs = int(compared.people_with_pairs.sum()), compared.people * (compared.people - 1) // 2
    units: dict[str, int] = {"eer": people, "tar_1": people, "tar_01": people, "fnmr": people, "fmr": pairs}
    counted = {name: rate(value[name], column[name], units=units[name]) for name in units}
    low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    return Figures(
        **free | counted | {"best_f1": _f1(free["best_f1"], people, pairs)},
        false_matches=int(np.count_nonzero(compared.impostor >= point)),
        pairs_of_people=pairs,
        det=DetCurve(fmrs, curve, low, high),
        eers=column["eer"],
    )


def sessions(figures: Figures) -> tuple[Session, ...]:
    """How many strangers sessions of `SESSION_FACES` show."""

    def times(chance: Estimate, faces: int) -> Estimate:
        return chance.mapped(faces * chance.value, faces * chance.low, faces * chance.high)

    def none(chance: Estimate, faces: int) -> Estimate:
        return chance.mapped(*((1.0 - one) ** faces for one in (chance.value, chance.low, chance.high)))

    return tuple(
        Session(faces, times(figures.fmr, faces), times(figures.fmr_model, faces), none(figures.fmr_model, faces))
        for faces in SESSION_FACES
    )


def _f1(found: Estimate, people: int, pairs: int) -> Estimate:
    if found.value < 1.0:
        return found
    worst = balanced_f1(fmr=np.array(min(1.0, RULE_OF_3 / pairs)), fnmr=np.array(min(1.0, RULE_OF_3 / people)))
    return Estimate(1.0, float(worst), 1.0, Method.RULE_OF_3)


def _fitted(compared: Comparisons, draws: Floats) -> list[StrangerAngles]:
    """The normal distribution of each replicate, from sums for each pair of people instead of from all pairs again."""
    first, second = compared.impostor_people
    cell, cells = first * compared.people + second, compared.people**2
    angles = angles_between(compared.impostor)
    middle = float(angles.mean())  # sums about it keep their digits

    def total(values: Floats | None) -> Floats:
        sums = np.bincount(cell, weights=values, minlength=cells).reshape(compared.people, compared.people)
        weighted: Floats = ((draws @ sums) * draws).sum(axis=1)
        return weighted

    count = total(None)
    mean = total(angles - middle) / count
    variance = np.maximum(total(np.square(angles - middle)) / count - np.square(mean), 0.0)
    return [
        StrangerAngles(middle + float(at), float(np.sqrt(square))) for at, square in zip(mean, variance, strict=True)
    ]
