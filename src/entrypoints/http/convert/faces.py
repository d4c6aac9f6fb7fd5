"""Faces of a picture."""

from facepass.application.compare_faces import Comparison
from facepass.application.detect_faces import DetectedFaces
from facepass.domain.face import BoundingBox, Face, ImageSize, Landmarks, Quality
from facepass.domain.gallery import UnlocatedFace
from facepass.entrypoints.http import schemas


def box_of(box: BoundingBox) -> schemas.Box:
    """A box."""
    return schemas.Box(box.x, box.y, box.width, box.height)


def landmarks_of(landmarks: Landmarks) -> schemas.Landmarks:
    """Five points."""
    points = (
        landmarks.left_eye,
        landmarks.right_eye,
        landmarks.nose,
        landmarks.left_mouth,
        landmarks.right_mouth,
    )
    return schemas.Landmarks(*(schemas.Point(point.x, point.y) for point in points))


def quality_of(quality: Quality) -> schemas.Quality:
    """A score with its reasons."""
    return schemas.Quality(quality.score, list(quality.reasons))


def face_of(face: Face) -> schemas.Face:
    """A detected face."""
    return schemas.Face(
        face.face_no, box_of(face.box), landmarks_of(face.landmarks), face.confidence, quality_of(face.quality)
    )


def size_of(size: ImageSize) -> schemas.ImageSize:
    """Of a picture."""
    return schemas.ImageSize(size.width, size.height)


def query_face_of(face: Face) -> schemas.QueryFace:
    """A face that was searched with."""
    return schemas.QueryFace(box_of(face.box), quality_of(face.quality))


def indexed_face_of(face: Face, *, indexed: bool) -> schemas.IndexedFace:
    """A face of a photo that was just indexed."""
    return schemas.IndexedFace(
        face.face_no, box_of(face.box), landmarks_of(face.landmarks), face.confidence, quality_of(face.quality), indexed
    )


def stored_face_of(face: Face | UnlocatedFace) -> schemas.StoredFace:
    """A face that can be found."""
    if isinstance(face, UnlocatedFace):
        return schemas.StoredFace(face.face_no, None, None, face.confidence, None)
    return schemas.StoredFace(
        face.face_no, box_of(face.box), landmarks_of(face.landmarks), face.confidence, quality_of(face.quality)
    )


def detected_faces(result: DetectedFaces) -> schemas.DetectedFaces:
    """Answer of `POST /detect`."""
    return schemas.DetectedFaces([face_of(face) for face in result.faces], size_of(result.size), result.took_ms)


def comparison(result: Comparison) -> schemas.Comparison:
    """Answer of `POST /compare`."""
    return schemas.Comparison(
        similarity=result.similarity,
        cosine=result.cosine,
        match=result.match,
        threshold=float(result.threshold),
        faces=[face_of(face) for face in result.faces],
    )
