"""Putting photos into a session, and what is kept of them."""

from facepass.domain.face import QualityReason
from facepass.entrypoints.http import access, documented, schemas
from facepass.entrypoints.http.operations.jobs import JOB
from facepass.entrypoints.http.operations.operation import BODY, PICTURE, STORE, Operation
from facepass.entrypoints.settings import Settings

_PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`respond-async`: in the background (RFC 7240).",
    "schema": {"type": "string"},
}


def indexing(settings: Settings) -> tuple[Operation, ...]:
    """In the order of the document."""
    return (_one(settings), _many(settings), _stored())


def _one(settings: Settings) -> Operation:
    index_form = documented.form(
        {
            "session_id": documented.ID | {"example": documented.SESSION},
            "photo_id": documented.ID | {"example": documented.PHOTO},
            "file": documented.picture(settings, "The photo"),
            "s3_key": documented.S3_KEY,
        },
        ["session_id", "photo_id"],
        one_of=["file", "s3_key"],
    )
    return Operation(
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
        errors=(*PICTURE, "no_face_detected", "not_found", "conflict", *STORE),
        access=access.INDEX,
        body=index_form,
    )


def _many(settings: Settings) -> Operation:
    return Operation(
        method="post",
        path="/index/batch",
        name="index_batch",
        tag="Sessions",
        summary="Index photos by key",
        description="Reads the photos from the configured store. One bad photo never spoils the rest: it is listed "
        "under `errors`. Photos without a face count as indexed and are listed under `without_faces`; faces too "
        "poor to be stored are counted under `faces_refused`, each by the reason that weighed most.\n\n"
        f"A batch of more than {settings.photos.batch_sync_max} photos, or with `Prefer: respond-async`, is answered "
        "202 at once and indexed in the background: none of its photos is lost, and one that is indexed twice ends as "
        "indexed once. Of two requests for the same photo the later one wins.",
        answer=schemas.IndexedBatch,
        example=schemas.IndexedBatch(
            41,
            1,
            [schemas.PhotoFailure("DSC_0108", "not_found", "No such photo.")],
            163,
            {QualityReason.TOO_SMALL: 7, QualityReason.BLURRED: 2},
            ["DSC_0120"],
        ),
        errors=(*BODY, *STORE),
        access=access.INDEX,
        parameters=(_PREFER,),
        body=documented.batch(),
        accepted=schemas.AcceptedJob(JOB, f"/api/v1/jobs/{JOB}"),
    )


def _stored() -> Operation:
    return Operation(
        method="get",
        path="/index/{session_id}/photos/{photo_id}",
        name="stored_photo",
        tag="Sessions",
        summary="One photo's faces",
        description="What is kept of a photo: its searchable faces, without their vectors. Of one that an earlier "
        "system indexed, `image` and the faces' places may be null.",
        answer=schemas.StoredPhoto,
        example=schemas.StoredPhoto(
            documented.SESSION, documented.PHOTO, 1, 1, [documented.STORED_FACE], documented.SIZE, documented.MOMENT
        ),
        errors=("invalid_request", "not_found", *STORE, "internal"),
        access=access.LOOK_UP,
        parameters=(documented.SESSION_IN_PATH, documented.PHOTO_IN_PATH),
    )
