"""The probe: the one face of a selfie that stands for the person who sent it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from facepass.application.face_analysis import FaceAnalyser, Timings
from facepass.application.ports import ImageLimits, PictureFile, WorkKind
from facepass.application.quality_gate import QualityGate
from facepass.application.visitor_words import NO_FACE, SEVERAL_FACES, advice
from facepass.domain.embedding import Embedding
from facepass.domain.errors import AmbiguousSelfie, LowQualityFace, NoFaceDetected
from facepass.domain.face import Face
from facepass.domain.ports import EmbeddingModel

SIMILAR_AREA = 0.5
"""A second face at least this large, in area relative to the largest, makes a selfie ambiguous."""


class OnMultiple(StrEnum):
    """What to do with a selfie that shows several faces of similar size."""

    LARGEST = "largest"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Selfie:
    """A picture that can stand for a person.

    Attributes:
        face: the one that stands for them.
        embeddings: of that face, one a model, in the order asked for.
        ambiguous: whether another face of the picture could be theirs.
    """

    face: Face
    embeddings: tuple[Embedding, ...]
    ambiguous: bool
    timings: Timings


async def read_selfie(
    data: PictureFile,
    *,
    kind: WorkKind,
    analyser: FaceAnalyser,
    limits: ImageLimits,
    gate: QualityGate,
    on_multiple: OnMultiple,
    picture: str,
    models: Sequence[EmbeddingModel],
    begun: bool = False,
) -> Selfie:
    """Find the face and make its template by each model, in one place of admission that is given back afterwards.

    With `begun`, another picture of the same request was read before: see `Admission.admit`.

    Raises:
        NoFaceDetected, AmbiguousSelfie, LowQualityFace: see `choose_probe`.
        UnsupportedImage, PayloadTooLarge, Overloaded: see `FaceAnalyser.open`.
    """
    async with analyser.open(data, limits, kind=kind, any_rotation=True, begun=begun) as analysis:
        face = choose_probe(analysis.faces, gate=gate, on_multiple=on_multiple, picture=picture)
        templates = [await analysis.embed(lambda candidate: candidate is face, model) for model in models]
    embeddings = tuple(template.embedding for (template,) in templates)
    return Selfie(face, embeddings, is_ambiguous(analysis.faces), analysis.timings)


def is_ambiguous(faces: Sequence[Face]) -> bool:
    """Whether several faces could be the sender's. Faces come largest first."""
    return len(faces) > 1 and faces[1].box.area >= SIMILAR_AREA * faces[0].box.area


def choose_probe(faces: Sequence[Face], *, gate: QualityGate, on_multiple: OnMultiple, picture: str) -> Face:
    """The largest face, if it can stand for its person.

    Args:
        faces: largest first.
        gate: what a probe must reach.
        on_multiple: what to do when several faces are of similar size.
        picture: what the errors call the picture, such as `the selfie`.

    Raises:
        NoFaceDetected: there is none.
        AmbiguousSelfie: there are several, and the caller asked for an error.
        LowQualityFace: it is too poor to search with.
    """
    if not faces:
        raise NoFaceDetected(NO_FACE.format(picture=picture))
    if on_multiple is OnMultiple.ERROR and is_ambiguous(faces):
        raise AmbiguousSelfie(SEVERAL_FACES.format(picture=picture, count=len(faces)))
    if reasons := gate.reasons(faces[0]):
        raise LowQualityFace(advice(reasons[0], picture=picture), reasons)
    return faces[0]
