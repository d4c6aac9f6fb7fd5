"""All galleries together, over PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime

from facepass.adapters.pgvector.statements import catalogue as statements
from facepass.adapters.pgvector.transaction import Transaction
from facepass.application.ports import GalleryCatalogue, StoreTotals
from facepass.domain.gallery import SessionId


class PgvectorCatalogue(GalleryCatalogue):
    """Works inside one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def sessions(self, *, after: SessionId | None, limit: int) -> Sequence[SessionId]:
        """See `GalleryCatalogue.sessions`."""
        result = await self._transaction.read(statements.SESSIONS, {"after": after or "", "limit": limit})
        return [SessionId(name) for name in result.scalars()]

    async def last_indexed_before(self, moment: datetime, *, limit: int) -> Sequence[SessionId]:
        """See `GalleryCatalogue.last_indexed_before`."""
        result = await self._transaction.read(statements.LAST_INDEXED_BEFORE, {"before": moment, "limit": limit})
        return [SessionId(name) for name in result.scalars()]

    async def purge_erased(self, before: datetime) -> int:
        """See `GalleryCatalogue.purge_erased`."""
        values = {"before": before}
        tombstones = (await self._transaction.write(statements.PURGE_TOMBSTONES, values)).rowcount
        return tombstones + (await self._transaction.write(statements.PURGE_SESSIONS, values)).rowcount

    async def totals(self) -> StoreTotals:
        """See `GalleryCatalogue.totals`."""
        row = (await self._transaction.read(statements.TOTALS, {})).one()
        return StoreTotals(row.sessions, row.photos, row.embeddings, row.size_bytes)

    async def last_backup_at(self) -> datetime | None:
        """See `GalleryCatalogue.last_backup_at`."""
        taken_at: datetime | None = (await self._transaction.read(statements.LAST_BACKUP, {})).scalar_one_or_none()
        return taken_at
