"""Units of jobs in the log: a worker answers nobody, so this is where an operator sees what it does."""

from collections.abc import Awaitable, Callable

import structlog

from facepass.application.ports import Clock
from facepass.domain.errors import FacePassError
from facepass.domain.job import UnitRef

ENDED = "ended"

logger = structlog.stdlib.get_logger("facepass.jobs")


class LoggedUnits:
    """One line a unit, for DEBUG: a job of thousands would drown everything else.

    `outcome` is `ended`, or why it goes back into the queue; the queue itself warns of what broke, with a traceback.
    Photos that were given up are told by their job, each with its reason.

    Args:
        inner: does the unit.
        clock: measures how long that takes.
    """

    def __init__(self, inner: Callable[[UnitRef], Awaitable[None]], clock: Clock) -> None:
        self._inner = inner
        self._clock = clock

    async def __call__(self, ref: UnitRef) -> None:
        """See `RunUnit`."""
        begun_s, outcome = self._clock.elapsed_s(), ENDED
        try:
            await self._inner(ref)
        except BaseException as error:
            outcome = error.code if isinstance(error, FacePassError) else type(error).__name__
            raise
        finally:
            took_ms = 1e3 * (self._clock.elapsed_s() - begun_s)
            logger.debug(
                "job_unit", job=str(ref.job_id), unit=ref.unit_no, outcome=outcome, duration_ms=round(took_ms, 3)
            )
