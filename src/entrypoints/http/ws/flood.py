"""Notices a client that sends far more than anybody looks at (a token bucket)."""

from facepass.application.ports import Clock


class Flood:
    """So many messages a second on average, and as many at once."""

    def __init__(self, most_per_s: int, clock: Clock) -> None:
        self._most_per_s = most_per_s
        self._clock = clock
        self._left = float(most_per_s)
        self._at_s = clock.elapsed_s()

    def admits(self) -> bool:
        """Count one more message; whether it is within the bound."""
        now_s = self._clock.elapsed_s()
        self._left = min(float(self._most_per_s), self._left + self._most_per_s * (now_s - self._at_s))
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
