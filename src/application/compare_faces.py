"""One-to-one comparison: do two pictures show the same person?"""

from dataclasses import dataclass

from facepass.application.face_analysis import FaceAnalyser, QualityGate
from facepass.application.ports import ImageLimits
from facepass.application.probe import OnMultiple, choose_probe
from facepass.domain.embedding import cosine
from facepass.domain.face import Face
from facepass.domain.gallery import Template
from facepass.domain.identification import Threshold


@dataclass(frozen=True, slots=True)
class Comparison:
    """The largest face of each picture, and how alike they are."""

    similarity: float
    cosine: float
    match: bool
    threshold: Threshold
    faces: tuple[Face, Face]


class CompareFaces:
    """Compares the largest faces of two pictures."""

    def __init__(self, *, analyser: FaceAnalyser, gate: QualityGate) -> None:
        self._analyser = analyser
        self._gate = gate

    async def __call__(self, first: bytes, second: bytes, *, limits: ImageLimits, threshold: Threshold) -> Comparison:
        """Compare; the order of the pictures does not change the score.

        Raises:
            NoFaceDetected, LowQualityFace: of a picture, named in the detail.
            UnsupportedImage, PayloadTooLarge, Overloaded: see `FaceAnalyser.open`.
        """
        a = await self._template(first, limits, "first picture")
        b = await self._template(second, limits, "second picture")
        score = cosine(a.embedding, b.embedding)
        similarity = self._analyser.calibration.similarity(score)
        return Comparison(similarity, score, similarity >= threshold, threshold, (a.face, b.face))

    async def _template(self, data: bytes, limits: ImageLimits, subject: str) -> Template:
        async with self._analyser.open(data, limits) as analysis:
            face = choose_probe(analysis.faces, gate=self._gate, on_multiple=OnMultiple.LARGEST, subject=subject)
            (template,) = await analysis.embed(lambda candidate: candidate is face)
        return template
