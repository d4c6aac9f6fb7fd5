"""The unit of work in memory."""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from facepass.adapters.memory.audit_log import InMemoryAuditLog
from facepass.adapters.memory.catalogue import InMemoryCatalogue
from facepass.adapters.memory.changes import InMemoryModelChanges
from facepass.adapters.memory.credentials import InMemoryKeyStore, InMemoryTokenUses
from facepass.adapters.memory.galleries import InMemoryRepository
from facepass.adapters.memory.jobs import InMemoryJobStore
from facepass.adapters.memory.store import InMemoryStore
from facepass.adapters.memory.transaction import InMemoryTransaction
from facepass.application.ports import T, UnitOfWork, UnitOfWorkFactory


class InMemoryUnitOfWork(UnitOfWork):
    """One transaction over a store."""

    def __init__(self, store: InMemoryStore) -> None:
        self._transaction = InMemoryTransaction(store)
        self.galleries = InMemoryRepository(self._transaction)
        self.changes = InMemoryModelChanges(self._transaction)
        self.catalogue = InMemoryCatalogue(self._transaction)
        self.audit = InMemoryAuditLog(self._transaction)
        self.keys = InMemoryKeyStore(self._transaction)
        self.token_uses = InMemoryTokenUses(self._transaction)
        self.jobs = InMemoryJobStore(self._transaction)

    async def __aenter__(self) -> Self:
        """See `UnitOfWork.__aenter__`."""
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """See `UnitOfWork.__aexit__`."""
        self._transaction.end()

    async def commit(self) -> None:
        """See `UnitOfWork.commit`."""
        self._transaction.commit()


class InMemoryUnitOfWorkFactory(UnitOfWorkFactory):
    """Makes units of work over one store."""

    def __init__(self, store: InMemoryStore) -> None:
        self._store = store

    def __call__(self) -> InMemoryUnitOfWork:
        """See `UnitOfWorkFactory.__call__`."""
        return InMemoryUnitOfWork(self._store)

    async def run(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """See `UnitOfWorkFactory.run`. Memory settles everything at the first attempt."""
        async with self() as unit:
            result = await work(unit)
            await unit.commit()
        return result
