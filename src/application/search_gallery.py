"""Find a visitor: from a selfie to every photo of the session in which they appear."""

from collections.abc import Sequence
from dataclasses import dataclass

from facepass.application.face_analysis import FaceAnalyser, Timings
from facepass.application.looking_again import looking_again
from facepass.application.ports import Clock, EmbeddingModels, ImageLimits, PictureFile, UnitOfWorkFactory, WorkKind
from facepass.application.probe import OnMultiple, Selfie, read_selfie
from facepass.application.quality_gate import QualityGate
from facepass.application.visitor_words import UNKNOWN_SESSION, different_people
from facepass.domain.embedding import Calibration
from facepass.domain.errors import (
    AmbiguousSelfie,
    FieldError,
    InvalidRequest,
    LowQualityFace,
    NoFaceDetected,
    NotFound,
    PayloadTooLarge,
    UnsupportedImage,
)
from facepass.domain.face import Face
from facepass.domain.gallery import GalleryState, SessionId
from facepass.domain.identification import Candidate, Probe, SearchMode, SearchReason, Threshold, misfits
from facepass.domain.ports import EmbeddingModel

MAX_LIMIT = 1000
"""Most matches one search returns."""
MAX_SELFIES = 5
"""Most selfies of one visitor in a search."""
LEAST_AGREEMENT = 0.01
"""Least calibrated similarity of two selfies of one visitor. By `benchmarks/fusion.py`, with the embedded default, none
of the 450 pairs of one person in lfw10 and none of the 1800 in ORL lies below (at 0.02, 0.4 % do in lfw10), but 97 and
90 % of the pairs of two people."""


@dataclass(frozen=True, slots=True)
class Match:
    """A photo in which the visitor appears, with the face that shows them best."""

    candidate: Candidate
    similarity: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The answer to one search.

    Attributes:
        matches: best first, each photo once.
        total_matches: also those beyond the limit.
        query_faces: the faces searched with, one a selfie, in order, each in the pixels of its selfie.
        reason: None when there is nothing to say.
        mode: whether the search was exact.
    """

    session_id: SessionId
    matches: tuple[Match, ...]
    total_matches: int
    threshold: Threshold
    query_faces: tuple[Face, ...]
    reason: SearchReason | None
    mode: SearchMode
    timings: Timings
    search_ms: float
    took_ms: float

    @property
    def query_face(self) -> Face:
        """The best of `query_faces`: by quality, then by size, then the first."""
        return max(self.query_faces, key=lambda face: (face.quality.score, face.box.area))


class SearchGallery:
    """One-to-many search inside one gallery, by the model the gallery is bound to."""

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
        selfies: Sequence[PictureFile],
        *,
        limits: ImageLimits,
        threshold: Threshold,
        limit: int,
        on_multiple: OnMultiple,
    ) -> SearchResult:
        """Search the session for the one person that all selfies show; their order makes no difference.

        Pictures are read one after another, so that a search is at work on one at a time. Where there are several, an
        error about one of them says which.

        Raises:
            InvalidRequest: `limit` out of range; no selfie, or more than `MAX_SELFIES`.
            NotFound: the session was never seen, or is erased; no picture was looked at.
            Conflict: the session is bound to a model that this service does not have.
            NoFaceDetected, LowQualityFace: a selfie cannot stand for a visitor.
            AmbiguousSelfie: likewise, or the selfies show different people.
            UnsupportedImage, PayloadTooLarge, Overloaded: see `FaceAnalyser.open`.
            DependencyUnavailable: the database.
        """
        if not 1 <= limit <= MAX_LIMIT:
            raise InvalidRequest.field("limit", f"must be between 1 and {MAX_LIMIT}, is {limit}")
        if not 1 <= len(selfies) <= MAX_SELFIES:
            raise InvalidRequest.field("file", f"must be given 1 to {MAX_SELFIES} times, is given {len(selfies)} times")
        reading = _Reading(selfies, limits=limits, on_multiple=on_multiple, analyser=self._analyser, gate=self._gate)
        return await looking_again(lambda: self._search(session_id, reading, threshold=threshold, limit=limit))

    async def _search(
        self, session_id: SessionId, reading: "_Reading", *, threshold: Threshold, limit: int
    ) -> SearchResult:
        started = self._clock.elapsed_s()
        async with self._unit_of_work() as transaction:
            state = await transaction.galleries.state(session_id)
        looked = self._clock.elapsed_s()
        if state.space is None:
            raise NotFound(UNKNOWN_SESSION.format(session=session_id))
        model = await self._models.get(state.space)
        read = await reading.read(model)
        probe = Probe.of(*(embedding for selfie in read for embedding in selfie.embeddings))
        searching = self._clock.elapsed_s()
        async with self._unit_of_work() as transaction:
            found = await transaction.galleries.candidates(
                session_id, probe, least_cosine=model.calibration.least_cosine(threshold), limit=limit
            )
        ended = self._clock.elapsed_s()
        similarity = model.calibration.similarity
        return SearchResult(
            session_id=session_id,
            matches=tuple(Match(found_one, similarity(found_one.cosine)) for found_one in found.candidates),
            total_matches=found.total,
            threshold=threshold,
            query_faces=tuple(selfie.face for selfie in read),
            reason=_reason(state, ambiguous=any(selfie.ambiguous for selfie in read), empty=found.total == 0),
            mode=found.mode,
            timings=_sum([selfie.timings for selfie in read]),
            search_ms=1e3 * (ended - searching + looked - started),
            took_ms=1e3 * (ended - started),
        )


class _Reading:
    """The selfies of one request, read by whichever model the gallery turns out to have."""

    def __init__(
        self,
        selfies: Sequence[PictureFile],
        *,
        limits: ImageLimits,
        on_multiple: OnMultiple,
        analyser: FaceAnalyser,
        gate: QualityGate,
    ) -> None:
        self._selfies = selfies
        self._limits = limits
        self._on_multiple = on_multiple
        self._analyser = analyser
        self._gate = gate

    async def read(self, model: EmbeddingModel) -> tuple[Selfie, ...]:
        """Every selfie, checked to show one person."""
        read: list[Selfie] = []
        for place, data in enumerate(self._selfies):
            try:
                selfie = await read_selfie(
                    data,
                    kind=WorkKind.SEARCH,
                    begun=place > 0,
                    analyser=self._analyser,
                    limits=self._limits,
                    gate=self._gate,
                    on_multiple=self._on_multiple,
                    picture="the selfie",
                    models=[model],
                )
            except (NoFaceDetected, AmbiguousSelfie, LowQualityFace, UnsupportedImage, PayloadTooLarge) as error:
                if len(self._selfies) > 1:
                    error.blame(_field(place), called=f"Selfie {place + 1}")
                raise
            read.append(selfie)
        if len(read) > 1:
            _check_agreement(read, model.calibration)
        return tuple(read)


def _check_agreement(selfies: Sequence[Selfie], calibration: Calibration) -> None:
    embeddings = [embedding for selfie in selfies for embedding in selfie.embeddings]
    if at_odds := misfits(embeddings, least_cosine=calibration.least_cosine(LEAST_AGREEMENT)):
        error = AmbiguousSelfie(different_people(at_odds))
        error.errors = tuple(FieldError(_field(place), "seems to show another person") for place in at_odds)
        raise error


def _reason(state: GalleryState, *, ambiguous: bool, empty: bool) -> SearchReason | None:
    if not empty:
        return SearchReason.LARGEST_FACE_USED if ambiguous else None
    if state.face_count == 0:
        return SearchReason.SESSION_WITHOUT_FACES
    return SearchReason.LARGEST_FACE_NOT_FOUND if ambiguous else SearchReason.NOTHING_ABOVE_THRESHOLD


def _field(place: int) -> str:
    """What callers know a selfie by, counted from 0."""
    return f"file[{place}]"


def _sum(timings: Sequence[Timings]) -> Timings:
    return Timings(
        sum(one.decode_ms for one in timings),
        sum(one.detect_ms for one in timings),
        sum(one.embed_ms for one in timings),
    )
