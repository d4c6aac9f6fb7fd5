"""From what use cases return to the shapes of `schemas`."""

from collections.abc import Sequence
from datetime import datetime

from facepass.application.compare_faces import Comparison
from facepass.application.create_key import NewKey
from facepass.application.detect_faces import DetectedFaces
from facepass.application.forget_person import ForgottenPerson
from facepass.application.index_batch import IndexedBatch
from facepass.application.index_photo import IndexedPhoto
from facepass.application.index_status import IndexStatus
from facepass.application.issue_token import IssuedToken
from facepass.application.search_gallery import Match, SearchResult
from facepass.application.visitor_words import explanation
from facepass.domain.api_key import ApiKey
from facepass.domain.face import BoundingBox, Face, ImageSize, Landmarks, Quality
from facepass.domain.gallery import Erasure, GalleryStatus, Photo, UnlocatedFace
from facepass.entrypoints.http import schemas


def _box(box: BoundingBox) -> schemas.Box:
    return schemas.Box(box.x, box.y, box.width, box.height)


def _landmarks(landmarks: Landmarks) -> schemas.Landmarks:
    points = (
        landmarks.left_eye,
        landmarks.right_eye,
        landmarks.nose,
        landmarks.left_mouth,
        landmarks.right_mouth,
    )
    return schemas.Landmarks(*(schemas.Point(point.x, point.y) for point in points))


def _quality(quality: Quality) -> schemas.Quality:
    return schemas.Quality(quality.score, list(quality.reasons))


def _face(face: Face) -> schemas.Face:
    return schemas.Face(
        face.face_no, _box(face.box), _landmarks(face.landmarks), face.confidence, _quality(face.quality)
    )


def _indexed_face(face: Face, *, indexed: bool) -> schemas.IndexedFace:
    return schemas.IndexedFace(
        face.face_no, _box(face.box), _landmarks(face.landmarks), face.confidence, _quality(face.quality), indexed
    )


def _stored_face(face: Face | UnlocatedFace) -> schemas.StoredFace:
    if isinstance(face, UnlocatedFace):
        return schemas.StoredFace(face.face_no, None, None, face.confidence, None)
    return schemas.StoredFace(
        face.face_no, _box(face.box), _landmarks(face.landmarks), face.confidence, _quality(face.quality)
    )


def _size(size: ImageSize) -> schemas.ImageSize:
    return schemas.ImageSize(size.width, size.height)


def _query_face(face: Face) -> schemas.QueryFace:
    return schemas.QueryFace(_box(face.box), _quality(face.quality))


def _match(match: Match) -> schemas.Match:
    found = match.candidate
    return schemas.Match(
        photo_id=found.photo_id,
        similarity=match.similarity,
        confidence=found.confidence,
        cosine=found.cosine,
        face_no=found.face_no,
        box=None if found.box is None else _box(found.box),
    )


def indexed_photo(result: IndexedPhoto) -> schemas.IndexedPhoto:
    """Answer of `POST /index`; `indexed` says whether the photo can be found by any of its faces."""
    return schemas.IndexedPhoto(
        indexed=result.faces_indexed > 0,
        photo_id=result.photo_id,
        session_id=result.session_id,
        confidence=result.confidence,
        faces_detected=len(result.faces),
        faces_indexed=result.faces_indexed,
        faces=[_indexed_face(face, indexed=face.face_no not in result.refused) for face in result.faces],
        image=_size(result.size),
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
        faces=[_stored_face(template.face) for template in photo.templates],
        image=None if photo.size is None else _size(photo.size),
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
        query_face=_query_face(result.query_face),
        erased_at=erasure.erased_at,
        receipt=erasure.receipt,
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


def search_result(result: SearchResult) -> schemas.SearchResult:
    """Answer of `POST /search`."""
    return schemas.SearchResult(
        session_id=result.session_id,
        matches=[_match(match) for match in result.matches],
        total_matches=result.total_matches,
        query_time_ms=result.took_ms,
        threshold=float(result.threshold),
        query_face=_query_face(result.query_face),
        query_faces=[_query_face(face) for face in result.query_faces],
        reason=None if result.reason is None else schemas.Reason(result.reason, explanation(result.reason)),
        search_mode=result.mode.value,
        timings_ms=schemas.SearchTimings(
            result.timings.decode_ms, result.timings.detect_ms, result.timings.embed_ms, result.search_ms
        ),
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


def detected_faces(result: DetectedFaces) -> schemas.DetectedFaces:
    """Answer of `POST /detect`."""
    return schemas.DetectedFaces([_face(face) for face in result.faces], _size(result.size), result.took_ms)


def comparison(result: Comparison) -> schemas.Comparison:
    """Answer of `POST /compare`."""
    return schemas.Comparison(
        similarity=result.similarity,
        cosine=result.cosine,
        match=result.match,
        threshold=float(result.threshold),
        faces=[_face(face) for face in result.faces],
    )


def issued_token(issued: IssuedToken) -> schemas.IssuedToken:
    """A token to hand out."""
    token = issued.token
    return schemas.IssuedToken(issued.text, token.session_id, token.expires_at, token.max_searches)


def managed_key(key: ApiKey, now: datetime) -> schemas.ManagedKey:
    """A key without its digest."""
    return schemas.ManagedKey(
        key.prefix,
        key.name,
        sorted(key.scopes),
        key.is_valid(now),
        key.created_at,
        key.expires_at,
        key.revoked_at,
        key.last_used_at,
    )


def managed_keys(keys: Sequence[ApiKey], now: datetime) -> schemas.ManagedKeys:
    """All keys."""
    return schemas.ManagedKeys([managed_key(key, now) for key in keys])


def created_key(made: NewKey) -> schemas.CreatedKey:
    """A key that is shown once."""
    return schemas.CreatedKey(made.text, managed_key(made.key, made.key.created_at))
