"""Looks after the store while the service runs: once soon after the start, then every hour."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from facepass.application.look_after import LookAfter
from facepass.domain.errors import FacePassError

FIRST_AFTER_S = 60.0
INTERVAL_S = 3600.0

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def looked_after(
    look_after: LookAfter, *, first_after_s: float = FIRST_AFTER_S, interval_s: float = INTERVAL_S
) -> AsyncIterator[None]:
    """Rounds go on while the block lasts; a round that fails is logged, and the next one tries again.

    Args:
        look_after: one round.
        first_after_s: pause before the first, so that a start is not slowed down.
        interval_s: pause before each further one.
    """

    async def rounds() -> None:
        pause_s = first_after_s
        while True:
            await asyncio.sleep(pause_s)
            await one_round(look_after)
            pause_s = interval_s

    task = asyncio.create_task(rounds())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def one_round(look_after: LookAfter) -> None:
    """One round, with a line in the log where anything was done or went wrong."""
    try:
        done = await look_after()
    except FacePassError as error:
        _log.warning("upkeep_failed", code=error.code, detail=error.detail)
    except Exception:  # noqa: BLE001 - whatever it was, the service goes on and the next round tries again
        _log.exception("upkeep_failed")
    else:
        if done.expiry.sessions or done.expiry.purged or done.indexes_mended:
            _log.info(
                "upkeep_done",
                sessions_expired=done.expiry.sessions,
                erasures_purged=done.expiry.purged,
                indexes_mended=done.indexes_mended,
            )
