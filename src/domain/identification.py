"""One-to-many search: the probe, the candidates, and the threshold between strangers and matches."""

from dataclasses import dataclass

from facepass.domain.errors import InvalidRequest
from facepass.domain.face import BoundingBox
from facepass.domain.gallery import PhotoId


class Threshold(float):
    """Least calibrated similarity of a match, 0 to 1, inclusive."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: float, field: str = "threshold") -> "Threshold":
        """Check a caller's value.

        Raises:
            InvalidRequest: naming `field`; NaN is refused too.
        """
        if not 0.0 <= value <= 1.0:
            raise InvalidRequest.field(field, f"must be between 0 and 1, is {value}")
        return cls(value)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A photo's best face for a probe.

    Attributes:
        cosine: raw comparison score, -1 to 1.
        confidence: detection score of that face, 0 to 1.
    """

    photo_id: PhotoId
    face_no: int
    box: BoundingBox
    confidence: float
    cosine: float


@dataclass(frozen=True, slots=True)
class CandidateList:
    """The best candidates, best first, each photo once; ties by photo id in code-point order, then face number.

    Attributes:
        total: photos at or above the least cosine, also those beyond the limit.
    """

    candidates: tuple[Candidate, ...]
    total: int
