"""What a caller can ask of FacePass, wherever it runs. Answers are those of the HTTP API."""

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from facepass.entrypoints.http import schemas


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How to search.

    Attributes:
        threshold: least similarity of a match, 0 to 1, inclusive; None for the one in the settings.
        limit: most matches, 1 to 1000.
        on_multiple: `largest` or `error`, for a selfie with several faces of similar size.
    """

    threshold: float | None = None
    limit: int = 100
    on_multiple: str = "largest"


class Needs(Enum):
    """What a caller will use: nothing else is started."""

    ALL = auto()
    STORAGE = auto()
    VISION = auto()


class Service(Protocol):
    """FacePass. Every call may be repeated without harm, and raises `FacePassError`."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Tells one store of galleries from another; holds no secret."""

    @abstractmethod
    async def index(self, session_id: str, photo_id: str, data: bytes) -> schemas.IndexedPhoto:
        """Store the faces of a photo in place of what was stored of it.

        Raises:
            NoFaceDetected: the photo is recorded all the same, without faces.
        """

    @abstractmethod
    async def has_photo(self, session_id: str, photo_id: str) -> bool:
        """Whether the photo is recorded in the session now."""

    @abstractmethod
    async def search(self, session_id: str, selfies: Sequence[bytes], options: SearchOptions) -> schemas.SearchResult:
        """The photos of the session that show the one person of the selfies: 1 to 5 of them."""

    @abstractmethod
    async def status(self, session_id: str) -> schemas.SessionStatus:
        """The session in numbers."""

    @abstractmethod
    async def delete(self, session_id: str) -> schemas.Erasure:
        """Erase the session."""

    @abstractmethod
    async def delete_photo(self, session_id: str, photo_id: str) -> schemas.Erasure:
        """Erase one photo of the session."""

    @abstractmethod
    async def forget(self, session_id: str, selfie: bytes, *, threshold: float | None) -> schemas.Forgotten:
        """Remove the faces of the session that match the selfie; the photos stay."""

    @abstractmethod
    async def detect(self, image: bytes) -> schemas.DetectedFaces:
        """The faces of a picture, storing nothing."""

    @abstractmethod
    async def compare(self, first: bytes, second: bytes, *, threshold: float | None) -> schemas.Comparison:
        """How alike the largest faces of two pictures are."""


class JobService(Protocol):
    """Indexing in the background. But for `submit`, every call may be repeated without harm."""

    @abstractmethod
    async def submit(self, session_id: str, photos: Sequence[tuple[str, str]]) -> schemas.AcceptedJob:
        """Have photos indexed in the background: id and key of each. A repeated call may make the job twice."""

    @abstractmethod
    async def jobs(self, session_id: str | None, cursor: str | None) -> schemas.Jobs:
        """Jobs of one session or all, newest first, from after `cursor`."""

    @abstractmethod
    async def job(self, job_id: str, *, errors_after: int | None = None) -> schemas.Job:
        """How far a job is, with the failures from after a number."""

    @abstractmethod
    async def cancel_job(self, job_id: str) -> schemas.JobProgress:
        """Stop a job."""

    @abstractmethod
    async def retry_job(self, job_id: str) -> schemas.JobProgress:
        """Try again what a job has given up."""

    @abstractmethod
    def working(self) -> AbstractAsyncContextManager[None]:
        """Somebody works on jobs while the block lasts: this process, where nobody else is known to."""


class WholeService(Service, JobService, Protocol):
    """All of it."""
