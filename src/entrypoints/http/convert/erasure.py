"""What was removed."""

from facepass.application.forget_person import ForgottenPerson
from facepass.domain.gallery import Erasure
from facepass.entrypoints.http import schemas
from facepass.entrypoints.http.convert.faces import query_face_of


def erasure(result: Erasure) -> schemas.Erasure:
    """Answer of `DELETE /index/{session_id}` and `DELETE /index/{session_id}/photos/{photo_id}`."""
    return schemas.Erasure(
        kind=result.kind,
        session_id=result.session_id,
        photo_id=result.photo_id,
        deleted=result.deleted,
        embeddings_removed=result.embeddings_removed,
        photos_removed=result.photos_removed,
        erased_at=result.erased_at,
        receipt=result.receipt,
    )


def forgotten(result: ForgottenPerson) -> schemas.Forgotten:
    """Answer of `POST /index/{session_id}/forget`."""
    erasure = result.erasure
    return schemas.Forgotten(
        kind=erasure.kind,
        session_id=erasure.session_id,
        deleted=erasure.deleted,
        faces_removed=erasure.embeddings_removed,
        threshold=float(result.threshold),
        query_face=query_face_of(result.query_face),
        erased_at=erasure.erased_at,
        receipt=erasure.receipt,
    )
