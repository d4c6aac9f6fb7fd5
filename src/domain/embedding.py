"""Templates and their comparison: unit vectors bound to the model that made them."""

import math
from dataclasses import dataclass
from typing import NewType

import numpy as np
import numpy.typing as npt

ModelId = NewType("ModelId", str)
"""Name of a recogniser, such as `dlib-resnet29-int8`. Vectors of different models are never compared."""


@dataclass(frozen=True, slots=True)
class TemplateSpace:
    """Where a model's templates live. A gallery is bound to one; templates of different spaces never compare."""

    model: ModelId
    dimension: int

    def refusal(self) -> str:
        """What is told to whoever brings templates of another space to a session of this one."""
        return f"The session is bound to the model {self.model} with {self.dimension} components."


NORM_TOLERANCE = 1e-5
"""Largest distance of an embedding's L2 norm from 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """A face as a point on the unit sphere of one model.

    Attributes:
        model: the recogniser that made it.
        vector: `(dimension,)` float32, finite, L2 norm 1 within `NORM_TOLERANCE`, read-only.
    """

    model: ModelId
    vector: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.vector.ndim != 1 or self.vector.dtype != np.float32:
            raise ValueError(f"an embedding is a flat float32 vector, not {self.vector.dtype} {self.vector.shape}")
        norm = float(np.linalg.norm(self.vector.astype(np.float64)))
        if not math.isfinite(norm) or abs(norm - 1.0) > NORM_TOLERANCE:
            raise ValueError(f"an embedding is finite and of norm 1, not {norm}")
        self.vector.flags.writeable = False

    @classmethod
    def normalised(cls, model: ModelId, raw: npt.ArrayLike) -> "Embedding":
        """Scale a raw model output to unit length.

        Raises:
            ValueError: the vector is zero or not finite.
        """
        vector = np.asarray(raw, dtype=np.float64)
        norm = float(np.linalg.norm(vector))
        if not math.isfinite(norm) or norm == 0.0:
            raise ValueError("a zero or non-finite vector has no direction")
        return cls(model, (vector / norm).astype(np.float32))

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
        return f"Embedding(model={self.model!r}, dimension={self.dimension})"


def cosine(a: Embedding, b: Embedding) -> float:
    """Raw comparison score of two templates, -1 to 1.

    Raises:
        ValueError: the templates are of different models.
    """
    if a.model != b.model:
        raise ValueError(f"templates of {a.model} and {b.model} cannot be compared")
    return max(-1.0, min(1.0, float(np.dot(a.vector, b.vector))))


@dataclass(frozen=True, slots=True)
class Calibration:
    """A model's strictly increasing mapping from cosine to the similarity that callers see.

    similarity = 1 / (1 + exp(-slope · (cosine - operating_point))): logistic calibration of a comparison score
    (Platt, 1999). 0.5 is the model's recommended operating point, so one threshold means the same for every model.

    Attributes:
        operating_point: cosine at which similarity is 0.5.
        slope: positive; larger separates harder.
    """

    operating_point: float
    slope: float

    def __post_init__(self) -> None:
        if not (-1.0 < self.operating_point < 1.0 and self.slope > 0.0):
            raise ValueError("a calibration needs an operating point inside (-1, 1) and a positive slope")

    def similarity(self, cosine: float) -> float:
        """Calibrated similarity, inside (0, 1)."""
        return 1.0 / (1.0 + math.exp(-self.slope * (cosine - self.operating_point)))

    def least_cosine(self, threshold: float) -> float:
        """The smallest cosine whose similarity reaches a threshold, 0 to 1; above 1 where none does.

        Exact to the last bit, so that `cosine >= least_cosine(t)` in the database and `similarity(cosine) >= t` here
        never disagree, also when a caller sends back a similarity it was given as the next threshold.
        """
        low, high = -1.0, 1.0
        if self.similarity(low) >= threshold:
            return low
        if self.similarity(high) < threshold:
            return math.nextafter(1.0, 2.0)
        while (middle := (low + high) / 2) not in (low, high):
            if self.similarity(middle) >= threshold:
                high = middle
            else:
                low = middle
        return high
