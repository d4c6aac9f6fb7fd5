"""Between rows and the domain."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Row

from facepass.domain.embedding import Embedding, ModelId, TemplateSpace
from facepass.domain.face import BoundingBox, Face, ImageSize, Landmarks, Quality, QualityReason
from facepass.domain.gallery import GalleryState, ModelChange, Photo, PhotoId, SessionId, Template, UnlocatedFace
from facepass.domain.identification import Candidate


def face_values(template: Template) -> dict[str, Any]:
    """The columns of `faces` that say what was seen."""
    face = template.face
    values: dict[str, Any] = {"face_no": face.face_no, "confidence": face.confidence}
    located = dict.fromkeys(
        ("box_x", "box_y", "box_width", "box_height", "landmarks", "quality_score", "quality_reasons")
    )
    if isinstance(face, Face):
        located = {
            "box_x": face.box.x,
            "box_y": face.box.y,
            "box_width": face.box.width,
            "box_height": face.box.height,
            "landmarks": face.landmarks.as_array().ravel().tolist(),
            "quality_score": face.quality.score,
            "quality_reasons": [reason.value for reason in face.quality.reasons],
        }
    return values | located


def face_of(row: Row[Any]) -> Face | UnlocatedFace:
    """What was seen."""
    box = box_of(row)
    if box is None:
        return UnlocatedFace(row.face_no, row.confidence)
    return Face(
        face_no=row.face_no,
        box=box,
        landmarks=Landmarks.from_array(np.array(row.landmarks).reshape(5, 2)),
        confidence=row.confidence,
        quality=Quality(row.quality_score, tuple(QualityReason(reason) for reason in row.quality_reasons)),
    )


def box_of(row: Row[Any]) -> BoundingBox | None:
    """Where the face is, if that is known."""
    if row.box_x is None:
        return None
    return BoundingBox(row.box_x, row.box_y, row.box_width, row.box_height)


def photo_of(
    session_id: SessionId, photo_id: PhotoId, rows: Sequence[Row[Any]], vectors: npt.NDArray[np.float16]
) -> Photo:
    """A photo from its rows, one a face, and `(faces, dimension)` vectors.

    A photo without faces is one row of an outer join.
    """
    first = rows[0]
    found = [row for row in rows if row.face_no is not None]
    return Photo(
        session_id=session_id,
        photo_id=photo_id,
        size=None if first.width is None else ImageSize(first.width, first.height),
        faces_detected=first.faces_detected,
        templates=tuple(
            # half precision moves the norm, by less than the database's own check allows
            Template(face_of(row), Embedding.normalised(ModelId(row.model), vector))
            for row, vector in zip(found, vectors, strict=True)
        ),
        indexed_at=first.indexed_at,
        source_key=first.source_key,
        requested_at=first.requested_at,
    )


def candidate_of(row: Row[Any]) -> Candidate:
    """A photo's best face."""
    return Candidate(PhotoId(row.photo_id), row.face_no, box_of(row), row.confidence, row.cosine)


def state_of(row: Row[Any] | None) -> GalleryState:
    """A gallery's state from its header."""
    if row is None:
        return GalleryState()
    return GalleryState(
        revision=row.revision,
        space=None if row.model is None else TemplateSpace(ModelId(row.model), row.dimension),
        other=None if row.other_model is None else TemplateSpace(ModelId(row.other_model), row.other_dimension),
        change=None if row.change is None else ModelChange(row.change),
        face_count=row.face_count,
    )
