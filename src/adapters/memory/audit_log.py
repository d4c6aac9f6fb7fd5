"""The audit trail in memory."""

from collections.abc import Sequence

from facepass.adapters.memory.transaction import InMemoryTransaction
from facepass.application.ports import AuditLog
from facepass.domain.audit import GENESIS, AuditEntry, AuditRecord


class InMemoryAuditLog(AuditLog):
    """Lives inside one transaction, at whose commit its entries get their place in the chain."""

    def __init__(self, transaction: InMemoryTransaction) -> None:
        self._transaction = transaction

    async def append(self, entry: AuditEntry) -> None:
        """See `AuditLog.append`."""
        self._transaction.append(entry)

    async def records(self, *, after: int, limit: int) -> Sequence[AuditRecord]:
        """See `AuditLog.records`."""
        return self._transaction.audit()[after : after + limit]

    async def head(self) -> tuple[int, bytes]:
        """See `AuditLog.head`."""
        records = self._transaction.audit()
        return (records[-1].no, records[-1].hash) if records else (0, GENESIS)
