"""One session's faces of one model as they were at one moment, ready to be searched."""

import math
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from facepass.adapters.pgvector.in_memory import kernel
from facepass.domain.face import BoundingBox
from facepass.domain.gallery import PhotoId
from facepass.domain.identification import Candidate, CandidateList, Probe

POINTER_BYTES = 8


@dataclass(frozen=True, slots=True, eq=False)
class FaceColumns:
    """Stored faces, one a row, in any order.

    Attributes:
        photo_ids: of every photo pk that the rows name, and of no other one.
        photo_pks: `(n,)` int64.
        face_nos: `(n,)` int32; no two rows of a photo share one.
        boxes: `(n, 4)` float64, x, y, width, height; a row of NaN where no box was kept.
        confidences: `(n,)` float64.
        vectors: `(n, dimension)` float16, finite.
    """

    photo_ids: Mapping[int, PhotoId]
    photo_pks: npt.NDArray[np.int64]
    face_nos: npt.NDArray[np.int32]
    boxes: npt.NDArray[np.float64]
    confidences: npt.NDArray[np.float64]
    vectors: kernel.Halves

    def __post_init__(self) -> None:
        count = len(self.photo_pks)
        found = {
            "photo_pks": self.photo_pks.shape == (count,),
            "face_nos": self.face_nos.shape == (count,),
            "boxes": self.boxes.shape == (count, 4),
            "confidences": self.confidences.shape == (count,),
            "vectors": self.vectors.ndim == 2 and len(self.vectors) == count,  # noqa: PLR2004 - rows and components
        }
        if misshapen := [name for name, fits in found.items() if not fits]:
            raise ValueError(f"columns of {count} faces do not fit together: {', '.join(misshapen)}")
        if self.vectors.dtype.kind != "f" or self.vectors.dtype.itemsize != np.dtype(np.float16).itemsize:
            raise ValueError(f"stored templates are float16, not {self.vectors.dtype}")


@dataclass(frozen=True, slots=True, eq=False)
class SessionMatrix:
    """A snapshot: its arrays are read-only, and a change makes another one. Make it with `of` or `updated`.

    Faces are in the order they came in. Photos are in code-point order of their ids, so that comparing the places of
    two photos compares their ids.

    Attributes:
        photo_ids: every photo with a face, in code-point order.
        photo_pks: `(photos,)` int64, in the order of `photo_ids`.
        photos: `(n,)` int32, each face's place in `photo_ids`.
        face_nos: `(n,)` int32.
        boxes: `(n, 4)` float64; NaN where there is none.
        confidences: `(n,)` float64.
        vectors: `(n, dimension)` float16, C-contiguous.
        largest_norm: no row of `vectors` has a larger L2 norm.
        nbytes: memory it takes: its arrays, and the ids with their places.
    """

    photo_ids: tuple[PhotoId, ...]
    photo_pks: npt.NDArray[np.int64]
    photos: npt.NDArray[np.int32]
    face_nos: npt.NDArray[np.int32]
    boxes: npt.NDArray[np.float64]
    confidences: npt.NDArray[np.float64]
    vectors: kernel.Halves
    largest_norm: float
    nbytes: int

    @classmethod
    def of(cls, columns: FaceColumns) -> "SessionMatrix":
        """From stored faces. Keeps their arrays where type and layout allow: leave those as they are afterwards.

        Takes about 3 ns a component, mostly to find the largest norm: call it in a thread for a large session.

        Raises:
            ValueError: a template is not finite, or a photo has no id.
        """
        norm = kernel.largest_norm(columns.vectors)
        return cls._arranged(dict(columns.photo_ids), columns.photo_pks, columns, largest_norm=norm)

    def updated(self, removed_photo_pks: Collection[int], added: FaceColumns) -> "SessionMatrix":
        """Another snapshot without some photos' faces and with others. This one stays as it is.

        Photos are added whole: whatever was held of a photo in `added` goes, whether or not it is named as removed.
        Both snapshots exist at that moment, so for a while it takes the memory of two.

        Raises:
            ValueError: a template is not finite or of another dimension, or a photo has no id.
        """
        if added.vectors.shape[1] != self.dimension and len(added.vectors) and len(self.vectors):
            raise ValueError(f"templates of {added.vectors.shape[1]} components join ones of {self.dimension}")
        if not len(self.vectors) and len(added.vectors):
            return SessionMatrix.of(added)
        gone = {*removed_photo_pks, *added.photo_ids}
        stays = ~np.isin(self.photo_pks, np.fromiter(gone, dtype=np.int64, count=len(gone)))
        kept = np.flatnonzero(stays[self.photos])
        ids = {
            pk: photo_id
            for pk, photo_id, keeps in zip(self.photo_pks.tolist(), self.photo_ids, stays.tolist(), strict=True)
            if keeps
        }
        joined = FaceColumns(
            photo_ids={**ids, **added.photo_ids},
            photo_pks=np.concatenate([self.photo_pks[self.photos[kept]], added.photo_pks]),
            face_nos=np.concatenate([self.face_nos[kept], added.face_nos]),
            boxes=np.concatenate([self.boxes[kept], added.boxes]),
            confidences=np.concatenate([self.confidences[kept], added.confidences]),
            vectors=_joined(self.vectors, kept, added.vectors),
        )
        norm = max(self.largest_norm, kernel.largest_norm(added.vectors))
        return self._arranged(dict(joined.photo_ids), joined.photo_pks, joined, largest_norm=norm)

    @classmethod
    def _arranged(
        cls,
        ids: dict[int, PhotoId],
        photo_pks: npt.NDArray[np.int64],
        columns: FaceColumns,
        *,
        largest_norm: float,
    ) -> "SessionMatrix":
        known, of_face = np.unique(photo_pks, return_inverse=True)
        pks = known.tolist()
        if ids.keys() != set(pks):
            raise ValueError(f"{len(pks)} photos have faces, {len(ids)} have an id, and they are not the same ones")
        order = sorted(range(len(pks)), key=lambda place: ids[pks[place]])
        places = np.empty(len(order), dtype=np.int32)
        places[order] = np.arange(len(order), dtype=np.int32)
        arrays = {
            "photo_pks": _frozen(known[order], np.int64),
            "photos": _frozen(places[of_face], np.int32),
            "face_nos": _frozen(columns.face_nos, np.int32),
            "boxes": _frozen(columns.boxes, np.float64),
            "confidences": _frozen(columns.confidences, np.float64),
            "vectors": _frozen(columns.vectors, np.float16),
        }
        photo_ids = tuple(ids[pks[place]] for place in order)
        nbytes = sum(array.nbytes for array in arrays.values()) + sum(map(_text_bytes, photo_ids))
        return cls(photo_ids=photo_ids, largest_norm=largest_norm, nbytes=nbytes, **arrays)

    def __len__(self) -> int:
        """Number of faces."""
        return len(self.vectors)

    def __repr__(self) -> str:
        """Without the templates and the ids: neither must reach a log."""
        return f"SessionMatrix(faces={len(self)}, photos={len(self.photo_ids)}, dimension={self.dimension})"

    @property
    def dimension(self) -> int:
        """Components of a template."""
        return int(self.vectors.shape[1])

    def candidates(self, probe: Probe, *, least_cosine: float, limit: int) -> CandidateList:
        """The photos whose best face reaches `least_cosine`, exact, see `VectorRepository.candidates`.

        The model is the caller's to check; a probe of another dimension finds nothing.

        A face's coarse score is within `error` of its exact one. Those that cannot reach `least_cosine` by any error
        are out. Of the others, exact scores are needed only near it, to tell which side they are on, and for faces
        that may be the best of one of the `limit` best photos. Where k photos have a face of coarse score s or more,
        the k best have exact scores of s - error or more, and hence coarse ones of s - 2 error or more.
        """
        if not len(self) or probe.dimension != self.dimension:
            return CandidateList((), 0)
        error = kernel.coarse_error(probe.vector, largest_norm=self.largest_norm)
        scores = kernel.coarse(self.vectors, probe.vector)
        possible = np.flatnonzero(scores >= least_cosine - error)
        coarse = scores[possible]
        unsure = coarse < least_cosine + error
        wanted = coarse >= self._least_of_best(possible, coarse, limit) - 2.0 * error
        rows = possible[unsure | wanted]
        exact = kernel.exact(self.vectors, rows, probe.vector)
        reached = exact >= least_cosine
        rows, exact = rows[reached], exact[reached]
        matched = np.zeros(len(self.photo_ids), dtype=np.bool_)
        matched[self.photos[possible[~unsure]]] = True
        matched[self.photos[rows]] = True
        return CandidateList(self._ranked(rows, exact, max(0, limit)), int(np.count_nonzero(matched)))

    def faces_at_least(self, probe: Probe, *, least_cosine: float) -> list[tuple[int, int]]:
        """Photo pk and number of every face whose exact score reaches `least_cosine`."""
        scores = kernel.exact(self.vectors, np.arange(len(self)), probe.vector)
        rows = np.flatnonzero(scores >= least_cosine)
        return list(zip(self.photo_pks[self.photos[rows]].tolist(), self.face_nos[rows].tolist(), strict=True))

    def _least_of_best(self, rows: kernel.Rows, scores: kernel.Doubles, limit: int) -> float:
        """The coarse score that the best faces of `limit` photos reach; infinite for none, minus that for too few."""
        if limit < 1:
            return math.inf
        if len(rows) <= limit:
            return -math.inf
        best = np.full(len(self.photo_ids), -np.inf)
        np.maximum.at(best, self.photos[rows], scores)
        reached = best[best > -np.inf]  # partitioning is slow among many equals
        return float(np.partition(reached, -limit)[-limit]) if limit < len(reached) else -math.inf

    def _ranked(self, rows: kernel.Rows, scores: kernel.Doubles, limit: int) -> tuple[Candidate, ...]:
        """The best face of each photo, best photo first, at most `limit`."""
        photos = self.photos[rows]
        order = np.lexsort((self.face_nos[rows], photos, -scores))
        first = np.sort(np.unique(photos[order], return_index=True)[1])[:limit]
        chosen = order[first]
        faces = rows[chosen]
        return tuple(
            Candidate(self.photo_ids[photo], face_no, _box(box), confidence, cosine)
            for photo, face_no, box, confidence, cosine in zip(
                photos[chosen].tolist(),
                self.face_nos[faces].tolist(),
                self.boxes[faces].tolist(),
                self.confidences[faces].tolist(),
                scores[chosen].tolist(),
                strict=True,
            )
        )


def _box(values: list[float]) -> BoundingBox | None:
    return None if any(map(math.isnan, values)) else BoundingBox(*values)


def _frozen(array: npt.NDArray[Any], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    frozen = np.ascontiguousarray(array, dtype=dtype).view()
    frozen.flags.writeable = False
    return frozen


def _joined(held: kernel.Halves, kept: kernel.Rows, added: kernel.Halves) -> kernel.Halves:
    """Some rows of `held`, then `added`, in one copy: they are most of what a snapshot weighs."""
    joined = np.empty((len(kept) + len(added), held.shape[1]), dtype=np.float16)
    # `clip` writes straight into its target; no row is out of range
    np.take(held, kept, axis=0, out=joined[: len(kept)], mode="clip")
    if len(added):
        joined[len(kept) :] = added
    return joined


def _text_bytes(text: str) -> int:
    return sys.getsizeof(text) + POINTER_BYTES
