"""A job: many photos of one session, indexed one by one in the background, each of them a unit.

A unit is queued until it ends in one of three ways, and only ever ends once. What a job is at is told by its units.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from facepass.domain.errors import FieldError, InvalidRequest
from facepass.domain.gallery import PhotoId, SessionId

MAX_PHOTOS: Final = 10_000
"""Of one job. Its units are written in one transaction, and counted whenever somebody asks how far it is."""

_ID_BYTES: Final = 10
_MILLISECOND_DIGITS: Final = 12
_JOB_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PhotoToIndex:
    """A photo and the key under which the image source holds it."""

    photo_id: PhotoId
    key: str


def check_photos(photos: Sequence[PhotoToIndex], *, most: int) -> None:
    """See that a request names some photos, not too many, and each once.

    Raises:
        InvalidRequest: naming every photo at fault.
    """
    if not 1 <= len(photos) <= most:
        raise InvalidRequest.field("photos", f"must hold 1 to {most} photos, holds {len(photos)}")
    first_at: dict[str, int] = {}
    twice = []
    for position, photo in enumerate(photos):
        first = first_at.setdefault(photo.photo_id, position)
        if first != position:
            twice.append(FieldError(f"photos[{position}].photo_id", f"is the same as that of photos[{first}]"))
    if twice:
        raise InvalidRequest(*twice)


class JobId(str):
    """32 hexadecimal digits: milliseconds since 1970, then chance.

    Later jobs have greater ids, as far as clocks agree and milliseconds tell.
    """

    __slots__ = ()

    @classmethod
    def new(cls, at: datetime, random_bytes: Callable[[int], bytes]) -> Self:
        """An id that nobody else has."""
        milliseconds = int(at.timestamp() * 1000)
        return cls(f"{milliseconds:0{_MILLISECOND_DIGITS}x}{random_bytes(_ID_BYTES).hex()}")

    @classmethod
    def parse(cls, value: str, field: str) -> Self:
        """Check a caller's value.

        Raises:
            InvalidRequest: naming `field`.
        """
        if not _JOB_ID.fullmatch(value):
            raise InvalidRequest.field(field, "must be the id of a job: 32 hexadecimal digits")
        return cls(value)


class JobKind(StrEnum):
    """What a job does."""

    INDEX = "index"


class JobState(StrEnum):
    """How far a job is."""

    QUEUED = "queued"
    """No photo was begun yet."""
    RUNNING = "running"
    FINISHED = "finished"
    """Every photo is done or has failed."""
    CANCELLED = "cancelled"
    """By its caller, or because its session was erased; what was done until then stays done."""


class UnitState(StrEnum):
    """How a unit stands."""

    QUEUED = "queued"
    """To be done, being done, or to be tried again."""
    DONE = "done"
    FAILED = "failed"
    """Given up; `RetryJob` queues it again."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class UnitRef:
    """Names a unit: its job, and its place in it from 0."""

    job_id: JobId
    unit_no: int


@dataclass(frozen=True, slots=True)
class JobUnit:
    """A unit to be done.

    Attributes:
        requested_at: when the job was asked for: a photo asked for later is not overwritten.
        attempts: how often it was begun, this time included.
    """

    ref: UnitRef
    session_id: SessionId
    photo: PhotoToIndex
    requested_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class UnitFailure:
    """A unit that was given up, and why."""

    unit_no: int
    photo: PhotoToIndex
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it was asked for."""

    job_id: JobId
    session_id: SessionId
    created_at: datetime
    kind: JobKind = JobKind.INDEX


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a job is.

    Attributes:
        queued, done, failed, cancelled: units, by their state.
        without_faces: of those done, photos in which no face was found.
        faces_indexed: that can be found now because of it.
        finished_at: when its last unit ended; None while one is queued.
    """

    job: Job
    queued: int
    done: int
    failed: int
    cancelled: int
    without_faces: int
    faces_indexed: int
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def total(self) -> int:
        """Units."""
        return self.queued + self.done + self.failed + self.cancelled

    @property
    def state(self) -> JobState:
        """Told by the units."""
        if self.queued:
            return JobState.QUEUED if self.started_at is None else JobState.RUNNING
        return JobState.CANCELLED if self.cancelled else JobState.FINISHED


@dataclass(frozen=True, slots=True)
class JobBacklog:
    """What all jobs together still have to do.

    Attributes:
        queued: units.
        failed: units that were given up, of jobs that are still known.
        oldest_at: since when the unit that was queued first has waited; None where none waits.
    """

    queued: int
    failed: int
    oldest_at: datetime | None
