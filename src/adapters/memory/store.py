"""What is kept in memory, and how writers of it take turns.

Galleries are never changed in place: a write makes another one, so a reader has the committed one, or its own
uncommitted copy, and never waits.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Self
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from facepass.domain.api_key import ApiKey
from facepass.domain.audit import AuditRecord
from facepass.domain.embedding import Embedding, TemplateSpace
from facepass.domain.errors import DependencyUnavailable
from facepass.domain.gallery import GalleryState, ModelChange, Photo, PhotoId, SessionId, Template
from facepass.domain.identification import Probe
from facepass.domain.job import Job, JobId, PhotoToIndex, UnitRef, UnitState

WAIT_TIMEOUT_S = 5.0


@dataclass(frozen=True, eq=False)
class StoredPhoto:
    """A photo with its templates in half precision, in order of face number.

    Attributes:
        revision: the gallery's when the photo or its faces were last written.
        vectors: `(faces, dimension)` float16: what probes are compared with, as it was rounded. The templates of
            `photo` are the same, of norm 1 again.
    """

    photo: Photo
    revision: int
    vectors: npt.NDArray[np.float16]

    @classmethod
    def of(cls, photo: Photo, space: TemplateSpace, revision: int) -> Self:
        """Round a photo's templates, which are of this space."""
        templates = sorted(photo.templates, key=lambda template: template.face.face_no)
        vectors = np.array([template.embedding.vector for template in templates], dtype=np.float16)
        rounded = tuple(
            Template(template.face, Embedding.normalised(space.model, vector))
            for template, vector in zip(templates, vectors, strict=True)
        )
        return cls(replace(photo, templates=rounded), revision, vectors.reshape(-1, space.dimension))

    def keeping(self, kept: npt.NDArray[np.bool_], revision: int) -> Self:
        """Without the faces that are False in `kept`, `(faces,)`."""
        templates = tuple(t for t, stays in zip(self.photo.templates, kept.tolist(), strict=True) if stays)
        return type(self)(replace(self.photo, templates=templates), revision, self.vectors[kept])

    def scores(self, probe: Probe) -> npt.NDArray[np.float64]:
        """`(faces,)`, clamped to -1..1.

        Each row is summed by itself in one fixed order, unlike in a matrix product, so that a face's score does not
        depend on what stands beside it.
        """
        vectors = self.vectors.astype(np.float64)
        scores: npt.NDArray[np.float64] = np.einsum("ij,j->i", vectors, probe.vector.astype(np.float64))
        return scores.clip(-1.0, 1.0)


@dataclass(frozen=True, eq=False)
class Edition:
    """The photos of one gallery with their templates of one space."""

    space: TemplateSpace
    photos: Mapping[PhotoId, StoredPhoto] = field(default_factory=dict)

    @cached_property
    def face_count(self) -> int:
        """Templates."""
        return sum(len(stored.photo.templates) for stored in self.photos.values())

    def with_photos(self, photos: Mapping[PhotoId, StoredPhoto]) -> "Edition":
        """With these photos in place of whatever there was of them."""
        return replace(self, photos={**self.photos, **photos})

    def without_photo(self, photo_id: PhotoId) -> "Edition":
        """Without one photo, if it is there."""
        return replace(self, photos={name: stored for name, stored in self.photos.items() if name != photo_id})


@dataclass(frozen=True, slots=True)
class Tombstone:
    """When a photo was erased."""

    revision: int
    at: datetime


@dataclass(frozen=True, eq=False)
class Gallery:
    """One gallery at one moment; one without `served` holds nothing, and is known for having been erased.

    Attributes:
        erased_revision: at which it was last erased; 0 for never.
        erased_at: since when it has held nothing; None while it holds something.
        tombstones: of photos erased by name since it was last erased as a whole.
    """

    revision: int = 0
    served: Edition | None = None
    other: Edition | None = None
    change: ModelChange | None = None
    last_indexed: datetime | None = None
    erased_revision: int = 0
    erased_at: datetime | None = None
    tombstones: Mapping[PhotoId, Tombstone] = field(default_factory=dict)

    @property
    def editions(self) -> tuple[Edition, ...]:
        """The served one first."""
        return tuple(edition for edition in (self.served, self.other) if edition is not None)

    @property
    def state(self) -> GalleryState:
        """What others may know of it."""
        return GalleryState(
            revision=self.revision,
            space=None if self.served is None else self.served.space,
            other=None if self.other is None else self.other.space,
            change=self.change,
            face_count=0 if self.served is None else self.served.face_count,
        )

    def each(self, change: Callable[[Edition], Edition]) -> "Gallery":
        """The same change in both editions."""
        served, other = (None if edition is None else change(edition) for edition in (self.served, self.other))
        return replace(self, served=served, other=other)


@dataclass(frozen=True, slots=True)
class TokenUse:
    """How often a token was used, and until when that matters."""

    used: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Credentials:
    """API keys by prefix, and uses of tokens by id. Never changed in place, as galleries."""

    keys: Mapping[str, ApiKey] = field(default_factory=dict)
    token_uses: Mapping[str, TokenUse] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredUnit:
    """One photo of a job, as it stands."""

    photo: PhotoToIndex
    state: UnitState = UnitState.QUEUED
    attempts: int = 0
    faces_detected: int = 0
    faces_indexed: int = 0
    code: str = ""
    detail: str = ""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job with its units, in order.

    Attributes:
        queued_at: since when its units wait that were queued again; None: since it was asked for.
    """

    job: Job
    units: tuple[StoredUnit, ...]
    started_at: datetime | None = None
    queued_at: datetime | None = None


CREDENTIALS = SessionId("")
"""Under which credentials are locked: no session has this id."""
JOBS = SessionId("\x00")
"""Under which jobs are locked: no session has this id either."""


class InMemoryStore:
    """What is committed. Share one among the units of work that should see each other's photos."""

    def __init__(self, *, wait_timeout_s: float = WAIT_TIMEOUT_S) -> None:
        self.galleries: dict[SessionId, Gallery] = {}
        self.audit: list[AuditRecord] = []
        self.credentials = Credentials()
        self.jobs: Mapping[JobId, StoredJob] = {}
        self.queued_units: deque[UnitRef] = deque()
        self.unit_queued = asyncio.Event()
        self._wait_timeout_s = wait_timeout_s
        self._locks: WeakValueDictionary[SessionId, asyncio.Lock] = WeakValueDictionary()

    async def lock(self, session_id: SessionId) -> asyncio.Lock:
        """Wait for the turn to write one gallery; the lock is held on return, and lives as long as somebody uses it.

        Raises:
            DependencyUnavailable: others kept it for longer than the time limit.
        """
        lock = self._locks.get(session_id)
        if lock is None:
            lock = self._locks[session_id] = asyncio.Lock()
        try:
            async with asyncio.timeout(self._wait_timeout_s):
                await lock.acquire()
        except TimeoutError as error:
            raise DependencyUnavailable(
                "database", f"another writer held the session for {self._wait_timeout_s:g} s"
            ) from error
        return lock
