"""Retention: erase the sessions that have not been indexed for long, and forget what was erased long ago."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from facepass.application.erasing import erase
from facepass.application.ports import Clock, UnitOfWork, UnitOfWorkFactory
from facepass.domain.audit import AuditEvent
from facepass.domain.gallery import Erasure, SessionId

BATCH: Final = 100
"""Sessions asked for at once; each is erased in a transaction of its own."""
MAX_SESSIONS: Final = 10_000
"""Most sessions one run erases; the next run goes on."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """What a run of retention did.

    Attributes:
        sessions: how many were erased.
        photos_removed: theirs.
        embeddings_removed: theirs.
        purged: galleries and photos erased before, of which not even that is remembered any more.
    """

    sessions: int
    photos_removed: int
    embeddings_removed: int
    purged: int


class ExpireGalleries:
    """Run now and then; several at once do each other's work, never more."""

    def __init__(
        self, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ttl_days: int | None, erased_kept_days: int
    ) -> None:
        """For one period.

        Args:
            unit_of_work: of the store.
            clock: says what is long ago.
            ttl_days: since a session was last indexed; None to keep sessions until they are deleted.
            erased_kept_days: how long the bare fact of an erasure is remembered, by the id of what was erased: for as
                long as there are backups from before it, so that restoring one can erase it again.
        """
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._erased_kept = timedelta(days=erased_kept_days)
        self._ttl = None if ttl_days is None else timedelta(days=ttl_days)

    async def __call__(self) -> Expiry:
        """Erase what has expired, `MAX_SESSIONS` at most, and purge.

        Raises:
            DependencyUnavailable: the database; what was erased until then stays erased.
        """
        erasures = [] if self._ttl is None else await self._expire(self._clock.now() - self._ttl)
        purged = await self._unit_of_work.run(self._purge)
        return Expiry(
            sessions=len(erasures),
            photos_removed=sum(erasure.photos_removed for erasure in erasures),
            embeddings_removed=sum(erasure.embeddings_removed for erasure in erasures),
            purged=purged,
        )

    async def _expire(self, moment: datetime) -> list[Erasure]:
        erasures: list[Erasure] = []
        for _ in range(MAX_SESSIONS // BATCH):
            async with self._unit_of_work() as transaction:
                names = await transaction.catalogue.last_indexed_before(moment, limit=BATCH)
            erased = [erasure for name in names if (erasure := await self._erase(name, moment)) is not None]
            erasures += erased
            if len(names) < BATCH or not erased:
                break
        return erasures

    async def _erase(self, session_id: SessionId, moment: datetime) -> Erasure | None:
        """Erase a session that was listed; None where it has been indexed or erased since."""

        async def work(transaction: UnitOfWork) -> Erasure:
            before = await transaction.galleries.state(session_id)
            status = await transaction.galleries.gallery(session_id)
            if status is None or (status.last_indexed is not None and status.last_indexed >= moment):
                raise _InUseError
            now = self._clock.now()
            erasure = await transaction.galleries.delete_gallery(session_id, at=now)
            await transaction.jobs.cancel_photos(session_id, None, at=now)
            after = await transaction.galleries.state(session_id)
            if after.revision != before.revision + 1:  # somebody wrote between the look and the lock
                raise _InUseError
            return erasure

        try:
            return await erase(self._unit_of_work, AuditEvent.SESSION_EXPIRED, work)
        except _InUseError:
            return None

    async def _purge(self, transaction: UnitOfWork) -> int:
        return await transaction.catalogue.purge_erased(self._clock.now() - self._erased_kept)


class _InUseError(Exception):
    """Rolls the erasure of a session back."""
