"""Photos of a session, and sessions in numbers."""

from facepass.application.index_batch import IndexedBatch
from facepass.application.index_photo import IndexedPhoto
from facepass.application.index_status import IndexStatus
from facepass.domain.gallery import GalleryStatus, Photo
from facepass.entrypoints.http import schemas
from facepass.entrypoints.http.convert.faces import indexed_face_of, size_of, stored_face_of


def indexed_photo(result: IndexedPhoto) -> schemas.IndexedPhoto:
    """Answer of `POST /index`; `indexed` says whether the photo can be found by any of its faces."""
    return schemas.IndexedPhoto(
        indexed=result.faces_indexed > 0,
        photo_id=result.photo_id,
        session_id=result.session_id,
        confidence=result.confidence,
        faces_detected=len(result.faces),
        faces_indexed=result.faces_indexed,
        faces=[indexed_face_of(face, indexed=face.face_no not in result.refused) for face in result.faces],
        image=size_of(result.size),
        replaced=result.replaced,
        model=result.model,
        took_ms=result.took_ms,
    )


def stored_photo(photo: Photo) -> schemas.StoredPhoto:
    """Answer of `GET /index/{session_id}/photos/{photo_id}`."""
    return schemas.StoredPhoto(
        session_id=photo.session_id,
        photo_id=photo.photo_id,
        faces_detected=photo.faces_detected,
        faces_indexed=len(photo.templates),
        faces=[stored_face_of(template.face) for template in photo.templates],
        image=None if photo.size is None else size_of(photo.size),
        indexed_at=photo.indexed_at,
    )


def indexed_batch(result: IndexedBatch) -> schemas.IndexedBatch:
    """Answer of `POST /index/batch`."""
    return schemas.IndexedBatch(
        indexed=result.indexed,
        failed=len(result.failures),
        errors=[schemas.PhotoFailure(failed.photo_id, failed.code, failed.detail) for failed in result.failures],
        faces_indexed=result.faces_indexed,
        faces_refused=dict(result.faces_refused),
        without_faces=list(result.without_faces),
    )


def session_status(status: GalleryStatus) -> schemas.SessionStatus:
    """Answer of `GET /search/status/{session_id}`."""
    return schemas.SessionStatus(
        session_id=status.session_id,
        indexed=status.photo_count > 0,
        photo_count=status.photo_count,
        face_count=status.face_count,
        photos_without_faces=status.photos_without_faces,
        last_indexed=status.last_indexed,
        model=status.model,
    )


def index_status(status: IndexStatus) -> schemas.IndexStatus:
    """Answer of `GET /index/status`."""
    index, totals = status.index, status.totals
    return schemas.IndexStatus(
        model=status.space.model,
        dimension=status.space.dimension,
        embeddings=totals.embeddings,
        photos=totals.photos,
        sessions=totals.sessions,
        size_bytes=totals.size_bytes,
        index=schemas.SearchIndex(
            kind=index.kind,
            parameters=dict(index.parameters),
            valid=index.valid,
            size_bytes=index.size_bytes,
            sessions=index.galleries,
            missing=index.missing,
            recall=index.recall,
        ),
        planner=schemas.Planner(status.exact_max_faces),
    )
