"""Find a visitor: from a selfie to every photo of the session in which they appear."""

from collections.abc import Sequence
from dataclasses import dataclass

from facepass.application.face_analysis import FaceAnalyser, Timings
from facepass.application.ports import Clock, ImageLimits, UnitOfWorkFactory
from facepass.application.probe import OnMultiple, Selfie, read_selfie
from facepass.application.quality_gate import QualityGate
from facepass.application.visitor_words import UNKNOWN_SESSION, different_people
from facepass.domain.errors import (
    AmbiguousSelfie,
    Conflict,
    FieldError,
    InvalidRequest,
    LowQualityFace,
    NoFaceDetected,
    NotFound,
    PayloadTooLarge,
    UnsupportedImage,
)
from facepass.domain.face import Face
from facepass.domain.gallery import GalleryStatus, SessionId
from facepass.domain.identification import Candidate, Probe, SearchReason, Threshold, misfits

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
    """

    session_id: SessionId
    matches: tuple[Match, ...]
    total_matches: int
    threshold: Threshold
    query_faces: tuple[Face, ...]
    reason: SearchReason | None
    timings: Timings
    search_ms: float
    took_ms: float

    @property
    def query_face(self) -> Face:
        """The best of `query_faces`: by quality, then by size, then the first."""
        return max(self.query_faces, key=lambda face: (face.quality.score, face.box.area))


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
        selfies: Sequence[bytes],
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
            NoFaceDetected, LowQualityFace: a selfie cannot stand for a visitor.
            AmbiguousSelfie: likewise, or the selfies show different people.
            UnsupportedImage, PayloadTooLarge, Overloaded: see `FaceAnalyser.open`.
            NotFound: the session was never seen.
            Conflict: the session is bound to another model.
            DependencyUnavailable: the database.
        """
        if not 1 <= limit <= MAX_LIMIT:
            raise InvalidRequest.field("limit", f"must be between 1 and {MAX_LIMIT}, is {limit}")
        if not 1 <= len(selfies) <= MAX_SELFIES:
            raise InvalidRequest.field("file", f"must be given 1 to {MAX_SELFIES} times, is given {len(selfies)} times")
        started = self._clock.elapsed_s()
        read = await self._read(selfies, limits=limits, on_multiple=on_multiple)
        calibration = self._analyser.calibration
        probe = Probe.of(*(selfie.template.embedding for selfie in read))
        searching = self._clock.elapsed_s()
        async with self._unit_of_work() as transaction:
            found = await transaction.galleries.candidates(
                session_id, probe, least_cosine=calibration.least_cosine(threshold), limit=limit
            )
            # Only an empty answer needs to know whether the session exists: most searches ask the database once.
            gallery = await transaction.galleries.gallery(session_id) if found.total == 0 else None
        ended = self._clock.elapsed_s()
        return SearchResult(
            session_id=session_id,
            matches=tuple(Match(found_one, calibration.similarity(found_one.cosine)) for found_one in found.candidates),
            total_matches=found.total,
            threshold=threshold,
            query_faces=tuple(selfie.template.face for selfie in read),
            reason=self._reason(
                session_id, gallery, ambiguous=any(selfie.ambiguous for selfie in read), empty=found.total == 0
            ),
            timings=_sum([selfie.timings for selfie in read]),
            search_ms=1e3 * (ended - searching),
            took_ms=1e3 * (ended - started),
        )

    async def _read(
        self, selfies: Sequence[bytes], *, limits: ImageLimits, on_multiple: OnMultiple
    ) -> tuple[Selfie, ...]:
        read: list[Selfie] = []
        for place, data in enumerate(selfies):
            try:
                selfie = await read_selfie(
                    data,
                    analyser=self._analyser,
                    limits=limits,
                    gate=self._gate,
                    on_multiple=on_multiple,
                    picture="the selfie",
                )
            except (NoFaceDetected, AmbiguousSelfie, LowQualityFace, UnsupportedImage, PayloadTooLarge) as error:
                if len(selfies) > 1:
                    error.blame(_field(place), called=f"Selfie {place + 1}")
                raise
            read.append(selfie)
        if len(read) > 1:
            self._check_agreement(read)
        return tuple(read)

    def _check_agreement(self, selfies: Sequence[Selfie]) -> None:
        least = self._analyser.calibration.least_cosine(LEAST_AGREEMENT)
        if at_odds := misfits([selfie.template.embedding for selfie in selfies], least_cosine=least):
            error = AmbiguousSelfie(different_people(at_odds))
            error.errors = tuple(FieldError(_field(place), "seems to show another person") for place in at_odds)
            raise error

    def _reason(
        self, session_id: SessionId, gallery: GalleryStatus | None, *, ambiguous: bool, empty: bool
    ) -> SearchReason | None:
        if not empty:
            return SearchReason.LARGEST_FACE_USED if ambiguous else None
        if gallery is None:
            raise NotFound(UNKNOWN_SESSION.format(session=session_id))
        if gallery.model != self._analyser.model_id:
            raise Conflict(
                f"The session was indexed with the model {gallery.model}; this service runs {self._analyser.model_id}."
            )
        if gallery.face_count == 0:
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
