"""Forget a person: remove every face of a session that their selfie matches."""

from dataclasses import dataclass

from facepass.application.erasing import erase
from facepass.application.face_analysis import FaceAnalyser
from facepass.application.looking_again import looking_again
from facepass.application.ports import (
    Clock,
    EmbeddingModels,
    ImageLimits,
    PictureFile,
    UnitOfWork,
    UnitOfWorkFactory,
    WorkKind,
)
from facepass.application.probe import OnMultiple, read_selfie
from facepass.application.quality_gate import QualityGate
from facepass.application.visitor_words import UNKNOWN_SESSION
from facepass.domain.audit import AuditEvent
from facepass.domain.errors import NotFound
from facepass.domain.face import Face
from facepass.domain.gallery import Erasure, SessionId
from facepass.domain.identification import Probe, Threshold


@dataclass(frozen=True, slots=True)
class ForgottenPerson:
    """What forgetting a person removed.

    Attributes:
        query_face: the selfie's face, in the pixels of the selfie.
        threshold: least similarity of the faces that were removed.
    """

    erasure: Erasure
    query_face: Face
    threshold: Threshold


class ForgetPerson:
    """Removes a person's faces, for every model of the gallery, in one transaction. The photos stay known."""

    def __init__(
        self,
        *,
        analyser: FaceAnalyser,
        models: EmbeddingModels,
        unit_of_work: UnitOfWorkFactory,
        gate: QualityGate,
        clock: Clock,
    ) -> None:
        self._analyser = analyser
        self._models = models
        self._unit_of_work = unit_of_work
        self._gate = gate
        self._clock = clock

    async def __call__(
        self, session_id: SessionId, selfie: PictureFile, *, limits: ImageLimits, threshold: Threshold
    ) -> ForgottenPerson:
        """Remove every face of the session at or above the threshold; doing it again removes nothing and is no error.

        A photo that is indexed again brings the person back: nothing is kept of them that it could be compared with.

        Raises:
            NotFound: the session holds nothing; the picture was not looked at.
            Conflict: the session is bound to a model that this service does not have, or changes its model too often.
            NoFaceDetected, LowQualityFace: the selfie cannot stand for a person.
            AmbiguousSelfie: it shows several people of similar size.
            UnsupportedImage, PayloadTooLarge, Overloaded: see `FaceAnalyser.open`.
            DependencyUnavailable: the database; nothing was removed.
        """
        return await looking_again(lambda: self._forget(session_id, selfie, limits=limits, threshold=threshold))

    async def _forget(
        self, session_id: SessionId, data: PictureFile, *, limits: ImageLimits, threshold: Threshold
    ) -> ForgottenPerson:
        async with self._unit_of_work() as transaction:
            state = await transaction.galleries.state(session_id)
        if state.space is None:
            raise NotFound(UNKNOWN_SESSION.format(session=session_id))
        models = [await self._models.get(space) for space in state.spaces]
        selfie = await read_selfie(
            data,
            kind=WorkKind.SEARCH,
            analyser=self._analyser,
            limits=limits,
            gate=self._gate,
            on_multiple=OnMultiple.ERROR,
            picture="the selfie",
            models=models,
        )
        probes = [
            (Probe.of(embedding), model.calibration.least_cosine(threshold))
            for embedding, model in zip(selfie.embeddings, models, strict=True)
        ]
        now = self._clock.now()

        async def work(transaction: UnitOfWork) -> Erasure:
            return await transaction.galleries.forget_faces(session_id, probes, at=now)

        erasure = await erase(self._unit_of_work, AuditEvent.PERSON_FORGOTTEN, work)
        return ForgottenPerson(erasure, selfie.face, threshold)
