"""One-to-many search: the probe, the candidates, and the threshold between strangers and matches."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from facepass.domain.embedding import NORM_TOLERANCE, Embedding, ModelId, TemplateSpace, cosine
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


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """A visitor as a gallery is searched for them: one selfie's template, or several fused into one vector.

    The score of a stored face is its inner product with `vector`, so that one exact pass over a gallery serves one
    selfie and several alike.

    Attributes:
        model: the recogniser that made the templates.
        vector: `(dimension,)` float32, finite, L2 norm at most 1 within `NORM_TOLERANCE`, read-only.
    """

    model: ModelId
    vector: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.vector.ndim != 1 or self.vector.dtype != np.float32:
            raise ValueError(f"a probe is a flat float32 vector, not {self.vector.dtype} {self.vector.shape}")
        if not np.linalg.norm(self.vector.astype(np.float64)) <= 1.0 + NORM_TOLERANCE:
            raise ValueError("a probe is finite and of norm 1 at most")
        self.vector.flags.writeable = False

    @classmethod
    def of(cls, *selfies: Embedding) -> "Probe":
        """One selfie as it is; of several, mean / cube root of its norm. Their order makes no difference to any bit.

        With m for the mean of the selfies' templates, m·g is the mean of their cosines to a face g (the sum rule of
        Kittler et al., 1998), and m·g / |m| the cosine of their mean template; the score here lies between, at
        mean^(2/3) · template^(1/3). `benchmarks/fusion.py` measures why. At equal false match rates all rules find
        nearly the same, but they move the scores, and the calibration is one selfie's. At its operating point (ORL)
        strangers come at 0.049 % for one selfie; for two and three at 0.088 and 0.120 % by the highest cosine, at
        0.113 and 0.143 % by the mean template, at 0.023 and 0.017 % by the mean cosine, and at 0.038 and 0.033 % by
        this rule. Of the rules that let in no more strangers than one selfie does it finds most: on lfw10 88.4 % of a
        visitor's pictures with one selfie, 93.5 and 95.5 % with two and three (by the mean cosine 90.5 and 91.4 %).
        Half way, with the square root, it would be 94.8 and 96.8 %, and 0.051 and 0.048 % on ORL: no margin left.

        Raises:
            ValueError: no selfie, or selfies of different models.
        """
        if not selfies:
            raise ValueError("a probe needs a selfie")
        model = selfies[0].model
        if any(selfie.model != model for selfie in selfies):
            raise ValueError("templates of different models cannot be fused")
        if len(selfies) == 1:
            return cls(model, selfies[0].vector)
        ordered = np.sort(np.stack([selfie.vector for selfie in selfies]).astype(np.float64), axis=0)
        mean = ordered.sum(axis=0) / len(selfies)
        norm = float(np.linalg.norm(mean))
        return cls(model, (mean / math.cbrt(norm) if norm else mean).astype(np.float32))

    @property
    def dimension(self) -> int:
        """Number of components."""
        return int(self.vector.shape[0])

    @property
    def space(self) -> TemplateSpace:
        """What it compares with."""
        return TemplateSpace(self.model, self.dimension)

    def __repr__(self) -> str:
        """Without the vector: it is biometric data and must reach no log."""
        return f"Probe(model={self.model!r}, dimension={self.dimension})"


def misfits(selfies: Sequence[Embedding], *, least_cosine: float) -> tuple[int, ...]:
    """Which selfies do not show the person that the others show, as places from 0; empty when all agree.

    Selfies agree whose cosine is `least_cosine` or more. One that alone is at odds is named alone; where that cannot
    be told, as between two, all that are at odds with another.
    """
    cosines = {
        pair: cosine(selfies[pair[0]], selfies[pair[1]]) for pair in itertools.combinations(range(len(selfies)), 2)
    }
    at_odds = [pair for pair, score in cosines.items() if score < least_cosine]
    if not at_odds:
        return ()
    involved = sorted(set(itertools.chain.from_iterable(at_odds)))
    if len(selfies) > 2:  # noqa: PLR2004 - of two, either may be the wrong one
        oddest = min(involved, key=lambda place: math.fsum(score for pair, score in cosines.items() if place in pair))
        if all(oddest in pair for pair in at_odds):
            return (oddest,)
    return tuple(involved)


class SearchReason(StrEnum):
    """What a visitor should know about a result: why it is empty, or whom it is about."""

    SESSION_WITHOUT_FACES = "session_without_faces"
    NOTHING_ABOVE_THRESHOLD = "nothing_above_threshold"
    LARGEST_FACE_NOT_FOUND = "largest_face_not_found"
    LARGEST_FACE_USED = "largest_face_used"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A photo's best face for a probe.

    Attributes:
        cosine: raw comparison score, -1 to 1; of several selfies the fused one, see `Probe.of`.
        box: None where an earlier system indexed the photo and kept no box.
        confidence: detection score of that face, 0 to 1.
    """

    photo_id: PhotoId
    face_no: int
    box: BoundingBox | None
    confidence: float
    cosine: float


class SearchMode(StrEnum):
    """How a gallery was searched."""

    EXACT = "exact"
    ANN = "ann"


@dataclass(frozen=True, slots=True)
class CandidateList:
    """The best candidates, best first, each photo once; ties by photo id in code-point order, then face number.

    Attributes:
        total: photos at or above the least cosine, also those beyond the limit.
        mode: exact, or by an approximate index, which may miss some.
    """

    candidates: tuple[Candidate, ...]
    total: int
    mode: SearchMode = SearchMode.EXACT
