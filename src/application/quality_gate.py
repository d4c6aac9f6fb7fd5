"""Who may pass: which faces are good enough to be indexed, and which to be searched with."""

from dataclasses import dataclass

from facepass.domain.face import Face, QualityReason


@dataclass(frozen=True, slots=True)
class QualityGate:
    """Which faces are good enough for recognition.

    Attributes:
        min_face_px: shorter side of the box in the upright original, in pixels.
        min_score: least quality score, 0 to 100.
    """

    min_face_px: float
    min_score: int

    def at_least(self, other: "QualityGate") -> "QualityGate":
        """The gate that admits what both admit."""
        return QualityGate(max(self.min_face_px, other.min_face_px), max(self.min_score, other.min_score))

    def admits(self, face: Face) -> bool:
        """Whether the face may be enrolled or searched with."""
        return not self._is_too_small(face) and face.quality.score >= self.min_score

    def reasons(self, face: Face) -> tuple[QualityReason, ...]:
        """Why the gate refuses a face, worst first, at least one; empty when it is admitted.

        A face too small for the gate is so before anything else. One whose score is too low though no component of it
        is poor is refused for the weakest of them.
        """
        if self.admits(face):
            return ()
        poor = face.quality.reasons
        if self._is_too_small(face):
            return (QualityReason.TOO_SMALL, *(reason for reason in poor if reason is not QualityReason.TOO_SMALL))
        if poor or face.quality.weakest is None:
            return poor
        return (face.quality.weakest,)

    def _is_too_small(self, face: Face) -> bool:
        return face.box.shorter_side < self.min_face_px
