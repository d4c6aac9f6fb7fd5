"""The shapes of all answers, and how domain objects become them.

Field names and types are the contract that clients program against. Coordinates are pixels of the upright image.
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from facepass.domain.face import QualityReason
from facepass.domain.identification import SearchReason

Fraction = Annotated[float, Meta(ge=0, le=1)]
Cosine = Annotated[float, Meta(ge=-1, le=1)]
Count = Annotated[int, Meta(ge=0)]
Milliseconds = Annotated[float, Meta(ge=0, description="In milliseconds.")]
Id = Annotated[str, Meta(min_length=1, max_length=255, description="The caller's own, returned byte for byte.")]


class InvalidField(Struct, frozen=True):
    """One refused parameter."""

    field: str
    message: str


class Problem(Struct, omit_defaults=True):
    """What went wrong (RFC 9457). `code` is stable: program against it."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[InvalidField] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    retry_after_s: int | None = None


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


class IndexedFace(Face, frozen=True):
    """A face of an indexed photo; one with `indexed: false` was too poor to be stored, for the `reasons` given."""

    indexed: bool


class IndexedPhoto(Struct, frozen=True):
    """What indexing a photo did. `faces` also lists those that were too poor to be stored."""

    indexed: bool
    photo_id: Id
    session_id: Id
    confidence: Fraction
    faces_detected: Count
    faces_indexed: Count
    faces: list[IndexedFace]
    image: ImageSize
    replaced: bool
    model: str
    took_ms: Milliseconds


class StoredPhoto(Struct, frozen=True):
    """What is kept of one photo: its searchable faces, without their vectors."""

    session_id: Id
    photo_id: Id
    faces_detected: Count
    faces_indexed: Count
    faces: list[Face]
    image: ImageSize
    indexed_at: datetime


class PhotoFailure(Struct, frozen=True):
    """A photo of a batch that could not be indexed."""

    photo_id: Id
    code: str
    detail: str


class IndexedBatch(Struct, frozen=True):
    """What indexing a batch did. `indexed` counts the photos without faces too.

    `faces_refused` counts the detected faces that were too poor to be stored, each under the reason that weighed most.
    """

    indexed: Count
    failed: Count
    errors: list[PhotoFailure]
    faces_indexed: Count
    faces_refused: dict[QualityReason, Count]
    without_faces: list[Id]


class Erasure(Struct, frozen=True):
    """What deleting a session removed. `receipt` is a SHA-256 over these facts, the session and the moment."""

    deleted: bool
    embeddings_removed: Count
    photos_removed: Count
    receipt: str


class Match(Struct, frozen=True):
    """A photo in which the visitor appears, with the face that shows them best."""

    photo_id: Id
    similarity: Fraction
    confidence: Fraction
    cosine: Cosine
    face_no: Count
    box: Box


class QueryFace(Struct, frozen=True):
    """A face that was searched with, in the pixels of its selfie."""

    box: Box
    quality: Quality


class Reason(Struct, frozen=True):
    """What a visitor should know about a result. `code` is stable: program against it; `detail` is for the visitor."""

    code: SearchReason
    detail: str


class SearchTimings(Struct, frozen=True):
    """Where a search spent its time."""

    decode: Milliseconds
    detect: Milliseconds
    embed: Milliseconds
    search: Milliseconds


class SearchResult(Struct, frozen=True):
    """The photos of one session that show the visitor: best first, each photo once."""

    session_id: Id
    matches: list[Match]
    total_matches: Annotated[int, Meta(ge=0, description="Also those beyond `limit`.")]
    query_time_ms: Milliseconds
    threshold: Fraction
    query_face: Annotated[QueryFace, Meta(description="The best of `query_faces`.")]
    query_faces: Annotated[list[QueryFace], Meta(min_length=1, description="One a selfie, in the order they came in.")]
    reason: Reason | None
    search_mode: Literal["exact", "ann"]
    timings_ms: SearchTimings


class SessionStatus(Struct, frozen=True):
    """A session in numbers."""

    session_id: Id
    indexed: bool
    photo_count: Count
    face_count: Count
    photos_without_faces: Count
    last_indexed: datetime | None
    model: str


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


class ImageFormat(Struct, frozen=True):
    """An accepted image format."""

    name: str
    mime: str
    extensions: list[str]


class SupportedFormats(Struct, frozen=True):
    """What an upload may be."""

    formats: list[ImageFormat]
    max_bytes: Count
    max_width: Count
    max_height: Count


class Health(Struct, frozen=True):
    """The service at one moment."""

    status: Literal["healthy", "degraded", "unhealthy"]
    database: Literal["connected", "unreachable"]
    face_recognition_model: Literal["loaded"]
    version: str
    uptime_seconds: Annotated[float, Meta(ge=0)]


class Liveness(Struct, frozen=True):
    """The process answers; says nothing about what it depends on."""

    status: Literal["healthy"]
