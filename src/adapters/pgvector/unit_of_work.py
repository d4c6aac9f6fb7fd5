"""The unit of work over PostgreSQL."""

from types import TracebackType
from typing import Self

from sqlalchemy.ext.asyncio import AsyncEngine

from facepass.adapters.pgvector.repository import PgvectorRepository
from facepass.adapters.pgvector.transaction import Transaction
from facepass.application.ports import UnitOfWork, UnitOfWorkFactory


class PostgresUnitOfWork(UnitOfWork):
    """One transaction on one pooled connection."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._transaction = Transaction(engine)
        self.galleries = PgvectorRepository(self._transaction)

    async def __aenter__(self) -> Self:
        """See `UnitOfWork.__aenter__`."""
        await self._transaction.open()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """See `UnitOfWork.__aexit__`."""
        await self._transaction.close()

    async def commit(self) -> None:
        """See `UnitOfWork.commit`."""
        await self._transaction.commit()


class PostgresUnitOfWorkFactory(UnitOfWorkFactory):
    """Makes units of work over one engine."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    def __call__(self) -> PostgresUnitOfWork:
        """See `UnitOfWorkFactory.__call__`."""
        return PostgresUnitOfWork(self._engine)
