"""A transaction that begins with its first write.

Under READ COMMITTED each statement has a snapshot of its own, so reads before the first write see the same with or
without a transaction around them; without one a search is a single round trip instead of three.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import CursorResult, Executable
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from facepass.adapters.pgvector.engine import distrust_idle, take
from facepass.adapters.pgvector.errors import DEPENDENCY, is_lost_connection, vendor_errors
from facepass.domain.errors import DependencyUnavailable

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Transaction:
    """One connection, in autocommit until something is written."""

    def __init__(self, engine: AsyncEngine, *, snapshot: bool = False) -> None:
        """Over a connection of an engine's pool.

        Args:
            engine: whose pool.
            snapshot: read only, and all of it as at one moment.
        """
        self._engine = engine
        self._reading = "REPEATABLE READ" if snapshot else "AUTOCOMMIT"
        self._snapshot = snapshot
        self._looked = False
        self._open = False
        self._connection: AsyncConnection | None = None
        self._writing = False
        self._wrote = False
        self._broken = False

    async def open(self) -> None:
        """Take a connection from the pool.

        Raises:
            DependencyUnavailable: none can be had.
        """
        with vendor_errors():
            self._connection = await self._connect(writing=False)
        self._open = True

    @property
    def is_writing(self) -> bool:
        """Whether it may have changes that nobody else sees yet."""
        return self._writing

    async def release(self) -> None:
        """Give the connection back while waiting for something else; the next statement takes one again.

        Only before anything is written: who waits for a connection while holding one may wait for ever.
        """
        if self._writing:
            raise RuntimeError("a transaction that writes keeps its connection")
        await self._give_back()

    async def read(self, statement: Executable, parameters: Parameters) -> CursorResult[Any]:
        """Run one statement that changes and locks nothing."""
        # PostgreSQL takes nothing more of a transaction after an error, be it of a mere question
        self._broken = self._broken or self._writing
        result = await self._execute(statement, parameters)
        self._broken = False
        self._looked = True
        return result

    async def write(self, statement: Executable, parameters: Parameters) -> CursorResult[Any]:
        """Run one statement inside the transaction, beginning it where needed."""
        if not self._writing:
            with vendor_errors():
                connection = await self._current()
                await connection.rollback()  # leaves autocommit's bookkeeping; nothing is sent
                await connection.execution_options(isolation_level="READ COMMITTED")
            self._writing = True
        self._broken = True  # until it succeeds
        result = await self._execute(statement, parameters)
        self._broken = False
        self._wrote = True
        return result

    async def driver(self) -> "asyncpg.Connection[asyncpg.Record]":
        """The driver's own connection, for a library's statements inside the transaction; something is written already.

        An error in there must not be caught: PostgreSQL takes nothing more of a transaction after one.
        """
        if not self._wrote:
            raise RuntimeError("the transaction has not begun")
        raw = await (await self._current()).get_raw_connection()
        connection = raw.driver_connection
        if not isinstance(connection, asyncpg.Connection):
            raise TypeError("not asyncpg's connection")
        return connection

    async def commit(self) -> None:
        """Make the writes hold.

        Raises:
            DependencyUnavailable: a write had failed, so that nothing holds; or the connection broke just now: whether
                anything holds is then unknown, and repeating it is safe.
        """
        if self._broken:
            # PostgreSQL would answer COMMIT with a silent rollback
            raise DependencyUnavailable(DEPENDENCY, "the transaction was broken off")
        if self._wrote:
            with vendor_errors():
                await (await self._current()).commit()
            self._wrote = False

    async def close(self) -> None:
        """Roll back what was not committed and give the connection back. Never raises for a broken connection."""
        self._open = False
        await self._give_back()

    async def _give_back(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # the pool rolls back, and throws a connection away that does not even manage that
            await asyncio.shield(connection.close())

    async def _execute(self, statement: Executable, parameters: Parameters) -> CursorResult[Any]:
        with vendor_errors():
            try:
                return await (await self._current()).execute(statement, parameters)
            except TimeoutError:
                # the client gave up, not the server: nobody knows what the connection is doing
                if self._connection is not None:
                    await self._connection.invalidate()
                distrust_idle(self._engine)
                raise
            except Exception as error:
                # The pool cannot notice a connection that died a moment ago. As long as this transaction has
                # written nothing, the statement may simply run again, once, on another connection; of a snapshot,
                # only the first one, for another connection sees another moment.
                if self._wrote or (self._snapshot and self._looked) or not is_lost_connection(error):
                    raise
                await self._give_back()
                self._connection = await self._connect(writing=self._writing)
                return await self._connection.execute(statement, parameters)

    async def _connect(self, *, writing: bool) -> AsyncConnection:
        connection = await take(self._engine)
        if not writing:
            await connection.execution_options(isolation_level=self._reading)
        return connection

    async def _current(self) -> AsyncConnection:
        if not self._open:
            raise RuntimeError("a unit of work is only usable inside its `async with`")
        if self._connection is None:
            self._connection = await self._connect(writing=False)
        return self._connection


@asynccontextmanager
async def reading(engine: AsyncEngine, *, snapshot: bool = False) -> AsyncIterator[Transaction]:
    """A transaction outside any unit of work, for looking only.

    Raises:
        DependencyUnavailable: no connection can be had.
    """
    transaction = Transaction(engine, snapshot=snapshot)
    await transaction.open()
    try:
        yield transaction
    finally:
        await transaction.close()
