"""The pipeline every use case shares: decode, detect, assess, embed.

Bounded by admission: a picture holds one place from before its pixels are decoded until its templates are made, so the
memory for pictures has a bound whatever the number of callers.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from facepass.application.ports import (
    Admission,
    Clock,
    FaceDetector,
    ImageDecoder,
    ImageLimits,
    PictureFile,
    QualityAssessor,
    WorkKind,
)
from facepass.domain.embedding import Embedding
from facepass.domain.face import Detection, Face, Image, ImageSize, Quality
from facepass.domain.gallery import Template
from facepass.domain.ports import EmbeddingModel


@dataclass(frozen=True, slots=True)
class Timings:
    """What a picture cost, in milliseconds of waiting; quality counts as detection."""

    decode_ms: float
    detect_ms: float
    embed_ms: float = 0.0


class FaceAnalysis:
    """What was found in one picture. Valid inside `FaceAnalyser.open`, which holds its place."""

    def __init__(
        self,
        *,
        image: Image,
        detections: tuple[Detection, ...],
        faces: tuple[Face, ...],
        timings: Timings,
        clock: Clock,
    ) -> None:
        self._image = image
        self._detections = detections
        self._clock = clock
        self.faces = faces
        self.timings = timings

    @property
    def size(self) -> ImageSize:
        """Of the upright original."""
        return self._image.size

    async def embed(self, choose: Callable[[Face], bool], model: EmbeddingModel) -> tuple[Template, ...]:
        """Templates of the chosen faces by one model, in order of face number; timings add up over calls."""
        chosen = [face for face in self.faces if choose(face)]
        if not chosen:
            return ()
        started = self._clock.elapsed_s()
        embeddings: Sequence[Embedding] = await model.embed(
            self._image, [self._detections[face.face_no].landmarks for face in chosen]
        )
        self.timings = Timings(
            self.timings.decode_ms,
            self.timings.detect_ms,
            self.timings.embed_ms + 1e3 * (self._clock.elapsed_s() - started),
        )
        return tuple(Template(face, embedding) for face, embedding in zip(chosen, embeddings, strict=True))


class FaceAnalyser:
    """Turns image bytes into faces and, for those that are asked for, templates of the models that are asked for."""

    def __init__(
        self,
        *,
        decoder: ImageDecoder,
        detector: FaceDetector,
        quality: QualityAssessor,
        admission: Admission,
        clock: Clock,
    ) -> None:
        self._decoder = decoder
        self._detector = detector
        self._quality = quality
        self._admission = admission
        self._clock = clock

    @asynccontextmanager
    async def open(
        self,
        data: PictureFile,
        limits: ImageLimits,
        *,
        kind: WorkKind,
        any_rotation: bool = False,
        begun: bool = False,
    ) -> AsyncIterator[FaceAnalysis]:
        """Decode and detect, holding a place until the block is left.

        Args:
            data: the file; one that waits elsewhere is read when there is a place.
            limits: what it may cost.
            kind: of the work.
            any_rotation: for selfies: see `FaceDetector.detect`.
            begun: see `Admission.admit`.

        Raises:
            UnsupportedImage, PayloadTooLarge: see `ImageDecoder.decode`.
            Overloaded: no place came free.
        """
        async with self._admission.admit(kind, begun=begun):
            started = self._clock.elapsed_s()
            image = await self._decoder.decode(data if isinstance(data, bytes) else await data.read(), limits)
            decoded = self._clock.elapsed_s()
            detections = await self._detector.detect(image, any_rotation=any_rotation)
            qualities = await self._quality.assess(image, detections)
            timings = Timings(1e3 * (decoded - started), 1e3 * (self._clock.elapsed_s() - decoded))
            yield FaceAnalysis(
                image=image,
                detections=detections,
                faces=_in_original(image, detections, qualities),
                timings=timings,
                clock=self._clock,
            )


def _in_original(image: Image, detections: Sequence[Detection], qualities: Sequence[Quality]) -> tuple[Face, ...]:
    """Faces in the pixels of the upright original."""
    scaled = [detection.scaled(image.scale) for detection in detections]
    return tuple(
        Face(number, at.box, at.landmarks, at.confidence, quality)
        for number, (at, quality) in enumerate(zip(scaled, qualities, strict=True))
    )
