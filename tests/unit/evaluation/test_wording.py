"""Sentences and figures that a person reads."""

import dataclasses

import numpy as np
import pytest

from facepass.domain.bootstrap import Estimate, Method
from facepass.domain.figures import DetCurve, Figures
from facepass.domain.verification import TARGET_FMR
from facepass.entrypoints.cli.commands import calibrate
from facepass.entrypoints.evaluation.caveats import caveats
from facepass.entrypoints.evaluation.wording import amount, cosine, interval, percent, stacked

GOOD = Estimate(0.01, 0.005, 0.02)
NOTHING = np.zeros(0)


def figures(pairs_of_people: int, **changed: Estimate) -> Figures:
    names = [field.name for field in dataclasses.fields(Figures)]
    given = dict.fromkeys(names, GOOD) | {"fmr": Estimate(0.0, 0.0, 0.1, Method.RULE_OF_3)}
    rest = {
        "false_matches": 0,
        "pairs_of_people": pairs_of_people,
        "det": DetCurve(NOTHING, NOTHING, NOTHING, NOTHING),
        "eers": NOTHING,
    }
    return Figures(**given | rest | changed)  # type: ignore[arg-type]  # names and types are those of the fields


def said(found: Figures, *, people: int = 1000, missed: float = 0.0, threshold: float = 0.5) -> str:
    return "\n".join(caveats(found, people=people, asked_fmr=1e-4, missed=missed, threshold=threshold))


def test_a_large_clean_set_needs_no_caveat() -> None:
    assert said(figures(300_000)) == ""


def test_a_set_too_small_to_show_the_rate_says_what_is_extrapolated_and_how_many_people_it_takes() -> None:
    text = said(figures(45), people=10)

    assert "45 pairs of people can show an FMR of 6.67 % at best (rule of 3)" in text
    assert "0.01 % is extrapolated by a normal distribution" in text
    # 246 people make 30,135 pairs, 776 make 300,700.
    assert "246 people" in text
    assert "776 (rule of 30)" in text
    assert "10 people are few" in text


def test_a_set_that_shows_the_rate_but_does_not_know_it_says_so() -> None:
    text = said(figures(30_000))

    assert "but not within 30 % of itself (rule of 30): that takes 776 people" in text
    assert "extrapolated" not in text


def test_what_is_amiss_is_said_first() -> None:
    text = said(figures(45, eer=Estimate(0.3, 0.2, 0.4), fmr=Estimate(0.01, 0.001, 0.02)), missed=0.5, threshold=0.4)

    assert text.startswith("An equal error rate of 30 %")
    assert "More strangers were counted" in text
    assert "50 % of the pictures show no face" in text
    assert "FACE_SIMILARITY_THRESHOLD is 0.4 here: searches show more strangers" in text


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0 %"), (1.0, "100 %"), (0.9996, "99.96 %"), (0.0666666, "6.67 %"), (1.4e-6, "0.00014 %")],
)
def test_percentages_keep_what_counts(value: float, words: str) -> None:
    assert percent(value) == words


def test_intervals_name_their_rule() -> None:
    assert interval(Estimate(0.0, 0.0, 0.1, Method.RULE_OF_3), percent) == "0 % to 10 % (rule of 3)"
    assert interval(Estimate(0.94, 0.9321, 0.9482), cosine) == "0.932 to 0.948"
    assert stacked(GOOD, percent) == "1\n0.5…2"
    assert amount(12_345.6) == "12,346"


def test_the_command_asks_for_the_rate_of_the_domain() -> None:
    assert calibrate.TARGET_FMR == TARGET_FMR
