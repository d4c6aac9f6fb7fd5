"""Index one photo: every face in it that is good enough can be found from then on."""

from dataclasses import dataclass, replace

from facepass.application.face_analysis import FaceAnalyser, Timings
from facepass.application.ports import Clock, ImageLimits, UnitOfWorkFactory
from facepass.application.quality_gate import QualityGate
from facepass.domain.embedding import ModelId
from facepass.domain.errors import NoFaceDetected
from facepass.domain.face import Face, ImageSize, QualityReason
from facepass.domain.gallery import Photo, PhotoId, SessionId


@dataclass(frozen=True, slots=True)
class IndexedPhoto:
    """What indexing a photo did.

    Attributes:
        faces: all detected faces, also those the gate refused; of those, the reasons are the gate's, at least one.
        refused: numbers of the faces that the gate refused; all others can be found.
        replaced: whether the photo had been indexed before.
    """

    session_id: SessionId
    photo_id: PhotoId
    size: ImageSize
    faces: tuple[Face, ...]
    refused: frozenset[int]
    replaced: bool
    model: ModelId
    timings: Timings
    took_ms: float

    @property
    def faces_indexed(self) -> int:
        """How many faces can be found."""
        return len(self.faces) - len(self.refused)

    @property
    def refused_for(self) -> tuple[QualityReason, ...]:
        """Of each refused face, what weighed most."""
        return tuple(face.quality.reasons[0] for face in self.faces if face.face_no in self.refused)

    @property
    def confidence(self) -> float:
        """Best detection score of the photo, 0 to 1."""
        return max(face.confidence for face in self.faces)


class IndexPhoto:
    """Replaces whatever was stored of the photo, in one transaction."""

    def __init__(
        self, *, analyser: FaceAnalyser, unit_of_work: UnitOfWorkFactory, gate: QualityGate, clock: Clock
    ) -> None:
        self._analyser = analyser
        self._unit_of_work = unit_of_work
        self._gate = gate
        self._clock = clock

    async def __call__(
        self, session_id: SessionId, photo_id: PhotoId, data: bytes, limits: ImageLimits
    ) -> IndexedPhoto:
        """Index the photo.

        Raises:
            NoFaceDetected: recorded all the same, as a photo without faces.
            UnsupportedImage, PayloadTooLarge, Overloaded: nothing was stored.
            Conflict: the session is bound to another model; nothing was stored.
            DependencyUnavailable: the database; the photo is as it was before.
        """
        started = self._clock.elapsed_s()
        async with self._analyser.open(data, limits) as analysis:
            templates = await analysis.embed(self._gate.admits)
        photo = Photo(
            session_id=session_id,
            photo_id=photo_id,
            size=analysis.size,
            faces_detected=len(analysis.faces),
            templates=templates,
            indexed_at=self._clock.now(),
        )
        async with self._unit_of_work() as transaction:
            replaced = await transaction.galleries.replace_photo(photo, self._analyser.model_id)
            await transaction.commit()
        if not analysis.faces:
            raise NoFaceDetected("No face was found in the photo. It is recorded as a photo without faces.")
        return IndexedPhoto(
            session_id=session_id,
            photo_id=photo_id,
            size=analysis.size,
            faces=tuple(self._explained(face) for face in analysis.faces),
            refused=frozenset(face.face_no for face in analysis.faces if not self._gate.admits(face)),
            replaced=replaced,
            model=self._analyser.model_id,
            timings=analysis.timings,
            took_ms=1e3 * (self._clock.elapsed_s() - started),
        )

    def _explained(self, face: Face) -> Face:
        """The face; if the gate refused it, with the gate's reasons."""
        if self._gate.admits(face):
            return face
        return replace(face, quality=replace(face.quality, reasons=self._gate.reasons(face)))
