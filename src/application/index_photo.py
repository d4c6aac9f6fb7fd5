"""Index one photo: every face in it that is good enough can be found from then on."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from facepass.application.face_analysis import FaceAnalyser, FaceAnalysis, Timings
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
from facepass.application.quality_gate import QualityGate
from facepass.domain.audit import AuditEntry, AuditEvent, digest
from facepass.domain.embedding import ModelId, TemplateSpace
from facepass.domain.errors import NoFaceDetected
from facepass.domain.face import Face, ImageSize, QualityReason
from facepass.domain.gallery import GalleryState, Photo, PhotoId, SessionId
from facepass.domain.ports import EmbeddingModel

Within: TypeAlias = Callable[[UnitOfWork, Photo], Awaitable[None]]
"""What else holds exactly when the photo does: called in its transaction, once it is written; may refuse by raising."""


@dataclass(frozen=True, slots=True)
class _Request:
    """What was asked for.

    Attributes:
        requested_at: when.
    """

    session_id: SessionId
    photo_id: PhotoId
    data: PictureFile
    limits: ImageLimits
    source_key: str | None
    requested_at: datetime
    within: Within | None
    kind: WorkKind


@dataclass(frozen=True, slots=True)
class IndexedPhoto:
    """What indexing a photo did.

    Attributes:
        faces: all detected faces, also those the gate refused; of those, the reasons are the gate's, at least one.
        refused: numbers of the faces that the gate refused; all others can be found.
        replaced: whether the photo had been indexed before.
        model: whose templates are served.
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
    """Replaces whatever was stored of the photo, in one transaction, for every model of the gallery."""

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
        self,
        session_id: SessionId,
        photo_id: PhotoId,
        data: PictureFile,
        limits: ImageLimits,
        *,
        source_key: str | None = None,
        requested_at: datetime | None = None,
        within: Within | None = None,
        kind: WorkKind = WorkKind.INDEX,
    ) -> IndexedPhoto:
        """Index the photo.

        Args:
            session_id: of the gallery, which begins with its first photo.
            photo_id: of the photo.
            data: the picture's file.
            limits: what it may cost.
            source_key: under which an image source holds it.
            requested_at: since when this is asked for; where somebody asked later, theirs stays. None for now.
            within: what else is to hold if and only if the photo does.
            kind: of the work, which says how soon its turn comes and whether it can be refused.

        Raises:
            NoFaceDetected: recorded all the same, as a photo without faces.
            UnsupportedImage, PayloadTooLarge, Overloaded: nothing was stored.
            Conflict: the session is bound to a model that this service does not have, or session or photo was erased
                meanwhile; nothing was stored.
            DependencyUnavailable: the database; the photo is as it was before.
        """
        asked = requested_at or self._clock.now()
        request = _Request(session_id, photo_id, data, limits, source_key, asked, within, kind)
        return await looking_again(lambda: self._index(request))

    async def _index(self, request: _Request) -> IndexedPhoto:
        started = self._clock.elapsed_s()
        async with self._unit_of_work() as transaction:
            state = await transaction.galleries.state(request.session_id)
        models = [await self._models.get(space) for space in state.spaces] or [self._models.default]
        async with self._analyser.open(request.data, request.limits, kind=request.kind) as analysis:
            editions = {model.space: await self._photo(analysis, model, request) for model in models}
        replaced = await self._store(request, editions, state)
        if not analysis.faces:
            raise NoFaceDetected("No face was found in the photo. It is recorded as a photo without faces.")
        return IndexedPhoto(
            session_id=request.session_id,
            photo_id=request.photo_id,
            size=analysis.size,
            faces=tuple(self._explained(face) for face in analysis.faces),
            refused=frozenset(face.face_no for face in analysis.faces if not self._gate.admits(face)),
            replaced=replaced,
            model=models[0].model_id,
            timings=analysis.timings,
            took_ms=1e3 * (self._clock.elapsed_s() - started),
        )

    async def _photo(self, analysis: FaceAnalysis, model: EmbeddingModel, request: _Request) -> Photo:
        return Photo(
            session_id=request.session_id,
            photo_id=request.photo_id,
            size=analysis.size,
            faces_detected=len(analysis.faces),
            templates=await analysis.embed(self._gate.admits, model),
            indexed_at=self._clock.now(),
            source_key=request.source_key,
            requested_at=request.requested_at,
        )

    async def _store(self, request: _Request, editions: Mapping[TemplateSpace, Photo], state: GalleryState) -> bool:
        space, served = next(iter(editions.items()))
        entry = AuditEntry(
            AuditEvent.PHOTOS_INDEXED,
            served.indexed_at,
            digest(request.session_id),
            photos=1,
            templates=len(served.templates),
            model=space.model,
        )

        async def store(transaction: UnitOfWork) -> bool:
            replaced = await transaction.galleries.replace_photos(
                request.session_id, {space: [photo] for space, photo in editions.items()}, since=state.revision
            )
            if request.within is not None:
                await request.within(transaction, served)
            await transaction.audit.append(entry)
            return bool(replaced)

        return await self._unit_of_work.run(store)

    def _explained(self, face: Face) -> Face:
        """The face; if the gate refused it, with the gate's reasons."""
        if self._gate.admits(face):
            return face
        return replace(face, quality=replace(face.quality, reasons=self._gate.reasons(face)))
