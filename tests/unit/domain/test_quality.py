"""The score of a face, and the reasons it names."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.domain.face import Landmarks, Point, QualityReason
from facepass.domain.quality import FaceMeasurements, assess, components, pose, share_inside

GOOD = FaceMeasurements(
    size_px=120.0,
    confidence=0.99,
    sharpness=0.4,
    yaw=0.05,
    pitch=0.05,
    inside=1.0,
    luminance=0.5,
    black=0.0,
    white=0.0,
)
FRONTAL = Landmarks(Point(30, 40), Point(70, 40), Point(50, 59.25), Point(35, 75), Point(65, 75))
UNIT = st.floats(0, 1)
MEASURED = st.builds(
    FaceMeasurements,
    size_px=st.floats(0, 200),
    confidence=UNIT,
    sharpness=UNIT,
    yaw=st.floats(-2, 2),
    pitch=st.floats(-1, 1),
    inside=UNIT,
    luminance=UNIT,
    black=UNIT,
    white=UNIT,
)
WORSE = {
    "size_px": (QualityReason.TOO_SMALL, -200.0),
    "confidence": (QualityReason.LOW_DETECTION_SCORE, -1.0),
    "sharpness": (QualityReason.BLURRED, -1.0),
    "inside": (QualityReason.CUT_BY_BORDER, -1.0),
    "black": (QualityReason.TOO_DARK, 1.0),
    "white": (QualityReason.TOO_BRIGHT, 1.0),
}
"""Measures that are better the higher, or the lower, they are; how far they can go in the bad direction."""


def test_a_good_face_scores_full_and_needs_no_reason() -> None:
    quality = assess(GOOD)
    assert (quality.score, quality.reasons, quality.weakest) == (100, (), None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"size_px": 20.0}, QualityReason.TOO_SMALL),
        ({"confidence": 0.7}, QualityReason.LOW_DETECTION_SCORE),
        ({"sharpness": 0.12}, QualityReason.BLURRED),
        ({"yaw": -0.9}, QualityReason.EXTREME_POSE),
        ({"pitch": 0.55}, QualityReason.EXTREME_POSE),
        ({"inside": 0.6}, QualityReason.CUT_BY_BORDER),
        ({"luminance": 0.05}, QualityReason.TOO_DARK),
        ({"black": 0.8}, QualityReason.TOO_DARK),
        ({"luminance": 0.95}, QualityReason.TOO_BRIGHT),
        ({"white": 0.7}, QualityReason.TOO_BRIGHT),
    ],
)
def test_each_weakness_is_named(change: dict[str, float], reason: QualityReason) -> None:
    quality = assess(dataclasses.replace(GOOD, **change))
    assert (quality.reasons, quality.weakest) == ((reason,), reason)
    assert quality.score < 50


def test_reasons_come_worst_first() -> None:
    quality = assess(dataclasses.replace(GOOD, size_px=10.0, sharpness=0.14))
    assert quality.reasons == (QualityReason.TOO_SMALL, QualityReason.BLURRED)
    assert quality.score == 0


@pytest.mark.parametrize("luminance", [0.15, 0.25, 0.5, 0.75])
def test_dark_and_fair_skin_in_fair_light_cost_nothing(luminance: float) -> None:
    assert assess(dataclasses.replace(GOOD, luminance=luminance)).score == 100


def test_nearly_good_names_no_reason_but_its_weakest() -> None:
    quality = assess(dataclasses.replace(GOOD, size_px=40.0, confidence=0.92))
    assert (quality.score, quality.reasons, quality.weakest) == (68, (), QualityReason.TOO_SMALL)


@given(MEASURED)
def test_the_score_is_the_product_of_its_components(measured: FaceMeasurements) -> None:
    quality, values = assess(measured), components(measured)
    assert set(values) == set(QualityReason)
    assert all(0 <= value <= 1 for value in values.values())
    assert 0 <= quality.score <= 100
    assert quality.score == round(100 * math.prod(values.values()))


@given(MEASURED)
def test_reasons_are_the_poor_components_worst_first(measured: FaceMeasurements) -> None:
    quality, values = assess(measured), components(measured)
    named = [values[reason] for reason in quality.reasons]
    assert named == sorted(named)
    assert set(quality.reasons) == {reason for reason, value in values.items() if value < 0.5}
    assert (quality.weakest is None) == (min(values.values()) == 1)
    if quality.weakest is not None:
        assert values[quality.weakest] == min(values.values())
    if quality.reasons:
        assert quality.reasons[0] is quality.weakest


@given(MEASURED, st.sampled_from(sorted(WORSE)), UNIT)
def test_the_score_falls_with_every_measure_that_gets_worse(measured: FaceMeasurements, name: str, by: float) -> None:
    reason, furthest = WORSE[name]
    worse = dataclasses.replace(measured, **{name: getattr(measured, name) + by * furthest})
    assert components(worse)[reason] <= components(measured)[reason]
    assert assess(worse).score <= assess(measured).score


@given(MEASURED, st.sampled_from(["yaw", "pitch"]), st.floats(1, 4))
def test_the_score_falls_with_every_further_turn(measured: FaceMeasurements, name: str, times: float) -> None:
    turned = dataclasses.replace(measured, **{name: times * getattr(measured, name)})
    assert assess(turned).score <= assess(measured).score


@given(st.floats(-math.pi / 3, math.pi / 3), st.floats(0.2, 5))
def test_pose_ignores_roll_and_scale(roll: float, scale: float) -> None:
    turned = [
        Point(
            scale * (x * math.cos(roll) - y * math.sin(roll)),
            scale * (x * math.sin(roll) + y * math.cos(roll)),
        )
        for x, y in (FRONTAL.left_eye, FRONTAL.right_eye, FRONTAL.nose, FRONTAL.left_mouth, FRONTAL.right_mouth)
    ]
    assert pose(Landmarks(*turned)) == pytest.approx((0, 0), abs=1e-6)


def test_a_nose_over_one_eye_is_a_turned_head() -> None:
    turned = Landmarks(FRONTAL.left_eye, FRONTAL.right_eye, Point(68, 59), FRONTAL.left_mouth, FRONTAL.right_mouth)
    yaw, _ = pose(turned)
    assert yaw == pytest.approx(0.9)


def test_collapsed_landmarks_are_an_extreme_pose() -> None:
    yaw, pitch = pose(Landmarks(*[Point(1, 1)] * 5))
    assert assess(dataclasses.replace(GOOD, yaw=yaw, pitch=pitch)).score == 0


def test_a_face_in_the_middle_is_all_inside() -> None:
    assert share_inside(FRONTAL, width=100, height=120) == pytest.approx(1.0)


def test_a_face_halfway_outside_is_cut_by_the_border() -> None:
    half = share_inside(FRONTAL, width=50, height=120)
    assert half == pytest.approx(0.5)
    assert assess(dataclasses.replace(GOOD, inside=half)).reasons == (QualityReason.CUT_BY_BORDER,)


def test_a_face_in_the_corner_loses_both_sides() -> None:
    # Its centre is (50, 57.85): what is left is a quarter.
    assert share_inside(FRONTAL, width=50, height=57.85) == pytest.approx(0.25)


def test_what_lies_outside_or_collapses_is_not_inside() -> None:
    assert share_inside(FRONTAL, width=10, height=10) == 0.0
    assert share_inside(Landmarks(*[Point(5, 5)] * 5), width=10, height=10) == 0.0
    assert share_inside(Landmarks(*[Point(math.nan, 5)] * 5), width=10, height=10) == 0.0


@given(st.floats(1, 300), st.floats(1, 300), st.floats(0, 100), st.floats(0.1, 10))
def test_a_larger_picture_never_shows_less_and_scale_does_not_matter(
    width: float, height: float, more: float, scale: float
) -> None:
    share = share_inside(FRONTAL, width=width, height=height)
    assert 0 <= share <= 1
    assert share_inside(FRONTAL, width=width + more, height=height) >= share - 1e-12
    scaled = share_inside(FRONTAL.scaled(scale), width=width * scale, height=height * scale)
    assert scaled == pytest.approx(share, abs=1e-9)
