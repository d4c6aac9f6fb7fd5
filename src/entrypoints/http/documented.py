"""Pieces that the documented operations share: parameters, form fields and one example of each shape."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from facepass.application.search_gallery import MAX_SELFIES
from facepass.application.visitor_words import explanation
from facepass.domain.face import QualityReason
from facepass.domain.gallery import MAX_ID_LENGTH
from facepass.domain.identification import SearchReason
from facepass.domain.job import MAX_PHOTOS
from facepass.entrypoints.http import schemas
from facepass.entrypoints.http.parameters import MAX_KEY_BYTES
from facepass.entrypoints.settings import Settings

SESSION = "wedding-2026-05-16"
PHOTO = "DSC_0107"
MOMENT = datetime(2026, 5, 16, 21, 4, 9, tzinfo=UTC)
ERASED_AT = datetime(2026, 8, 20, 9, 15, 2, 417530, tzinfo=UTC)
ID = {"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH, "pattern": r"^[^\u0000]+$"}
SESSION_IN_PATH = {
    "name": "session_id",
    "in": "path",
    "required": True,
    "description": "Percent-encoded, also `/`.",
    "schema": ID,
    "example": SESSION,
}
PHOTO_IN_PATH = SESSION_IN_PATH | {"name": "photo_id", "example": PHOTO}
BOX = schemas.Box(412.5, 188.0, 96.0, 121.5)
QUALITY = schemas.Quality(83, [])
FACE = schemas.Face(
    0,
    BOX,
    schemas.Landmarks(
        schemas.Point(438.0, 236.5),
        schemas.Point(483.2, 235.9),
        schemas.Point(461.0, 262.4),
        schemas.Point(442.1, 284.0),
        schemas.Point(480.3, 283.6),
    ),
    0.997,
    QUALITY,
)
STORED_FACE = schemas.StoredFace(FACE.face_no, FACE.box, FACE.landmarks, FACE.confidence, FACE.quality)
INDEXED_FACE = schemas.IndexedFace(FACE.face_no, FACE.box, FACE.landmarks, FACE.confidence, FACE.quality, indexed=True)
REFUSED_FACE = schemas.IndexedFace(
    1,
    schemas.Box(1604.0, 371.5, 14.0, 18.5),
    schemas.Landmarks(
        schemas.Point(1608.1, 378.6),
        schemas.Point(1614.7, 378.4),
        schemas.Point(1611.3, 382.6),
        schemas.Point(1608.7, 385.9),
        schemas.Point(1614.2, 385.7),
    ),
    0.871,
    schemas.Quality(5, [QualityReason.TOO_SMALL]),
    indexed=False,
)
QUERY_FACE = schemas.QueryFace(schemas.Box(301.0, 220.5, 340.0, 431.0), QUALITY)
REASON = schemas.Reason(SearchReason.LARGEST_FACE_USED, explanation(SearchReason.LARGEST_FACE_USED))
SIZE = schemas.ImageSize(1920, 1280)
MODEL = "dlib-resnet29-int8"
JWT = (
    "eyJhbGciOiJIUzI1NiIsImtpZCI6IjU2MmFkYTgyNTg2NzQwY2EiLCJ0eXAiOiJKV1QifQ."
    "eyJpc3MiOiJmYWNlcGFzcyIsInN1YiI6IndlZGRpbmctMjAyNi0wNS0xNiJ9.c2lnbmF0dXJl"
)
KEY_SECRET = "fp_abcdefgh_" + 43 * "x"
MANAGED_KEY = schemas.ManagedKey("fp_abcdefgh", "photo site", ["index"], True, MOMENT, None, None, None)
RECEIPT = "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"


def form(properties: Mapping[str, Any], required: list[str], *, one_of: Sequence[str] = ()) -> dict[str, Any]:
    """A request body that is a form; of the fields in `one_of` it has exactly one."""
    schema = _object(properties, required)
    if one_of:
        schema["oneOf"] = [{"required": [name]} for name in one_of]
    return {"multipart/form-data": {"schema": schema}}


def json_object(properties: Mapping[str, Any], required: list[str], example: Mapping[str, Any]) -> dict[str, Any]:
    """A request body that is a JSON object."""
    return {"application/json": {"schema": _object(properties, required), "example": dict(example)}}


def _object(properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": required, "additionalProperties": False}


def picture(settings: Settings, what: str) -> dict[str, Any]:
    """A form field that holds a picture; `what` is what the reader calls it."""
    limits = settings.uploads
    return {
        "type": "string",
        "format": "binary",
        "description": f"{what}: JPEG, PNG, WebP or BMP, at most {limits.max_upload_bytes} bytes and "
        f"{limits.max_image_side} pixels a side.",
    }


def selfies(settings: Settings) -> dict[str, Any]:
    """The form field `file` of a search."""
    return {
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_SELFIES,
        "items": picture(settings, "A selfie"),
        "description": "One selfie, or several of the same visitor: `file` as often as there are.",
    }


def threshold(settings: Settings) -> dict[str, Any]:
    """The form field `threshold`."""
    return {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "default": settings.recognition.face_similarity_threshold,
        "description": "Least `similarity` of a match, inclusive.",
    }


S3_KEY = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_KEY_BYTES,
    "description": "Key of a photo in the configured store, instead of `file`.",
    "example": "2026-05-16/DSC_0107.jpg",
}


def batch() -> dict[str, Any]:
    """The request body of a batch."""
    photo = {"photo_id": ID | {"example": PHOTO}, "s3_key": S3_KEY}
    schema = {
        "type": "object",
        "required": ["session_id", "photos"],
        "additionalProperties": False,
        "properties": {
            "session_id": ID,
            "photos": {
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_PHOTOS,
                "items": {
                    "type": "object",
                    "required": ["photo_id", "s3_key"],
                    "additionalProperties": False,
                    "properties": photo,
                },
            },
        },
    }
    example = {
        "session_id": SESSION,
        "photos": [{"photo_id": PHOTO, "s3_key": "2026-05-16/DSC_0107.jpg"}],
    }
    return {"application/json": {"schema": schema, "example": example}}
