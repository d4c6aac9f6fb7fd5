"""Faces, and what is said of pictures that are not stored."""

from typing import Annotated

from msgspec import Meta, Struct

from facepass.domain.face import QualityReason
from facepass.entrypoints.http.schemas.values import Cosine, Count, Fraction, Milliseconds


class ImageSize(Struct, frozen=True):
    """Size of the upright image, in pixels."""

    width: Count
    height: Count


class Box(Struct, frozen=True):
    """A face's rectangle; it may reach beyond the border of the image."""

    x: float
    y: float
    width: float
    height: float


class Point(Struct, frozen=True):
    """A position in pixels."""

    x: float
    y: float


class Landmarks(Struct, frozen=True):
    """Five points of a face; left and right are the image's."""

    left_eye: Point
    right_eye: Point
    nose: Point
    left_mouth: Point
    right_mouth: Point


class Quality(Struct, frozen=True):
    """How fit a face is for recognition: 0 to 100, and what pulls it down, worst first."""

    score: Annotated[int, Meta(ge=0, le=100)]
    reasons: list[QualityReason]


class Face(Struct, frozen=True):
    """A detected face; numbered from 0, largest first."""

    face_no: Count
    box: Box
    landmarks: Landmarks
    confidence: Fraction
    quality: Quality


class DetectedFaces(Struct, frozen=True):
    """The faces of a picture, largest first; none is a valid answer."""

    faces: list[Face]
    image: ImageSize
    took_ms: Milliseconds


class Comparison(Struct, frozen=True):
    """How alike the largest faces of two pictures are; `faces` has one of each, in order."""

    similarity: Fraction
    cosine: Cosine
    match: bool
    threshold: Fraction
    faces: list[Face]
