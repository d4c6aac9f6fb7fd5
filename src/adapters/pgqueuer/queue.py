"""Hands units out of PostgreSQL to this process, as long as it lives, whatever happens to the database meanwhile.

PgQueuer does the work: it takes units off the queue (SKIP LOCKED), wakes on NOTIFY, keeps a heartbeat, and hands out
again what a killed worker had in hand. Around it: reconnecting, an end within a bound, and a sweep for units that the
queue has lost; the units' own state in the database is what counts, and a unit that comes twice is known by it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Final

import structlog
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.domain.models import Job as Entry
from pgqueuer.domain.types import Channel

from facepass.adapters.pgqueuer.entries import Connection, queries_over, unit_of
from facepass.adapters.pgqueuer.names import ENTRYPOINT, SETTINGS
from facepass.application.ports import JobQueue
from facepass.domain.job import UnitRef

HEARTBEAT_TIMEOUT_S: Final = 15.0
"""After which a worker that says nothing is taken for dead, and its units are handed out again."""
POLL_S: Final = 5.0
"""Longest time without a look into the queue: a notification may be lost."""
BUSY_POLL_S: Final = 0.5
"""Between two looks while more waits than is taken: the end of a unit is told by a notification anyway."""
PAUSE_S: Final = 1.0
"""After the connection was lost, before the next is tried."""
SWEEP_EVERY_S: Final = 15.0
AGAIN_AFTER_S: Final = 10.0
"""Until a unit is handed out again whose handling has failed."""
CLOSE_TIMEOUT_S: Final = 2.0

Handle = Callable[[UnitRef], Awaitable[None]]

_log = structlog.stdlib.get_logger("facepass.jobs")


class PgQueuerQueue(JobQueue):
    """Over connections of its own: a listener keeps its connection, so it cannot be one of the pool's."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        *,
        sweep: Callable[[], Awaitable[int]],
        grace_s: float,
    ) -> None:
        """Over one database.

        Args:
            connect: makes a connection.
            sweep: queues units again that the queue has lost.
            grace_s: how long units in hand may take when it is to end.
        """
        self._connect = connect
        self._sweep = sweep
        self.grace_s = grace_s

    def open(self, handle: Handle, *, concurrency: int) -> AbstractAsyncContextManager[None]:
        """See `JobQueue.open`."""
        return self._open(handle, concurrency)

    @asynccontextmanager
    async def _open(self, handle: Handle, concurrency: int) -> AsyncIterator[None]:
        hands = _Hands(handle, concurrency)
        working = asyncio.create_task(self._work(hands, concurrency))
        sweeping = asyncio.create_task(self._keep_sweeping())
        try:
            yield
        finally:
            sweeping.cancel()
            hands.stopping.set()
            await asyncio.wait([working], timeout=self.grace_s)
            hands.give_up.set()
            await asyncio.wait([working], timeout=CLOSE_TIMEOUT_S)
            working.cancel()
            await asyncio.wait([working, sweeping])

    async def _work(self, hands: "_Hands", concurrency: int) -> None:
        while not hands.stopping.is_set():
            try:
                await self._work_connected(hands, concurrency)
            except Exception as error:  # noqa: BLE001 - PgQueuer passes on whatever the driver raises
                _log.warning("job_queue_interrupted", error=type(error).__name__)
                await _until(hands.stopping, PAUSE_S)

    async def _work_connected(self, hands: "_Hands", concurrency: int) -> None:
        connection = await self._connect()
        try:
            manager = QueueManager(queries_over(connection), channel=Channel(SETTINGS.channel))
            manager.min_dequeue_poll_interval = timedelta(seconds=BUSY_POLL_S)
            manager.entrypoint(ENTRYPOINT, accepts_context=False)(hands.take)
            stopper = asyncio.create_task(_pass_on(hands.stopping, manager.shutdown))
            try:
                await manager.run(
                    dequeue_timeout=timedelta(seconds=POLL_S),
                    batch_size=concurrency,
                    # as many in hand, and as many more at hand: none waits for the database between two units
                    max_concurrent_tasks=2 * concurrency,
                    heartbeat_timeout=timedelta(seconds=HEARTBEAT_TIMEOUT_S),
                    log_aggregation_interval=timedelta(0),
                )
            finally:
                stopper.cancel()
        finally:
            await _close(connection)

    async def _keep_sweeping(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            try:
                if found := await self._sweep():
                    _log.info("job_units_queued_again", units=found)
            except Exception as error:  # noqa: BLE001 - the next sweep tries again
                _log.warning("job_sweep_failed", error=type(error).__name__)


class _Hands:
    """What this process has in hand."""

    def __init__(self, handle: Handle, concurrency: int) -> None:
        self.stopping = asyncio.Event()
        self.give_up = asyncio.Event()
        self._handle = handle
        self._places = asyncio.Semaphore(concurrency)

    async def take(self, entry: Entry) -> None:
        """Handle one unit, or hand it back.

        Raises:
            RetryRequested: it goes back into the queue.
        """
        async with self._places:
            if self.stopping.is_set():
                raise RetryRequested
            work = asyncio.ensure_future(self._handle(unit_of(entry.payload)))
            given_up = asyncio.create_task(self.give_up.wait())
            try:
                await asyncio.wait([work, given_up], return_when=asyncio.FIRST_COMPLETED)
            finally:
                given_up.cancel()
                work.cancel()  # nothing happens to one that has ended
                await asyncio.wait([work])
        if work.cancelled():
            raise RetryRequested
        if (error := work.exception()) is not None:
            _log.warning("job_unit_failed", unit=(entry.payload or b"").decode(), exc_info=error)
            raise RetryRequested(timedelta(seconds=AGAIN_AFTER_S))


async def _pass_on(event: asyncio.Event, to: asyncio.Event) -> None:
    await event.wait()
    to.set()


async def _until(event: asyncio.Event, timeout_s: float) -> None:
    """Wait for the event, no longer than that."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return


async def _close(connection: Connection) -> None:
    try:
        await connection.close(timeout=CLOSE_TIMEOUT_S)
    except Exception:  # noqa: BLE001 - it is gone either way
        connection.terminate()
