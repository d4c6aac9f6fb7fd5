"""How fit a face is for recognition, from what can be measured without knowing whose it is.

Four components in the spirit of ISO/IEC 29794-5, each 0 to 1, multiplied to a score of 0 to 100, so that one bad
component is enough to spoil it: size, detection score, sharpness and pose.
"""

import math
from dataclasses import dataclass

from facepass.domain.face import Landmarks, Quality, QualityReason

POOR_COMPONENT = 0.5
"""A component below this is named as a reason."""


@dataclass(frozen=True, slots=True)
class FaceMeasurements:
    """What the score is made of.

    Attributes:
        size_px: shorter side of the box in the upright original, in pixels.
        confidence: detection score, 0 to 1.
        sharpness: detail relative to contrast, 0 upward.
        yaw: see `pose`.
        pitch: see `pose`.
    """

    size_px: float
    confidence: float
    sharpness: float
    yaw: float
    pitch: float


def assess(measured: FaceMeasurements) -> Quality:
    """Score and reasons, worst component first."""
    components = {
        QualityReason.TOO_SMALL: _ramp(measured.size_px, zero_at=10.0, one_at=50.0),
        QualityReason.LOW_DETECTION_SCORE: _ramp(measured.confidence, zero_at=0.5, one_at=0.95),
        QualityReason.BLURRED: _ramp(measured.sharpness, zero_at=0.02, one_at=0.12),
        QualityReason.EXTREME_POSE: min(
            _ramp(-abs(measured.yaw), zero_at=-1.0, one_at=-0.4), _ramp(-abs(measured.pitch), zero_at=-0.6, one_at=-0.3)
        ),
    }
    reasons = sorted((name for name, value in components.items() if value < POOR_COMPONENT), key=components.__getitem__)
    return Quality(round(100 * math.prod(components.values())), tuple(reasons))


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


def _ramp(value: float, *, zero_at: float, one_at: float) -> float:
    """0 at and below `zero_at`, 1 at and above `one_at`, linear between."""
    return min(1.0, max(0.0, (value - zero_at) / (one_at - zero_at)))
