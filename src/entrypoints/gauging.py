"""Reads numbers for the metrics from the database while the service runs: a scrape itself asks nobody anything."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import structlog

from facepass.application.ports import Clock
from facepass.domain.errors import FacePassError
from facepass.entrypoints.container import Container

INTERVAL_S: Final = 30.0
"""Between two readings: Prometheus scrapes every 15 to 60 s."""
MAX_INTERVAL_S: Final = 300.0
REST: Final = 50.0
"""A reading that takes long is made less often: each replica takes at most 2 % of one connection for it."""
TIMEOUT_S: Final = 15.0
"""For a reading; every wait and statement in it has a limit of its own."""

T = TypeVar("T")
Pause = Callable[[float], Awaitable[None]]

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def gauged(container: Container, *, pause: Pause = asyncio.sleep) -> AsyncIterator[None]:
    """The gauges of the store are kept up to date while the block lasts, and gone afterwards."""
    gauges, clock = container.store_gauges(), container.clock()
    async with (
        kept_up_to_date(container.check_upkeep(), gauges.show_upkeep, clock=clock, pause=pause),
        kept_up_to_date(container.count_store(), gauges.show_totals, clock=clock, pause=pause),
    ):
        yield


@asynccontextmanager
async def kept_up_to_date(
    read: Callable[[], Awaitable[T]], show: Callable[[T | None], None], *, clock: Clock, pause: Pause
) -> AsyncIterator[None]:
    """What `read` found last is shown while the block lasts; nothing is after a reading that failed.

    Args:
        read: asks the database.
        show: takes what was found, or None.
        clock: measures how long a reading takes.
        pause: waits so many seconds.
    """

    async def keep() -> None:
        fails = False
        while True:
            begun_s = clock.elapsed_s()
            fails = not await _one_reading(read, show, had_failed=fails)
            took_s = clock.elapsed_s() - begun_s
            await pause(min(MAX_INTERVAL_S, max(INTERVAL_S, REST * took_s)))

    task = asyncio.create_task(keep())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        show(None)


async def _one_reading(read: Callable[[], Awaitable[T]], show: Callable[[T | None], None], *, had_failed: bool) -> bool:
    """Whether it succeeded; the first failure in a row is logged."""
    found: T | None = None
    try:
        async with asyncio.timeout(TIMEOUT_S):
            found = await read()
    except (FacePassError, TimeoutError) as error:
        if not had_failed:
            reason = error.detail if isinstance(error, FacePassError) else f"no answer within {TIMEOUT_S:g} s"
            _log.warning("gauges_not_read", what=type(read).__name__, reason=reason)
    except Exception:  # noqa: BLE001 - whatever it was, the service goes on and the next reading tries again
        if not had_failed:
            _log.exception("gauges_not_read", what=type(read).__name__)
    show(found)
    return found is not None
