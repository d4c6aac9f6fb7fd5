"""Photos of a session, and the session in numbers."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from facepass.domain.face import QualityReason
from facepass.entrypoints.http.schemas.faces import Box, Face, ImageSize, Landmarks, Quality
from facepass.entrypoints.http.schemas.values import Count, Fraction, Id, Milliseconds


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


class StoredFace(Struct, frozen=True):
    """A face that can be found. Of one that an earlier system indexed, only number and score may be known."""

    face_no: Count
    box: Box | None
    landmarks: Landmarks | None
    confidence: Fraction
    quality: Quality | None


class StoredPhoto(Struct, frozen=True):
    """What is kept of one photo: its searchable faces, without their vectors."""

    session_id: Id
    photo_id: Id
    faces_detected: Count
    faces_indexed: Count
    faces: list[StoredFace]
    image: Annotated[ImageSize | None, Meta(description="Null of what an earlier system indexed without it.")]
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


class SessionStatus(Struct, frozen=True):
    """A session in numbers."""

    session_id: Id
    indexed: bool
    photo_count: Count
    face_count: Count
    photos_without_faces: Count
    last_indexed: datetime | None
    model: str
