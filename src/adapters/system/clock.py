"""The machine's clocks."""

import time
from datetime import UTC, datetime

from facepass.application.ports import Clock


class SystemClock(Clock):
    """Wall clock in UTC, and the monotonic clock for durations."""

    def now(self) -> datetime:
        """See `Clock.now`."""
        return datetime.now(UTC)

    def elapsed_s(self) -> float:
        """See `Clock.elapsed_s`."""
        return time.perf_counter()
