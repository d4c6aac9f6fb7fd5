"""The score of a face, and the reasons it names."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.domain.face import Landmarks, Point, QualityReason
from facepass.domain.quality import FaceMeasurements, assess, pose

GOOD = {"size_px": 120.0, "confidence": 0.99, "sharpness": 0.5, "yaw": 0.05, "pitch": 0.05}
FRONTAL = Landmarks(Point(30, 40), Point(70, 40), Point(50, 59.25), Point(35, 75), Point(65, 75))


def test_a_good_face_scores_full_and_needs_no_reason() -> None:
    quality = assess(FaceMeasurements(**GOOD))
    assert (quality.score, quality.reasons) == (100, ())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"size_px": 20.0}, QualityReason.TOO_SMALL),
        ({"confidence": 0.6}, QualityReason.LOW_DETECTION_SCORE),
        ({"sharpness": 0.03}, QualityReason.BLURRED),
        ({"yaw": -0.9}, QualityReason.EXTREME_POSE),
        ({"pitch": 0.55}, QualityReason.EXTREME_POSE),
    ],
)
def test_each_weakness_is_named(change: dict[str, float], reason: QualityReason) -> None:
    quality = assess(FaceMeasurements(**(GOOD | change)))
    assert quality.reasons == (reason,)
    assert quality.score < 50


def test_reasons_come_worst_first() -> None:
    quality = assess(FaceMeasurements(**(GOOD | {"size_px": 10.0, "sharpness": 0.06})))
    assert quality.reasons == (QualityReason.TOO_SMALL, QualityReason.BLURRED)
    assert quality.score == 0


@given(st.floats(0, 1000), st.floats(0, 1), st.floats(0, 10), st.floats(-5, 5), st.floats(-5, 5))
def test_a_score_is_always_within_0_and_100(
    size: float, confidence: float, sharpness: float, yaw: float, pitch: float
) -> None:
    quality = assess(FaceMeasurements(size, confidence, sharpness, yaw, pitch))
    assert 0 <= quality.score <= 100


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
    assert assess(FaceMeasurements(**(GOOD | {"yaw": yaw, "pitch": pitch}))).score == 0
