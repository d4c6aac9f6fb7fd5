"""Whether the database answers, for the readiness probe."""

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from facepass.adapters.pgvector.engine import distrust_idle
from facepass.adapters.pgvector.errors import vendor_errors
from facepass.adapters.pgvector.tables import sessions
from facepass.adapters.pgvector.transaction import reading
from facepass.application.ports import Readiness


class DatabaseReadiness(Readiness):
    """Asks for a table of ours, so that a database without migrations is not ready.

    Args:
        engine: whose pool is asked: a probe also finds out that no connection comes free.
        timeout_s: for the whole check.
    """

    def __init__(self, engine: AsyncEngine, *, timeout_s: float) -> None:
        self._engine = engine
        self._timeout_s = timeout_s

    async def check(self) -> None:
        """See `Readiness.check`."""
        with vendor_errors():
            try:
                async with asyncio.timeout(self._timeout_s), reading(self._engine) as transaction:
                    await transaction.read(text(f"SELECT FROM {sessions.name} LIMIT 0"), {})  # a table of ours  # nosec
            except (TimeoutError, asyncio.CancelledError):  # whoever asks may have less patience than we
                distrust_idle(self._engine)
                raise
