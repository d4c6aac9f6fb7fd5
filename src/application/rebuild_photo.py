"""A stored photo's templates by another model, made from the picture itself.

The model changes, and nothing else: the faces are those that the gallery has. Looking at the picture again also shows
faces that were refused when it was indexed, and people who have been forgotten since; they are left out.
"""

from dataclasses import dataclass, replace
from typing import Final

from facepass.application.face_analysis import FaceAnalyser, FaceAnalysis
from facepass.application.ports import ImageLimits, WorkKind
from facepass.application.quality_gate import QualityGate
from facepass.domain.errors import Conflict
from facepass.domain.face import BoundingBox, Face
from facepass.domain.gallery import Photo
from facepass.domain.ports import EmbeddingModel, ImageSource

SAME_FACE_IOU: Final = 0.5
"""Least overlap of the boxes of one face, found twice; two faces of one picture overlap less."""


@dataclass(frozen=True, slots=True)
class RebuiltPhoto:
    """A photo with templates of another model.

    Attributes:
        faces_lost: faces of the gallery that were not found in the picture again.
    """

    photo: Photo
    faces_lost: int = 0


class RebuildPhoto:
    """Reads, detects and embeds one photo again."""

    def __init__(self, *, analyser: FaceAnalyser, source: ImageSource, gate: QualityGate, limits: ImageLimits) -> None:
        """For any photo.

        Args:
            analyser: finds the faces, in a place of admission.
            source: holds the pictures, under the key a photo was read by, or else under its id.
            gate: for photos of which it is not known where their faces are.
            limits: what a picture may cost.
        """
        self._analyser = analyser
        self._source = source
        self._gate = gate
        self._limits = limits

    async def __call__(self, served: Photo, model: EmbeddingModel) -> RebuiltPhoto:
        """The photo as it is stored, its templates by `model`. One without faces needs no picture.

        Raises:
            InvalidRequest, NotFound: the source has no picture of the photo.
            UnsupportedImage, PayloadTooLarge: it cannot be read.
            Conflict: it is another picture, or which of its faces are stored cannot be told.
            DependencyUnavailable: the source is out of reach.
            Overloaded: see `FaceAnalyser.open`.
        """
        if not served.templates:
            return RebuiltPhoto(served)
        data = await self._source.read(served.source_key or served.photo_id)
        async with self._analyser.open(data, self._limits, kind=WorkKind.JOB) as analysis:
            chosen = self._chosen(served, analysis)
            templates = await analysis.embed(lambda face: face.face_no in chosen, model)
        rebuilt = replace(served, size=analysis.size, faces_detected=len(analysis.faces), templates=templates)
        return RebuiltPhoto(rebuilt, max(0, len(served.templates) - len(templates)))

    def _chosen(self, served: Photo, analysis: FaceAnalysis) -> frozenset[int]:
        """Numbers of the faces in the picture that the gallery has."""
        boxes = [template.face.box for template in served.templates if isinstance(template.face, Face)]
        if len(boxes) < len(served.templates):
            if len(served.templates) < served.faces_detected:
                raise Conflict(
                    "Not all faces of the photo are stored, and an earlier system kept no note of where they are: "
                    "index the photo again."
                )
            return frozenset(face.face_no for face in analysis.faces if self._gate.admits(face))
        chosen = frozenset(face.face_no for face in analysis.faces if _is_among(face.box, boxes))
        if not chosen:
            raise Conflict("The picture shows none of the photo's faces where they were: it is another picture.")
        return chosen


def without_faces(served: Photo) -> Photo:
    """The photo as it is stored when its picture is gone: known, and not to be found."""
    return replace(served, templates=())


def _is_among(box: BoundingBox, others: list[BoundingBox]) -> bool:
    return any(box.iou(other) >= SAME_FACE_IOU for other in others)
