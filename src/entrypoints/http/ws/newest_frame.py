"""The newest frame wins: one waits, and a newer one takes its place."""

import asyncio
from dataclasses import dataclass

from facepass.entrypoints.http.ws.messages import FrameId


@dataclass(frozen=True, slots=True)
class HeldFrame:
    """A frame that is to be looked at."""

    id: FrameId
    data: bytes


class NewestFrame:
    """Room for one frame, between whoever reads and whoever looks. For one event loop.

    Attributes:
        dropped: how many frames had to make room.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._waiting: HeldFrame | None = None
        self._arrival = asyncio.Event()

    def put(self, frame: HeldFrame) -> HeldFrame | None:
        """Have a frame wait; the one that waited before it and now never will be looked at, if any."""
        replaced, self._waiting = self._waiting, frame
        self.dropped += replaced is not None
        self._arrival.set()
        return replaced

    async def take(self) -> HeldFrame:
        """The frame that waits, or the next to come."""
        while self._waiting is None:
            self._arrival.clear()
            await self._arrival.wait()
        frame, self._waiting = self._waiting, None
        return frame
