"""Judges the rows of one photo: what is kept, what is mended, what is left out and why.

What is lost is a face that a visitor would be found by, so a row is left out only where its vector or its place is
unusable. A confidence is shown and never searched by: a wrong one is mended.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

import numpy as np

from facepass.adapters.first_generation.rows import MAX_ROWS_PER_PHOTO, OldRow, PhotoRows
from facepass.application.import_photos import LeftOut
from facepass.domain.embedding import NORM_TOLERANCE, Embedding, TemplateSpace
from facepass.domain.errors import InvalidRequest
from facepass.domain.gallery import Photo, PhotoId, SessionId, Template, UnlocatedFace

_YEAR_9999_S = 253_370_764_800.0


class Reason(StrEnum):
    """Why a row is not moved."""

    NO_SESSION = "no_session"
    INVALID_SESSION = "invalid_session"
    NO_PHOTO = "no_photo"
    INVALID_PHOTO = "invalid_photo"
    TOO_MANY_FACES = "too_many_faces"
    NO_VECTOR = "no_vector"
    WRONG_DIMENSION = "wrong_dimension"
    NOT_FINITE = "not_finite"
    ZERO_VECTOR = "zero_vector"
    SUPERSEDED = "superseded"
    """A newer row of the same photo has the same `face_id`."""
    DUPLICATE = "duplicate"
    """A newer row of the same photo has the same vector."""
    INDEXED_ANEW = LeftOut.INDEXED_ANEW.value
    OTHER_MODEL = LeftOut.OTHER_MODEL.value
    ERASED = LeftOut.ERASED.value


MERGED = frozenset({Reason.SUPERSEDED, Reason.DUPLICATE})
"""Reasons by which nothing is lost: the face is moved with another row."""


class Mend(StrEnum):
    """What was put right in a row that is moved."""

    NORMALISED = "normalised"
    CONFIDENCE_CLAMPED = "confidence_clamped"
    CONFIDENCE_MISSING = "confidence_missing"
    """NULL or NaN: moved as 0."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is not moved."""

    row_id: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Verdict:
    """On all rows of one photo.

    Attributes:
        photo: what is moved; None where no row is sound.
        rejects: the rows that are not, merged ones among them.
        mends: what was put right, in the rows that are moved.
    """

    photo: Photo | None
    rejects: tuple[Reject, ...]
    mends: Counter[Mend]

    def without_photo(self, rows: PhotoRows, left_out: LeftOut) -> Self:
        """The same where the target does not take the photo: none of its rows is moved."""
        known = {reject.row_id for reject in self.rejects}
        rejects = [Reject(row.row_id, Reason(left_out)) for row in rows if row.row_id not in known]
        return replace(self, photo=None, rejects=(*self.rejects, *rejects), mends=Counter())


@dataclass(frozen=True, slots=True)
class _Sound:
    row: OldRow
    embedding: Embedding
    mends: tuple[Mend, ...]

    @property
    def age(self) -> tuple[float, int]:
        """Grows with time; rows without one are the oldest, and of equals the later id is the newer."""
        created_s = self.row.created_s
        return (-math.inf if created_s is None else created_s, self.row.number)


def judge(rows: PhotoRows, space: TemplateSpace, *, undated: datetime) -> Verdict:
    """Make a photo of its rows.

    Several rows are several faces, numbered in the order of their ids. Of rows with one `face_id`, and of rows with
    one vector, the newest is kept.

    Args:
        rows: of one photo.
        space: of the model that made the vectors.
        undated: when the photo counts as indexed, where no row says.
    """
    rejects: list[Reject] = []
    sound: list[_Sound] = []
    for row in rows:
        judged = _refusal(row) or _soundness(row, space)
        if isinstance(judged, Reason):
            rejects.append(Reject(row.row_id, judged))
        else:
            sound.append(judged)
    newest = {one.row.face or one.row.number: one for one in sorted(sound, key=lambda one: one.age)}
    rejects += [Reject(row_id, Reason.SUPERSEDED) for row_id in _left_out(sound, newest.values())]
    unlike = {one.embedding.vector.tobytes(): one for one in sorted(newest.values(), key=lambda one: one.age)}
    rejects += [Reject(row_id, Reason.DUPLICATE) for row_id in _left_out(newest.values(), unlike.values())]
    kept = sorted(unlike.values(), key=lambda one: one.row.number)
    mends = Counter(mend for one in kept for mend in one.mends)
    return Verdict(_photo(kept, undated) if kept else None, tuple(rejects), mends)


def _refusal(row: OldRow) -> Reason | None:
    """What is wrong with a row's place."""
    if not row.session_key:
        return Reason.NO_SESSION
    if not row.photo_key:
        return Reason.NO_PHOTO
    try:
        SessionId.parse(row.session_key, "session_id")
    except InvalidRequest:
        return Reason.INVALID_SESSION
    try:
        PhotoId.parse(row.photo_key, "photo_id")
    except InvalidRequest:
        return Reason.INVALID_PHOTO
    return Reason.TOO_MANY_FACES if row.number > MAX_ROWS_PER_PHOTO else None


def _soundness(row: OldRow, space: TemplateSpace) -> _Sound | Reason:
    """A row's vector as a template, or what is wrong with it."""
    if row.vector is None:
        return Reason.NO_VECTOR
    if len(row.vector) != space.dimension:
        return Reason.WRONG_DIMENSION
    if not np.isfinite(row.vector).all():
        return Reason.NOT_FINITE
    norm = float(np.linalg.norm(row.vector.astype(np.float64)))
    if norm == 0.0:
        return Reason.ZERO_VECTOR
    mends = []
    if abs(norm - 1.0) > NORM_TOLERANCE:
        mends.append(Mend.NORMALISED)
    if row.confidence is None or math.isnan(row.confidence):
        mends.append(Mend.CONFIDENCE_MISSING)
    elif not 0.0 <= row.confidence <= 1.0:
        mends.append(Mend.CONFIDENCE_CLAMPED)
    return _Sound(row, Embedding.normalised(space.model, row.vector), tuple(mends))


def _left_out(before: Iterable[_Sound], after: Iterable[_Sound]) -> list[str]:
    kept = {one.row.number for one in after}
    return [one.row.row_id for one in before if one.row.number not in kept]


def _photo(kept: list[_Sound], undated: datetime) -> Photo:
    first = kept[0].row
    templates = tuple(
        Template(UnlocatedFace(face_no, _confidence(one.row.confidence)), one.embedding)
        for face_no, one in enumerate(kept)
    )
    dates_s = [
        one.row.created_s for one in kept if one.row.created_s is not None and 0 <= one.row.created_s < _YEAR_9999_S
    ]
    return Photo(
        session_id=SessionId(first.session_key),
        photo_id=PhotoId(first.photo_key),
        size=None,
        faces_detected=len(kept),
        templates=templates,
        indexed_at=datetime.fromtimestamp(max(dates_s), UTC) if dates_s else undated,
    )


def _confidence(stored: float | None) -> float:
    return 0.0 if stored is None or math.isnan(stored) else min(1.0, max(0.0, stored))
