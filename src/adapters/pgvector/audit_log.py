"""The audit trail in PostgreSQL."""

from collections.abc import Sequence

from facepass.adapters.pgvector.statements import auditing as statements
from facepass.adapters.pgvector.transaction import Transaction
from facepass.application.ports import AuditLog
from facepass.domain.audit import AuditEntry, AuditRecord


class PgvectorAuditLog(AuditLog):
    """Works inside one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def append(self, entry: AuditEntry) -> None:
        """See `AuditLog.append`."""
        await self._transaction.write(statements.APPEND, {"entry": entry.text()})

    async def records(self, *, after: int, limit: int) -> Sequence[AuditRecord]:
        """See `AuditLog.records`."""
        rows = (await self._transaction.read(statements.RECORDS, {"after_no": after, "limit": limit})).all()
        return [AuditRecord(row.no, row.entry, bytes(row.hash)) for row in rows]

    async def head(self) -> tuple[int, bytes]:
        """See `AuditLog.head`."""
        row = (await self._transaction.read(statements.HEAD, {})).one()
        return row.no, bytes(row.hash)
