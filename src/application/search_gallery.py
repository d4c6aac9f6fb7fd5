"""Find a visitor: from a selfie to every photo of the session in which they appear."""

from dataclasses import dataclass
from enum import StrEnum

from facepass.application.face_analysis import FaceAnalyser, QualityGate, Timings
from facepass.application.ports import Clock, ImageLimits, UnitOfWorkFactory
from facepass.application.probe import OnMultiple, choose_probe, is_ambiguous
from facepass.domain.errors import Conflict, InvalidRequest, NotFound
from facepass.domain.face import Face
from facepass.domain.gallery import GalleryStatus, SessionId
from facepass.domain.identification import Candidate, Threshold

MAX_LIMIT = 1000
"""Most matches one search returns."""


class SearchReason(StrEnum):
    """What a caller should know about a result: why it is empty, or whom it is about."""

    SESSION_WITHOUT_FACES = "session_without_faces"
    NOTHING_ABOVE_THRESHOLD = "nothing_above_threshold"
    LARGEST_FACE_NOT_FOUND = "largest_face_not_found"
    LARGEST_FACE_USED = "largest_face_used"


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
        query_face: the face searched with, in the pixels of the selfie.
        reason: None when there is nothing to say.
    """

    session_id: SessionId
    matches: tuple[Match, ...]
    total_matches: int
    threshold: Threshold
    query_face: Face
    reason: SearchReason | None
    timings: Timings
    search_ms: float
    took_ms: float


class SearchGallery:
    """Exact one-to-many search inside one gallery."""

    def __init__(
        self, *, analyser: FaceAnalyser, unit_of_work: UnitOfWorkFactory, gate: QualityGate, clock: Clock
    ) -> None:
        self._analyser = analyser
        self._unit_of_work = unit_of_work
        self._gate = gate
        self._clock = clock

    async def __call__(
        self,
        session_id: SessionId,
        selfie: bytes,
        *,
        limits: ImageLimits,
        threshold: Threshold,
        limit: int,
        on_multiple: OnMultiple,
    ) -> SearchResult:
        """Search the session.

        Raises:
            InvalidRequest: `limit` out of range.
            NoFaceDetected, AmbiguousSelfie, LowQualityFace: the selfie cannot stand for a visitor.
            UnsupportedImage, PayloadTooLarge, Overloaded: see `FaceAnalyser.open`.
            NotFound: the session was never seen.
            Conflict: the session is bound to another model.
            DependencyUnavailable: the database.
        """
        if not 1 <= limit <= MAX_LIMIT:
            raise InvalidRequest.field("limit", f"must be between 1 and {MAX_LIMIT}, is {limit}")
        started = self._clock.elapsed_s()
        async with self._analyser.open(selfie, limits) as analysis:
            face = choose_probe(analysis.faces, gate=self._gate, on_multiple=on_multiple, subject="selfie")
            (probe,) = await analysis.embed(lambda candidate: candidate is face)
        calibration = self._analyser.calibration
        searching = self._clock.elapsed_s()
        async with self._unit_of_work() as transaction:
            found = await transaction.galleries.candidates(
                session_id, probe.embedding, least_cosine=calibration.least_cosine(threshold), limit=limit
            )
            # Only an empty answer needs to know whether the session exists: most searches ask the database once.
            gallery = await transaction.galleries.gallery(session_id) if found.total == 0 else None
        ended = self._clock.elapsed_s()
        ambiguous = is_ambiguous(analysis.faces)
        return SearchResult(
            session_id=session_id,
            matches=tuple(Match(found_one, calibration.similarity(found_one.cosine)) for found_one in found.candidates),
            total_matches=found.total,
            threshold=threshold,
            query_face=face,
            reason=self._reason(session_id, gallery, ambiguous=ambiguous, empty=found.total == 0),
            timings=analysis.timings,
            search_ms=1e3 * (ended - searching),
            took_ms=1e3 * (ended - started),
        )

    def _reason(
        self, session_id: SessionId, gallery: GalleryStatus | None, *, ambiguous: bool, empty: bool
    ) -> SearchReason | None:
        if not empty:
            return SearchReason.LARGEST_FACE_USED if ambiguous else None
        if gallery is None:
            raise NotFound(f"No session {session_id!r} is known here.")
        if gallery.model != self._analyser.model_id:
            raise Conflict(
                f"The session was indexed with the model {gallery.model}; this service runs {self._analyser.model_id}."
            )
        if gallery.face_count == 0:
            return SearchReason.SESSION_WITHOUT_FACES
        return SearchReason.LARGEST_FACE_NOT_FOUND if ambiguous else SearchReason.NOTHING_ABOVE_THRESHOLD
