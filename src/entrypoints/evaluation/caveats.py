"""What a reader of a calibration has to know before trusting it, in sentences."""

import math

from facepass.domain.bootstrap import FEW_PEOPLE, RULE_OF_3, RULE_OF_30, Method
from facepass.domain.figures import Figures
from facepass.entrypoints.evaluation.wording import percent

_MANY_ERRORS = 0.1
"""Equal error rate, or share of pictures without a face, from which something is amiss."""

_RECOMMENDED = 0.5


def caveats(figures: Figures, *, people: int, asked_fmr: float, missed: float, threshold: float) -> tuple[str, ...]:
    """Sentences, the weightiest first.

    Args:
        figures: of the calibrated recogniser.
        people: in the set.
        asked_fmr: at which the operating point was placed.
        missed: share of pictures without a face.
        threshold: least similarity of a match in the settings.
    """
    found = []
    if figures.eer.value > _MANY_ERRORS:
        found.append(
            f"An equal error rate of {percent(figures.eer.value)} is far from what these models reach on clean labels: "
            "look for people in the wrong folder, and for pictures of several people."
        )
    if figures.fmr.method is Method.BOOTSTRAP and figures.fmr.low > asked_fmr:
        found.append(
            f"More strangers were counted at the operating point than the fitted distribution foretells "
            f"({percent(figures.fmr.value)} against {percent(figures.fmr_model.value)}): trust the counted rate, and "
            "ask for a lower --fmr."
        )
    found += _resolution(figures.pairs_of_people, asked_fmr)
    if people < FEW_PEOPLE:
        found.append(
            f"{people} people are few: intervals over fewer than {FEW_PEOPLE} come out too narrow, and say nothing of "
            "people unlike these."
        )
    if missed > _MANY_ERRORS:
        found.append(f"{percent(missed)} of the pictures show no face to the detector: they count nowhere above.")
    if threshold != _RECOMMENDED:
        found.append(
            f"All this holds at similarity {_RECOMMENDED:g}; FACE_SIMILARITY_THRESHOLD is {threshold:g} here: searches "
            f"show {'more' if threshold < _RECOMMENDED else 'fewer'} strangers than told."
        )
    return tuple(found)


def _resolution(pairs: int, fmr: float) -> list[str]:
    """Whether so many pairs of people can show such a rate (rule of 3, rule of 30)."""
    if pairs >= RULE_OF_30 / fmr:
        return []
    seen, known = _people_for(RULE_OF_3 / fmr), _people_for(RULE_OF_30 / fmr)
    if pairs >= RULE_OF_3 / fmr:
        text = f"{pairs:,} pairs of people show an FMR of {percent(fmr)}, but not within 30 % of itself (rule of 30)"
        return [f"{text}: that takes {known:,} people."]
    least = min(1.0, RULE_OF_3 / pairs)
    text = (
        f"{pairs:,} pairs of people can show an FMR of {percent(least)} at best (rule of 3). What is said of "
        f"{percent(fmr)} is extrapolated by a normal distribution fitted to the angles between strangers: to see it "
        f"takes {seen:,} people, to know it within 30 % of itself {known:,} (rule of 30)."
    )
    return [text]


def _people_for(pairs: float) -> int:
    """The fewest people of whom so many pairs can be made."""
    return math.ceil((1 + math.sqrt(1 + 8 * pairs)) / 2)
