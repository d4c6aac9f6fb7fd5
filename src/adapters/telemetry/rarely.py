"""Warnings of what may happen a thousand times a second: one now and then says as much, and fills no disk."""

from typing import Final

from facepass.application.ports import Clock

WARN_EVERY_S: Final = 60.0


class Rarely:
    """Says when a warning is due: at first, and again no sooner than `WARN_EVERY_S` after the last.

    Not for several threads at once.

    Args:
        clock: measures.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._again_s: float | None = None

    def is_due(self) -> bool:
        """Whether to warn now; who asks then does so."""
        now_s = self._clock.elapsed_s()
        if self._again_s is not None and now_s < self._again_s:
            return False
        self._again_s = now_s + WARN_EVERY_S
        return True
