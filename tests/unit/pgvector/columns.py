"""Faces of a session as rows and columns, and the right answer, found the slow way."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from facepass.adapters.pgvector.in_memory.matrix import FaceColumns, SessionMatrix
from facepass.domain.embedding import ModelId
from facepass.domain.face import BoundingBox
from facepass.domain.gallery import PhotoId
from facepass.domain.identification import Candidate, CandidateList, Probe

Vector = npt.NDArray[np.float16]

INITIALS = ("a", "Z", "\u00e9", "\U0001f600", "\uffff")


class Row(NamedTuple):
    """A stored face."""

    pk: int
    face_no: int
    vector: Vector

    @property
    def photo_id(self) -> PhotoId:
        """In an order unlike that of the pks, with characters that UTF-16 and locales would order otherwise."""
        return PhotoId(f"{INITIALS[self.pk % 5]}{self.pk * 7919 % 1009}")

    @property
    def box(self) -> BoundingBox | None:
        """None for some, as of photos that an earlier system indexed."""
        return None if (self.pk + self.face_no) % 5 == 0 else BoundingBox(self.pk + 0.1, -3.3, 10.7, 1 / 3)

    @property
    def confidence(self) -> float:
        return 1 / (2 + self.pk + self.face_no)


def halves(vectors: npt.ArrayLike) -> Vector:
    """Unit vectors as they are stored."""
    array = np.asarray(vectors, dtype=np.float64)
    return (array / np.linalg.norm(array, axis=-1, keepdims=True)).astype(np.float16)


def faces(seed: int, count: int, *, dimension: int = 32, spread: float = 1.0, per_photo: int = 3) -> list[Row]:
    """Faces around one direction, the closer together the smaller `spread`."""
    rng = np.random.default_rng(seed)
    vectors = halves(rng.normal(size=(1, dimension)) + spread * rng.normal(size=(count, dimension)))
    return [Row(7 + n // per_photo, n % per_photo, vector) for n, vector in enumerate(vectors)]


def probe_like(row: Row, *, seed: int = 0, spread: float = 0.3) -> Probe:
    """A probe close to a face, with components that half precision cannot hold."""
    vector = row.vector.astype(np.float64)
    vector += spread * np.random.default_rng(seed).normal(size=len(vector)) / np.sqrt(len(vector))
    return Probe(ModelId("test-model"), (vector / np.linalg.norm(vector)).astype(np.float32))


def columns(rows: Iterable[Row], *, dimension: int = 32) -> FaceColumns:
    rows = list(rows)
    boxes = [(row.box.x, row.box.y, row.box.width, row.box.height) if row.box else (np.nan,) * 4 for row in rows]
    return FaceColumns(
        photo_ids={row.pk: row.photo_id for row in rows},
        photo_pks=np.array([row.pk for row in rows], dtype=np.int64),
        face_nos=np.array([row.face_no for row in rows], dtype=np.int32),
        boxes=np.array(boxes, dtype=np.float64).reshape(-1, 4),
        confidences=np.array([row.confidence for row in rows], dtype=np.float64),
        vectors=np.stack([row.vector for row in rows]) if rows else np.empty((0, dimension), dtype=np.float16),
    )


def matrix(rows: Iterable[Row], *, dimension: int = 32) -> SessionMatrix:
    return SessionMatrix.of(columns(rows, dimension=dimension))


def brute_force(rows: Iterable[Row], probe: Probe, *, least_cosine: float, limit: int) -> CandidateList:
    """Face by face, with the scores and ties of the in-memory repository."""
    best: dict[PhotoId, Candidate] = {}
    for row in sorted(rows, key=lambda row: row.face_no):
        product = np.einsum("ij,j->i", row.vector.astype(np.float64)[np.newaxis], probe.vector.astype(np.float64))
        cosine = float(product.clip(-1.0, 1.0)[0])
        known = best.get(row.photo_id)
        if cosine >= least_cosine and (known is None or cosine > known.cosine):
            best[row.photo_id] = Candidate(row.photo_id, row.face_no, row.box, row.confidence, cosine)
    ranked = sorted(best.values(), key=lambda candidate: (-candidate.cosine, candidate.photo_id))
    return CandidateList(tuple(ranked[:limit]), len(ranked))
