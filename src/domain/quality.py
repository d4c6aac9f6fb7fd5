"""How fit a face is for recognition, from what can be measured without knowing whose it is.

Components in the spirit of ISO/IEC 29794-5, each 0 to 1, multiplied to a score of 0 to 100, so that one bad component
is enough to spoil it. Where each ramp begins and ends follows from what recognition does with faces that are made
poorer step by step (`benchmarks/quality.py`): a component is about 1 while hardly more of a person's photos are missed
than with the untouched picture, 0.5 where one in five is and 0.25 where one in two. Darkness weighs more than what it
hides: what is left of faces in the dark looks alike, and strangers are taken for each other.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from facepass.domain.face import Landmarks, Quality, QualityReason

POOR_COMPONENT = 0.5
"""A component below this is named as a reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceMeasurements:
    """What the score is made of.

    Attributes:
        size_px: shorter side of the box in the upright original, in pixels.
        confidence: detection score, 0 to 1.
        sharpness: fine detail relative to coarse detail in the weaker direction, 0 upward.
        yaw: see `pose`.
        pitch: see `pose`.
        inside: see `share_inside`.
        luminance: mean of the face's inner part, 0 (black) to 1 (white).
        black: share of that part's pixels in which nothing can be told from black, 0 to 1.
        white: the same of white.
    """

    size_px: float
    confidence: float
    sharpness: float
    yaw: float
    pitch: float
    inside: float
    luminance: float
    black: float
    white: float


def assess(measured: FaceMeasurements) -> Quality:
    """Score and reasons, worst component first; equally bad ones in the order of `components`."""
    values = components(measured)
    worst_first = sorted(values, key=values.__getitem__)
    return Quality(
        score=round(100 * math.prod(values.values())),
        reasons=tuple(reason for reason in worst_first if values[reason] < POOR_COMPONENT),
        weakest=worst_first[0] if values[worst_first[0]] < 1.0 else None,
    )


def components(measured: FaceMeasurements) -> Mapping[QualityReason, float]:
    """Each component, 0 (hopeless) to 1 (nothing to wish for), by the reason that it is when it is poor."""
    return {
        QualityReason.CUT_BY_BORDER: _ramp(measured.inside, zero_at=0.5, one_at=0.85),
        QualityReason.TOO_SMALL: _ramp(measured.size_px, zero_at=10.0, one_at=50.0),
        QualityReason.BLURRED: _ramp(measured.sharpness, zero_at=0.08, one_at=0.235),
        QualityReason.EXTREME_POSE: min(
            _ramp(-abs(measured.yaw), zero_at=-1.0, one_at=-0.4), _ramp(-abs(measured.pitch), zero_at=-0.6, one_at=-0.3)
        ),
        QualityReason.TOO_DARK: min(
            _ramp(measured.luminance, zero_at=0.035, one_at=0.15), _ramp(-measured.black, zero_at=-1.0, one_at=-0.5)
        ),
        QualityReason.TOO_BRIGHT: min(
            _ramp(-measured.luminance, zero_at=-0.99, one_at=-0.8), _ramp(-measured.white, zero_at=-0.95, one_at=-0.25)
        ),
        QualityReason.LOW_DETECTION_SCORE: _ramp(measured.confidence, zero_at=0.65, one_at=0.95),
    }


def pose(landmarks: Landmarks) -> tuple[float, float]:
    """How far a face is turned, from five points alone and free of roll.

    Returns:
        Yaw: the nose's offset from the middle between the eyes, along the line of the eyes, in half eye distances: 0
        for a frontal face, about ±1 where the nose stands over an eye. Pitch: how far the nose is off the middle
        between eyes and mouth, in eye-to-mouth distances: 0 is level, positive looks down. Both ±inf for landmarks
        that collapse.
    """
    points = landmarks.as_array()
    eyes, mouth, nose = (points[0] + points[1]) / 2, (points[3] + points[4]) / 2, points[2]
    across = points[1] - points[0]
    down = mouth - eyes
    eye_distance, face_height = math.hypot(*across), math.hypot(*down)
    if eye_distance == 0.0 or face_height == 0.0:
        return math.inf, math.inf
    yaw = float((nose - eyes) @ across) / (eye_distance * eye_distance / 2)
    pitch = float((nose - eyes) @ down) / (face_height * face_height) - NOSE_LEVEL
    return yaw, pitch


NOSE_LEVEL = 0.55
"""Where the nose tip of a level face stands between eyes (0) and mouth (1)."""


def share_inside(landmarks: Landmarks, *, width: float, height: float) -> float:
    """How much of a face lies inside the picture, 0 to 1.

    The face is the upright square around its landmarks that reaches from brow to chin. The detector's box would not
    do: where the picture ends, it ends too.

    Args:
        landmarks: may lie outside.
        width: of the picture, in the same pixels.
        height: likewise.
    """
    points = landmarks.as_array()
    centre = points.mean(axis=0)
    half = FACE_SPREADS / 2 * math.sqrt(float(((points - centre) ** 2).sum()) / len(points))
    if half <= 0.0 or not math.isfinite(half):
        return 0.0
    across, down = (
        max(0.0, min(float(middle) + half, end) - max(float(middle) - half, 0.0)) / (2 * half)
        for middle, end in zip(centre, (width, height), strict=True)
    )
    return across * down


FACE_SPREADS = 3.2
"""Side of the square that is the face, in spreads of its landmarks (their distance from their centre, root mean
square): from the middle of the forehead to the tip of the chin of a level, frontal one."""


def _ramp(value: float, *, zero_at: float, one_at: float) -> float:
    """0 at and below `zero_at`, 1 at and above `one_at`, linear between."""
    return min(1.0, max(0.0, (value - zero_at) / (one_at - zero_at)))
