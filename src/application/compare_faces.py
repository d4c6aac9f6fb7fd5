"""One-to-one comparison: do two pictures show the same person?"""

from dataclasses import dataclass

from facepass.application.face_analysis import FaceAnalyser
from facepass.application.ports import ImageLimits, PictureFile, WorkKind
from facepass.application.probe import OnMultiple, Selfie, read_selfie
from facepass.application.quality_gate import QualityGate
from facepass.domain.embedding import cosine
from facepass.domain.face import Face
from facepass.domain.identification import Threshold
from facepass.domain.ports import EmbeddingModel


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

    def __init__(self, *, analyser: FaceAnalyser, model: EmbeddingModel, gate: QualityGate) -> None:
        self._analyser = analyser
        self._model = model
        self._gate = gate

    async def __call__(
        self, first: PictureFile, second: PictureFile, *, limits: ImageLimits, threshold: Threshold
    ) -> Comparison:
        """Compare; the order of the pictures does not change the score.

        Raises:
            NoFaceDetected, LowQualityFace: of a picture, named in the detail.
            UnsupportedImage, PayloadTooLarge, Overloaded: see `FaceAnalyser.open`.
        """
        a = await self._read(first, limits, "the first picture", begun=False)
        b = await self._read(second, limits, "the second picture", begun=True)
        score = cosine(*a.embeddings, *b.embeddings)
        similarity = self._model.calibration.similarity(score)
        return Comparison(similarity, score, similarity >= threshold, threshold, (a.face, b.face))

    async def _read(self, data: PictureFile, limits: ImageLimits, picture: str, *, begun: bool) -> Selfie:
        return await read_selfie(
            data,
            kind=WorkKind.DETECT,
            begun=begun,
            analyser=self._analyser,
            limits=limits,
            gate=self._gate,
            on_multiple=OnMultiple.LARGEST,
            picture=picture,
            models=[self._model],
        )
