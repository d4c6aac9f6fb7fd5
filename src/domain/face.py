"""Faces in a picture: where they are and how good they are.

Coordinates are pixels of the upright image, after EXIF orientation, origin at the top left corner, as floats.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Point(NamedTuple):
    """A position in pixels."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class ImageSize:
    """Width and height of the upright image, in pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Image:
    """A decoded, upright picture, possibly at a reduced scale.

    Attributes:
        pixels: `(height, width, 3)` uint8 RGB.
        size: the size of the upright original; `pixels` may be smaller.
    """

    pixels: npt.NDArray[np.uint8]
    size: ImageSize

    @property
    def scale(self) -> float:
        """Pixels of the original per pixel held: 1 at full scale, 2 for a picture decoded at half."""
        return self.size.width / int(self.pixels.shape[1])


@dataclass(frozen=True, slots=True)
class BoundingBox:
    """A face's rectangle. May reach beyond the border of the image."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """In square pixels."""
        return self.width * self.height

    @property
    def shorter_side(self) -> float:
        """In pixels: what `MIN_FACE_SIZE` is compared with."""
        return min(self.width, self.height)

    def scaled(self, factor: float) -> "BoundingBox":
        """The same box in an image `factor` times as large."""
        return BoundingBox(self.x * factor, self.y * factor, self.width * factor, self.height * factor)

    def iou(self, other: "BoundingBox") -> float:
        """Intersection over union, 0 to 1."""
        width = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        height = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        if width <= 0 or height <= 0:
            return 0.0
        shared = width * height
        return shared / (self.area + other.area - shared)


@dataclass(frozen=True, slots=True)
class Landmarks:
    """The five points that alignment uses; left and right as seen in the upright face, not the person's own."""

    left_eye: Point
    right_eye: Point
    nose: Point
    left_mouth: Point
    right_mouth: Point

    def as_array(self) -> npt.NDArray[np.float64]:
        """`(5, 2)` float64, in the order of the fields."""
        return np.array([self.left_eye, self.right_eye, self.nose, self.left_mouth, self.right_mouth], dtype=np.float64)

    @classmethod
    def from_array(cls, points: npt.NDArray[np.floating]) -> "Landmarks":
        """From `(5, 2)`, in the order of the fields."""
        return cls(*(Point(float(x), float(y)) for x, y in points))

    def scaled(self, factor: float) -> "Landmarks":
        """The same points in an image `factor` times as large."""
        return Landmarks.from_array(self.as_array() * factor)


class QualityReason(StrEnum):
    """Why a face is poor (ISO/IEC 29794-5 speaks of quality components)."""

    TOO_SMALL = "too_small"
    LOW_DETECTION_SCORE = "low_detection_score"
    BLURRED = "blurred"
    EXTREME_POSE = "extreme_pose"
    CUT_BY_BORDER = "cut_by_border"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"


@dataclass(frozen=True, slots=True)
class Quality:
    """How fit a face is for recognition.

    Attributes:
        score: 0 (useless) to 100 (passport photo).
        reasons: what pulls it down, worst first; empty for a good face.
        weakest: what pulls it down most, be it ever so little, so that a strict gate can say why; None where nothing
            does, and for a face read from storage, which passed its gate long ago.
    """

    score: int
    reasons: tuple[QualityReason, ...] = ()
    weakest: QualityReason | None = None


@dataclass(frozen=True, slots=True)
class Detection:
    """A face as the detector found it, in the pixels of the image it was given.

    Attributes:
        confidence: detection score, 0 to 1.
    """

    box: BoundingBox
    landmarks: Landmarks
    confidence: float

    def scaled(self, factor: float) -> "Detection":
        """The same face in an image `factor` times as large."""
        return Detection(self.box.scaled(factor), self.landmarks.scaled(factor), self.confidence)


@dataclass(frozen=True, slots=True)
class Face:
    """A detected and assessed face, in the pixels of the upright original.

    Attributes:
        face_no: its place in the photo, from 0, largest face first.
    """

    face_no: int
    box: BoundingBox
    landmarks: Landmarks
    confidence: float
    quality: Quality
