"""Clocks that show what tests set them to."""

from datetime import UTC, datetime, timedelta

from facepass.application.ports import Clock
from facepass.domain.rate import MICROSECONDS

BEGIN = datetime(2026, 5, 17, 12, tzinfo=UTC)


class HandClock(Clock):
    """Moves only by hand, in whole microseconds: no rounding stands between a test and an exact limit."""

    def __init__(self) -> None:
        self.us = 0

    def now(self) -> datetime:
        return BEGIN + timedelta(microseconds=self.us)

    def elapsed_s(self) -> float:
        return self.us / MICROSECONDS

    def pass_s(self, seconds: float) -> None:
        self.us += round(seconds * MICROSECONDS)
