"""Uncommitted changes of a store, and whose turn it is to write a gallery."""

import asyncio
from collections.abc import Mapping, Sequence

from facepass.adapters.memory.store import CREDENTIALS, JOBS, Credentials, Gallery, InMemoryStore, StoredJob
from facepass.domain.audit import GENESIS, AuditEntry, AuditRecord, link
from facepass.domain.gallery import SessionId
from facepass.domain.job import JobId, UnitRef


class InMemoryTransaction:
    """One transaction. What it has changed is seen inside only, until it commits."""

    def __init__(self, store: InMemoryStore) -> None:
        self._store = store
        self._changed: dict[SessionId, Gallery | None] = {}
        self._appended: list[AuditEntry] = []
        self._credentials: Credentials | None = None
        self._jobs: Mapping[JobId, StoredJob] | None = None
        self._queued: list[UnitRef] = []
        self._held: dict[SessionId, asyncio.Lock] = {}

    def read(self, session_id: SessionId) -> Gallery:
        """A gallery as seen inside; an empty one for one never seen."""
        return self.read_all().get(session_id) or Gallery()

    def read_all(self) -> dict[SessionId, Gallery]:
        """All galleries that are known, also the erased ones."""
        galleries = {**self._store.galleries, **self._changed}
        return {session_id: gallery for session_id, gallery in galleries.items() if gallery is not None}

    async def lock(self, session_id: SessionId) -> Gallery:
        """The gallery as it will be until somebody writes it inside this transaction: others wait for its end.

        Raises:
            DependencyUnavailable: it took too long.
        """
        if session_id not in self._held:
            self._held[session_id] = await self._store.lock(session_id)
        return self.read(session_id)

    def write(self, session_id: SessionId, gallery: Gallery | None) -> None:
        """Put another gallery in the place of a locked one; None: as if it had never been seen."""
        self._changed[session_id] = gallery

    def credentials(self) -> Credentials:
        """Keys and uses of tokens as seen inside."""
        return self._credentials or self._store.credentials

    async def lock_credentials(self) -> Credentials:
        """The same, as it will be until they are written inside this transaction.

        Raises:
            DependencyUnavailable: it took too long.
        """
        await self.lock(CREDENTIALS)
        return self.credentials()

    def write_credentials(self, credentials: Credentials) -> None:
        """Put others in the place of the locked ones."""
        self._credentials = credentials

    def jobs(self) -> Mapping[JobId, StoredJob]:
        """Jobs as seen inside."""
        return self._store.jobs if self._jobs is None else self._jobs

    async def lock_jobs(self) -> Mapping[JobId, StoredJob]:
        """The same, as they will be until they are written inside this transaction.

        Raises:
            DependencyUnavailable: it took too long.
        """
        await self.lock(JOBS)
        return self.jobs()

    def write_jobs(self, jobs: Mapping[JobId, StoredJob]) -> None:
        """Put others in the place of the locked ones."""
        self._jobs = jobs

    def queued_units(self) -> Sequence[UnitRef]:
        """What waits in the queue, as seen inside."""
        return (*self._store.queued_units, *self._queued)

    def queue(self, units: Sequence[UnitRef]) -> None:
        """Put units at the end of the queue."""
        self._queued.extend(units)

    def append(self, entry: AuditEntry) -> None:
        """Put an entry at the end of the audit trail."""
        self._appended.append(entry)

    def audit(self) -> list[AuditRecord]:
        """The trail as it would be if this transaction were committed now."""
        records = list(self._store.audit)
        for entry in self._appended:
            text = entry.text()
            before = records[-1].hash if records else GENESIS
            records.append(AuditRecord(len(records) + 1, text, link(before, text)))
        return records

    def commit(self) -> None:
        """Publish the changes, all at one moment, and let other writers in."""
        for session_id, gallery in self._changed.items():
            if gallery is None:
                self._store.galleries.pop(session_id, None)
            else:
                self._store.galleries[session_id] = gallery
        self._store.audit = self.audit()
        self._store.credentials = self.credentials()
        self._store.jobs = self.jobs()
        if self._queued:
            self._store.queued_units.extend(self._queued)
            self._store.unit_queued.set()
        self.end()

    def end(self) -> None:
        """Forget uncommitted changes and let other writers in."""
        self._changed.clear()
        self._appended.clear()
        self._credentials = None
        self._jobs = None
        self._queued = []
        for lock in self._held.values():
            lock.release()
        self._held.clear()
