"""Transactions over everything stored, and what the use cases need of them beyond the galleries."""

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self, TypeVar

from facepass.application.ports.access import KeyStore, TokenUses
from facepass.application.ports.jobs import JobStore
from facepass.domain.audit import AuditEntry, AuditRecord
from facepass.domain.embedding import TemplateSpace
from facepass.domain.gallery import Photo, PhotoId, SessionId
from facepass.domain.ports import VectorRepository

T = TypeVar("T")


class AuditLog(Protocol):
    """The audit trail. What a unit of work appends holds when its writes do."""

    @abstractmethod
    async def append(self, entry: AuditEntry) -> None:
        """Put an entry at the end of the chain. The last thing before the commit: others wait for their turn."""

    @abstractmethod
    async def records(self, *, after: int, limit: int) -> Sequence[AuditRecord]:
        """The entries that follow number `after`, in order, at most `limit`."""

    @abstractmethod
    async def head(self) -> tuple[int, bytes]:
        """Number and hash of the last entry; 0 and `GENESIS` for an empty trail."""


@dataclass(frozen=True, slots=True)
class PendingPhoto:
    """A photo that lacks templates of the model its gallery changes to.

    Attributes:
        source_key: under which it was read when it was indexed; None for an upload.
        revision: of the photo; whoever indexes it again in between makes another.
    """

    photo_id: PhotoId
    source_key: str | None
    revision: int


class ModelChanges(Protocol):
    """Galleries on their way to another model, each step by step: begin, store what is pending, switch, finish."""

    @abstractmethod
    async def begin(self, session_id: SessionId, space: TemplateSpace) -> None:
        """From now on the gallery needs templates of `space`, too. To begin what has begun is no error.

        Raises:
            NotFound: the gallery holds nothing.
            Conflict: it has this space already, or is changing to another.
        """

    @abstractmethod
    async def pending(self, session_id: SessionId, *, after: PhotoId | None, limit: int) -> Sequence[PendingPhoto]:
        """Photos without up-to-date templates of the new space, by photo id from after `after`, at most `limit`."""

    @abstractmethod
    async def store(self, photo: Photo, space: TemplateSpace, *, revision: int) -> bool:
        """Store a pending photo's templates of the new space.

        False: the photo was erased, or indexed again since `pending` said `revision`; nothing was stored.

        Raises:
            GalleryChanged: the gallery does not change to this space (any more).
        """

    @abstractmethod
    async def switch(self, session_id: SessionId) -> None:
        """Serve the new space's templates from the commit on; the former one's are kept, and kept up to date.

        Raises:
            Conflict: photos are pending, or nothing is being built.
        """

    @abstractmethod
    async def roll_back(self, session_id: SessionId) -> None:
        """Serve the former space's templates again, and drop the new one's.

        Raises:
            Conflict: no change is under way.
        """

    @abstractmethod
    async def finish(self, session_id: SessionId) -> None:
        """Drop the former space's templates: no way back.

        Raises:
            Conflict: the gallery has not switched.
        """


@dataclass(frozen=True, slots=True)
class StoreTotals:
    """Everything stored, in numbers.

    Attributes:
        embeddings: templates that are served.
        size_bytes: of tables and indexes on disk; None where there is no disk.
    """

    sessions: int
    photos: int
    embeddings: int
    size_bytes: int | None


class GalleryCatalogue(Protocol):
    """All galleries together, for whoever looks after them."""

    @abstractmethod
    async def sessions(self, *, after: SessionId | None, limit: int) -> Sequence[SessionId]:
        """Galleries that hold something, in code-point order from after `after`, at most `limit`."""

    @abstractmethod
    async def last_indexed_before(self, moment: datetime, *, limit: int) -> Sequence[SessionId]:
        """Galleries that hold something and were last written to before `moment`, longest ago first."""

    @abstractmethod
    async def purge_erased(self, before: datetime) -> int:
        """Forget that galleries and photos erased before `before` ever were; how many. The audit trail stays.

        Whatever was under way when they were erased must be over, and no backup from before be of use.
        """

    @abstractmethod
    async def totals(self) -> StoreTotals:
        """What there is."""

    @abstractmethod
    async def last_backup_at(self) -> datetime | None:
        """The moment that the newest complete backup shows; None where none is known of."""


@dataclass(frozen=True, slots=True)
class IndexHealth:
    """The approximate index, which only very large galleries need.

    Attributes:
        kind: such as `hnsw`.
        parameters: that it is built and searched with.
        galleries: that are searched by it.
        missing: galleries that are large enough for it and have none yet, or none that is whole.
        size_bytes: on disk.
        recall: share of what an exact search finds, when that was measured last; None where it never was.
    """

    kind: str
    parameters: Mapping[str, int]
    galleries: int
    missing: int
    size_bytes: int
    recall: float | None

    @property
    def valid(self) -> bool:
        """Whether every gallery that needs the index has it."""
        return self.missing == 0


class VectorIndex(Protocol):
    """Looks after the approximate index. Lives outside units of work: building takes minutes."""

    @abstractmethod
    async def inspect(self) -> IndexHealth:
        """How it stands."""

    @abstractmethod
    async def mend(self) -> int:
        """Build what is missing, build again what is broken, drop what is no longer needed; how many of these."""

    @abstractmethod
    async def measure_recall(self, *, probes: int) -> float | None:
        """Compare with exact search for so many stored faces; None where no gallery is searched by the index."""


class UnitOfWork(Protocol):
    """One transaction. Leaving it without `commit` rolls back."""

    galleries: VectorRepository
    changes: ModelChanges
    catalogue: GalleryCatalogue
    audit: AuditLog
    keys: KeyStore
    token_uses: TokenUses
    jobs: JobStore

    @abstractmethod
    async def __aenter__(self) -> Self:
        """Begin.

        Raises:
            DependencyUnavailable: the database is out of reach.
        """

    @abstractmethod
    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Roll back what was not committed."""

    @abstractmethod
    async def commit(self) -> None:
        """Make it hold, all of it."""


class UnitOfWorkFactory(Protocol):
    """Makes a fresh unit of work for each use case."""

    @abstractmethod
    def __call__(self) -> UnitOfWork:
        """A unit of work that has not begun."""

    @abstractmethod
    async def run(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """Do `work` in a unit of work and commit; again, in a fresh one, where the store could not settle it.

        Args:
            work: must bear being done twice: it may have held although the answer was lost.

        Raises:
            DependencyUnavailable: also where doing it again did not help, or too much is being done again already.
        """
