"""All galleries together, in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from facepass.adapters.memory.store import Edition, Gallery
from facepass.adapters.memory.transaction import InMemoryTransaction
from facepass.application.ports import GalleryCatalogue, StoreTotals
from facepass.domain.gallery import SessionId


class InMemoryCatalogue(GalleryCatalogue):
    """Lives inside one transaction."""

    def __init__(self, transaction: InMemoryTransaction) -> None:
        self._transaction = transaction

    async def sessions(self, *, after: SessionId | None, limit: int) -> Sequence[SessionId]:
        """See `GalleryCatalogue.sessions`."""
        return sorted(name for name in self._held() if after is None or name > after)[:limit]

    async def last_indexed_before(self, moment: datetime, *, limit: int) -> Sequence[SessionId]:
        """See `GalleryCatalogue.last_indexed_before`."""
        galleries = self._transaction.read_all().items()
        found = [(gallery.last_indexed, name) for name, gallery in galleries if gallery.last_indexed is not None]
        return [name for last_indexed, name in sorted(found) if last_indexed < moment][:limit]

    async def purge_erased(self, before: datetime) -> int:
        """See `GalleryCatalogue.purge_erased`."""
        purged = 0
        for session_id, seen in self._transaction.read_all().items():
            if not _forgettable(seen, before):
                continue
            gallery = await self._transaction.lock(session_id)
            count = _forgettable(gallery, before)
            if count and _is_long_erased(gallery, before):
                self._transaction.write(session_id, None)
            elif count:
                self._transaction.write(session_id, replace(gallery, tombstones={}))
            purged += count
        return purged

    async def totals(self) -> StoreTotals:
        """See `GalleryCatalogue.totals`."""
        held = self._held().values()
        photos = sum(len(served.photos) for served in held)
        return StoreTotals(len(held), photos, sum(served.face_count for served in held), size_bytes=None)

    async def last_backup_at(self) -> datetime | None:
        """See `GalleryCatalogue.last_backup_at`. Nobody backs memory up."""
        return None

    def _held(self) -> dict[SessionId, Edition]:
        galleries = self._transaction.read_all().items()
        return {name: gallery.served for name, gallery in galleries if gallery.served is not None}


def _is_long_erased(gallery: Gallery, before: datetime) -> bool:
    return gallery.erased_at is not None and gallery.erased_at < before


def _forgettable(gallery: Gallery, before: datetime) -> int:
    """How many erasures of and in a gallery need no longer be known: of its photos, all at once or none."""
    tombstones = gallery.tombstones.values()
    over = all(tombstone.at < before for tombstone in tombstones)
    return len(tombstones) * over + _is_long_erased(gallery, before)
