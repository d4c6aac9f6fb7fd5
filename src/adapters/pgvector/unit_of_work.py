"""The unit of work over PostgreSQL."""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from sqlalchemy.ext.asyncio import AsyncEngine

from facepass.adapters.pgvector.audit_log import PgvectorAuditLog
from facepass.adapters.pgvector.catalogue import PgvectorCatalogue
from facepass.adapters.pgvector.credentials import PgvectorKeyStore, PgvectorTokenUses
from facepass.adapters.pgvector.in_memory.cache import SessionCache
from facepass.adapters.pgvector.jobs import Entries, PgvectorJobStore
from facepass.adapters.pgvector.model_changes import PgvectorModelChanges
from facepass.adapters.pgvector.repository import PgvectorRepository
from facepass.adapters.pgvector.retry import with_retries
from facepass.adapters.pgvector.search.approximate import ApproximateSearch, HnswParameters
from facepass.adapters.pgvector.search.planner import Planner, SearchLimits
from facepass.adapters.pgvector.search.snapshots import Snapshots
from facepass.adapters.pgvector.template_codec import TemplateCodec
from facepass.adapters.pgvector.transaction import Transaction
from facepass.application.ports import T, UnitOfWork, UnitOfWorkFactory
from facepass.application.retry_budget import RetryBudget

CACHE_BYTES = 512 * 1024 * 1024


class PostgresUnitOfWork(UnitOfWork):
    """One transaction on one pooled connection.

    Attributes:
        transaction: for what this adapter does beside the ports.
    """

    def __init__(self, engine: AsyncEngine, *, codec: TemplateCodec, planner: Planner, entries: Entries | None) -> None:
        self.transaction = Transaction(engine)
        self.galleries = PgvectorRepository(self.transaction, codec=codec, planner=planner)
        self.changes = PgvectorModelChanges(self.transaction, codec)
        self.catalogue = PgvectorCatalogue(self.transaction)
        self.audit = PgvectorAuditLog(self.transaction)
        self.keys = PgvectorKeyStore(self.transaction)
        self.token_uses = PgvectorTokenUses(self.transaction)
        self.jobs = PgvectorJobStore(self.transaction, entries)

    async def __aenter__(self) -> Self:
        """See `UnitOfWork.__aenter__`."""
        await self.transaction.open()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """See `UnitOfWork.__aexit__`."""
        await self.transaction.close()

    async def commit(self) -> None:
        """See `UnitOfWork.commit`."""
        await self.transaction.commit()


class PostgresUnitOfWorkFactory(UnitOfWorkFactory):
    """Makes units of work over one engine."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        entries: Entries | None = None,
        codec: TemplateCodec | None = None,
        limits: SearchLimits | None = None,
        cache: SessionCache | None = None,
        hnsw: HnswParameters | None = None,
    ) -> None:
        """Over the connections of an engine's pool.

        Args:
            engine: whose pool.
            entries: where the units of jobs wait; without, no job can be made.
            codec: None: templates are stored as they are.
            limits: which sessions are searched how; None for the defaults.
            hnsw: how very large sessions are searched; None for the defaults.
            cache: keeps large sessions in memory; None for one of `CACHE_BYTES`.
        """
        self._engine = engine
        self._entries = entries
        self._codec = codec or TemplateCodec()
        snapshots = Snapshots(engine, codec=self._codec, cache=cache or SessionCache(CACHE_BYTES))
        approximate = ApproximateSearch(engine, parameters=hnsw or HnswParameters())
        self._planner = Planner(limits=limits or SearchLimits(), snapshots=snapshots, approximate=approximate)
        self._budget = RetryBudget()

    def __call__(self) -> PostgresUnitOfWork:
        """See `UnitOfWorkFactory.__call__`."""
        return PostgresUnitOfWork(self._engine, codec=self._codec, planner=self._planner, entries=self._entries)

    async def run(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """See `UnitOfWorkFactory.run`."""

        async def attempt() -> T:
            async with self() as unit:
                result = await work(unit)
                await unit.commit()
            return result

        return await with_retries(attempt, self._budget)
