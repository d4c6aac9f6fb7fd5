"""Erasing a session, a photo, or a person."""

from facepass.domain.gallery import ErasureKind
from facepass.entrypoints.http import access, documented, schemas
from facepass.entrypoints.http.operations.operation import FACE, STORE, Operation
from facepass.entrypoints.settings import Settings

_AGAIN = (
    "in one transaction, with a line in the audit trail. Erasing what is not there removes nothing and is no error. A "
    "photo concerned that is being indexed meanwhile is not stored: its caller is answered 409 `conflict`."
)
_BY_NAME = ("invalid_request", *STORE, "internal")


def erasing(settings: Settings) -> tuple[Operation, ...]:
    """In the order of the document."""
    return (
        Operation(
            method="delete",
            path="/index/{session_id}",
            name="delete_session",
            tag="Erasure",
            summary="Erase a session",
            description=f"Removes its photos, faces and vectors {_AGAIN}",
            answer=schemas.Erasure,
            example=schemas.Erasure(
                ErasureKind.SESSION, documented.SESSION, None, True, 163, 41, documented.ERASED_AT, documented.RECEIPT
            ),
            errors=_BY_NAME,
            access=access.DELETE,
            parameters=(documented.SESSION_IN_PATH,),
        ),
        Operation(
            method="delete",
            path="/index/{session_id}/photos/{photo_id}",
            name="delete_photo",
            tag="Erasure",
            summary="Erase a photo",
            description=f"Removes its faces and vectors {_AGAIN}",
            answer=schemas.Erasure,
            example=schemas.Erasure(
                ErasureKind.PHOTO,
                documented.SESSION,
                documented.PHOTO,
                True,
                4,
                1,
                documented.ERASED_AT,
                documented.RECEIPT,
            ),
            errors=_BY_NAME,
            access=access.DELETE,
            parameters=(documented.SESSION_IN_PATH, documented.PHOTO_IN_PATH),
        ),
        _forget(settings),
    )


def _forget(settings: Settings) -> Operation:
    threshold = documented.threshold(settings) | {
        "description": "Least `similarity` of a face that is removed, inclusive."
    }
    return Operation(
        method="post",
        path="/index/{session_id}/forget",
        name="forget_person",
        tag="Erasure",
        summary="Forget a person",
        description="Removes every face of the session that matches the selfie at or above `threshold`, in one "
        "transaction, with a line in the audit trail; the photos and everybody else in them stay. The selfie must show "
        "one person. Nothing of it is kept: indexing a photo of them again, or one that was being indexed meanwhile, "
        "brings their face back. `POST /search` with the same selfie and `threshold` shows beforehand which photos are "
        "concerned.",
        answer=schemas.Forgotten,
        example=schemas.Forgotten(
            ErasureKind.PERSON,
            documented.SESSION,
            True,
            6,
            0.5,
            documented.QUERY_FACE,
            documented.ERASED_AT,
            documented.RECEIPT,
        ),
        errors=(*FACE, "ambiguous_selfie", "not_found", "conflict", *STORE),
        access=access.FORGET,
        parameters=(documented.SESSION_IN_PATH,),
        body=documented.form(
            {"file": documented.picture(settings, "A selfie of the person"), "threshold": threshold}, ["file"]
        ),
    )
