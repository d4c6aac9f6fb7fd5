"""The pool of an engine, in numbers, for whoever watches it."""

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from facepass.adapters.pgvector.engine import callers_waiting


class EnginePool:
    """Of an engine of `create_engine`; looks without waiting or asking."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @property
    def active(self) -> int:
        """Handed out, or being opened."""
        return self._pool().checkedout()

    @property
    def idle(self) -> int:
        """Open, and free."""
        return self._pool().checkedin()

    @property
    def most(self) -> int:
        """How many there may be."""
        return self._pool().size()

    @property
    def waiting(self) -> int:
        """Who waits for one to come free, or to be opened."""
        return callers_waiting(self._engine)

    def _pool(self) -> QueuePool:
        """The present one: an engine that is disposed of makes another."""
        pool = self._engine.pool
        if not isinstance(pool, QueuePool):
            raise TypeError("not an engine of `create_engine`")
        return pool
