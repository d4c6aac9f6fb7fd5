"""What each route of the contract takes and gives: the table that the OpenAPI document is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from facepass.application.probe import OnMultiple
from facepass.application.search_gallery import MAX_LIMIT
from facepass.domain.face import QualityReason
from facepass.entrypoints.http import auth, documented, schemas
from facepass.entrypoints.http.parameters import DEFAULT_LIMIT
from facepass.entrypoints.http.routes.uploads import FORMATS
from facepass.entrypoints.settings import Settings

Tag = Literal["Sessions", "Search", "Faces", "Service"]

_BODY = ("invalid_request", "payload_too_large", "request_timeout", "overloaded", "internal")
_PICTURE = (*_BODY, "unsupported_image")
_FACE = (*_PICTURE, "no_face_detected", "low_quality_face")
_KEY = ("unauthorized",)
_STORE = ("dependency_unavailable",)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    Attributes:
        access: `auth.KEY`, `auth.SEARCH`, or None for everyone.
        body: media type to media type object.
        errors: codes it may answer with, beside success.
        revalidates: whether it answers 304.
        answers_503: whether 503 has the shape of the answer instead of a problem.
    """

    method: Literal["get", "post", "delete"]
    path: str
    name: str
    tag: Tag
    summary: str
    description: str
    answer: type[msgspec.Struct]
    example: msgspec.Struct
    errors: tuple[str, ...]
    access: str | None = None
    parameters: tuple[Mapping[str, Any], ...] = ()
    body: Mapping[str, Any] = field(default_factory=dict)
    revalidates: bool = False
    answers_503: bool = False


def operations(settings: Settings) -> tuple[Operation, ...]:
    """The routes under the base path, in the order of the document."""
    return (*_indexing(settings), *_sessions(), *_search(settings), *_faces(settings), *_service(settings))


def _indexing(settings: Settings) -> tuple[Operation, ...]:
    index_form = documented.form(
        {
            "session_id": documented.ID | {"example": documented.SESSION},
            "photo_id": documented.ID | {"example": documented.PHOTO},
            "file": documented.picture(settings, "The photo"),
            "s3_key": documented.S3_KEY,
        },
        ["session_id", "photo_id"],
    )
    return (
        Operation(
            method="post",
            path="/index",
            name="index_photo",
            tag="Sessions",
            summary="Index a photo",
            description="Stores all faces of the photo that are good enough; indexing it again replaces them. Give "
            "either `file` or `s3_key`. A face that is too poor is listed with `indexed: false` and the reasons. A "
            "photo without a face answers 400 `no_face_detected` and is recorded.",
            answer=schemas.IndexedPhoto,
            example=schemas.IndexedPhoto(
                True,
                documented.PHOTO,
                documented.SESSION,
                0.997,
                2,
                1,
                [documented.INDEXED_FACE, documented.REFUSED_FACE],
                documented.SIZE,
                False,
                documented.MODEL,
                84.2,
            ),
            errors=(*_PICTURE, "no_face_detected", *_KEY, "not_found", "conflict", *_STORE),
            access=auth.KEY,
            body=index_form,
        ),
        Operation(
            method="post",
            path="/index/batch",
            name="index_batch",
            tag="Sessions",
            summary="Index photos by key",
            description="Reads the photos from the configured store. One bad photo never spoils the rest: it is listed "
            "under `errors`. Photos without a face count as indexed and are listed under `without_faces`; faces too "
            "poor to be stored are counted under `faces_refused`, each by the reason that weighed most.",
            answer=schemas.IndexedBatch,
            example=schemas.IndexedBatch(
                41,
                1,
                [schemas.PhotoFailure("DSC_0108", "not_found", "No such photo.")],
                163,
                {QualityReason.TOO_SMALL: 7, QualityReason.BLURRED: 2},
                ["DSC_0120"],
            ),
            errors=(*_BODY, *_KEY, *_STORE),
            access=auth.KEY,
            body=documented.batch(settings),
        ),
    )


def _sessions() -> tuple[Operation, ...]:
    return (
        Operation(
            method="get",
            path="/index/{session_id}/photos/{photo_id}",
            name="stored_photo",
            tag="Sessions",
            summary="One photo's faces",
            description="What is kept of a photo: its searchable faces, without their vectors.",
            answer=schemas.StoredPhoto,
            example=schemas.StoredPhoto(
                documented.SESSION, documented.PHOTO, 1, 1, [documented.FACE], documented.SIZE, documented.MOMENT
            ),
            errors=("invalid_request", *_KEY, "not_found", *_STORE, "internal"),
            access=auth.KEY,
            parameters=(documented.SESSION_IN_PATH, documented.PHOTO_IN_PATH),
        ),
        Operation(
            method="delete",
            path="/index/{session_id}",
            name="delete_session",
            tag="Sessions",
            summary="Erase a session",
            description="Removes its photos, faces and vectors in one transaction. Erasing what is not there removes "
            "nothing and is no error.",
            answer=schemas.Erasure,
            example=schemas.Erasure(True, 163, 41, "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"),
            errors=("invalid_request", *_KEY, *_STORE, "internal"),
            access=auth.KEY,
            parameters=(documented.SESSION_IN_PATH,),
        ),
    )


def _search(settings: Settings) -> tuple[Operation, ...]:
    form = documented.form(
        {
            "session_id": documented.ID | {"example": documented.SESSION},
            "file": documented.selfies(settings),
            "threshold": documented.threshold(settings),
            "limit": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
            "on_multiple": {
                "type": "string",
                "enum": [value.value for value in OnMultiple],
                "default": OnMultiple.LARGEST.value,
                "description": "What to do with a selfie that shows several faces of similar size.",
            },
        },
        ["session_id", "file"],
    )
    return (
        Operation(
            method="post",
            path="/search",
            name="search",
            tag="Search",
            summary="Find a visitor's photos",
            description="Compares the visitor's face with every face of the session, exactly. Several selfies are "
            "fused into one score, which finds more at the same `threshold`; where they seem to show different people, "
            "or one cannot be used, `errors` names it: `file[1]` is the second. An empty list comes with a `reason`: "
            "a `code` and a sentence for the visitor; `largest_face_used` says that a selfie shows several people.",
            answer=schemas.SearchResult,
            example=schemas.SearchResult(
                session_id=documented.SESSION,
                matches=[schemas.Match(documented.PHOTO, 0.94, 0.997, 0.958, 0, documented.BOX)],
                total_matches=1,
                query_time_ms=43.1,
                threshold=0.5,
                query_face=documented.QUERY_FACE,
                query_faces=[documented.QUERY_FACE],
                reason=documented.REASON,
                search_mode="exact",
                timings_ms=schemas.SearchTimings(6.8, 21.9, 12.7, 1.4),
            ),
            errors=(*_FACE, "ambiguous_selfie", *_KEY, "not_found", "conflict", *_STORE),
            access=auth.SEARCH,
            body=form,
        ),
        Operation(
            method="get",
            path="/search/status/{session_id}",
            name="session_status",
            tag="Search",
            summary="A session in numbers",
            description="Send the `ETag` of the last answer as `If-None-Match` to be told only of changes.",
            answer=schemas.SessionStatus,
            example=schemas.SessionStatus(documented.SESSION, True, 41, 163, 1, documented.MOMENT, documented.MODEL),
            errors=("invalid_request", *_KEY, "not_found", *_STORE, "internal"),
            access=auth.SEARCH,
            parameters=(documented.SESSION_IN_PATH,),
            revalidates=True,
        ),
    )


def _faces(settings: Settings) -> tuple[Operation, ...]:
    pair = {
        "file_a": documented.picture(settings, "One picture"),
        "file_b": documented.picture(settings, "The other picture"),
        "threshold": documented.threshold(settings),
    }
    return (
        Operation(
            method="post",
            path="/detect",
            name="detect_faces",
            tag="Faces",
            summary="Find faces",
            description="Boxes, five landmarks, detection score and quality with reasons, largest face first.",
            answer=schemas.DetectedFaces,
            example=schemas.DetectedFaces([documented.FACE], documented.SIZE, 31.6),
            errors=(*_PICTURE, *_KEY),
            access=auth.KEY,
            body=documented.form({"file": documented.picture(settings, "The picture")}, ["file"]),
        ),
        Operation(
            method="post",
            path="/compare",
            name="compare_faces",
            tag="Faces",
            summary="Compare two pictures",
            description="Compares the largest faces; the order of the pictures does not change the score.",
            answer=schemas.Comparison,
            example=schemas.Comparison(0.94, 0.958, True, 0.5, [documented.FACE, documented.FACE]),
            errors=(*_FACE, *_KEY),
            access=auth.KEY,
            body=documented.form(pair, ["file_a", "file_b"]),
        ),
    )


def _service(settings: Settings) -> tuple[Operation, ...]:
    healthy = schemas.Health("healthy", "connected", "loaded", settings.application.app_version, 8412.6)
    limits = settings.uploads
    return (
        Operation(
            method="get",
            path="/upload/supported-formats",
            name="supported_formats",
            tag="Service",
            summary="What an upload may be",
            description="Formats are told by decoding, not by name.",
            answer=schemas.SupportedFormats,
            example=schemas.SupportedFormats(
                FORMATS, limits.max_upload_bytes, limits.max_image_side, limits.max_image_side
            ),
            errors=("internal",),
            revalidates=True,
        ),
        *(
            Operation(
                method="get",
                path=path,
                name=name,
                tag="Service",
                summary=summary,
                description="Asks every dependency, each within its own time limit.",
                answer=schemas.Health,
                example=healthy,
                errors=("internal",),
                answers_503=True,
            )
            for path, name, summary in (
                ("/health", "health", "The service and what it depends on"),
                ("/health/ready", "ready", "Whether requests should be sent here"),
            )
        ),
        Operation(
            method="get",
            path="/health/live",
            name="live",
            tag="Service",
            summary="Whether the process answers",
            description="Never touches a dependency.",
            answer=schemas.Liveness,
            example=schemas.Liveness("healthy"),
            errors=("internal",),
        ),
    )
