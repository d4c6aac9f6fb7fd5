"""The probe: the one face of a selfie that stands for the person who sent it."""

from collections.abc import Sequence
from enum import StrEnum

from facepass.application.face_analysis import QualityGate
from facepass.domain.errors import AmbiguousSelfie, LowQualityFace, NoFaceDetected
from facepass.domain.face import Face

SIMILAR_AREA = 0.5
"""A second face at least this large, in area relative to the largest, makes a selfie ambiguous."""


class OnMultiple(StrEnum):
    """What to do with a selfie that shows several faces of similar size."""

    LARGEST = "largest"
    ERROR = "error"


def is_ambiguous(faces: Sequence[Face]) -> bool:
    """Whether several faces could be the sender's. Faces come largest first."""
    return len(faces) > 1 and faces[1].box.area >= SIMILAR_AREA * faces[0].box.area


def choose_probe(faces: Sequence[Face], *, gate: QualityGate, on_multiple: OnMultiple, subject: str) -> Face:
    """The largest face, if it can stand for its person.

    Args:
        faces: largest first.
        gate: what a probe must reach.
        on_multiple: what to do when several faces are of similar size.
        subject: what the errors call the picture, such as `selfie`.

    Raises:
        NoFaceDetected: there is none.
        AmbiguousSelfie: there are several, and the caller asked for an error.
        LowQualityFace: it is too poor to search with.
    """
    if not faces:
        raise NoFaceDetected(f"No face was found in the {subject}.")
    if on_multiple is OnMultiple.ERROR and is_ambiguous(faces):
        raise AmbiguousSelfie(f"The {subject} shows {len(faces)} faces, several of them of similar size.")
    if reasons := gate.reasons(faces[0]):
        words = ", ".join(reason.replace("_", " ") for reason in reasons)
        raise LowQualityFace(f"The face in the {subject} cannot be recognised reliably: {words}.", reasons)
    return faces[0]
