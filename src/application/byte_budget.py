"""Bounds the bytes that are held at once, whoever holds them: bodies that arrive, frames, photos read by their key."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from facepass.domain.errors import Overloaded

RETRY_AFTER_S: Final = 2
"""Until some pictures are done: how many bytes they hold says nothing of how long they take."""
MOST_WAIT_S: Final = 30.0
"""Longest wait for room."""


class ByteLease:
    """What one holder has of a budget."""

    __slots__ = ("_budget", "held_bytes")

    def __init__(self, budget: "ByteBudget") -> None:
        self._budget = budget
        self.held_bytes = 0

    def take(self, size_bytes: int) -> None:
        """Account for bytes that are about to be kept.

        Raises:
            Overloaded: all holders together would have too many.
        """
        if not self._budget.has_room(size_bytes):
            raise Overloaded("Too many pictures are being received at once.", retry_after_s=RETRY_AFTER_S)
        self._hold(size_bytes)

    async def wait_for(self, size_bytes: int) -> None:
        """Account for bytes that are about to be read, once there is room for them: first come, first served.

        Where more is asked for than there is at all, all there is will do.

        Raises:
            Overloaded: no room came in time.
        """
        size_bytes = min(size_bytes, self._budget.max_held_bytes)
        room = self._budget.join(size_bytes)
        try:
            async with asyncio.timeout(MOST_WAIT_S):
                await room
        except BaseException as error:
            self._budget.leave(room, size_bytes)
            if isinstance(error, TimeoutError):
                raise Overloaded("Too many pictures are being read at once.", retry_after_s=RETRY_AFTER_S) from error
            raise
        self.held_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Account for bytes that were taken and are no longer kept, before the lease ends."""
        self._hold(-size_bytes)

    def _hold(self, size_bytes: int) -> None:
        self.held_bytes += size_bytes
        self._budget.hold(size_bytes)


class ByteBudget:
    """So many bytes over all holders of this process; for one event loop.

    Attributes:
        max_held_bytes: the bound.
        held_bytes: what is held now.
    """

    def __init__(self, max_held_bytes: int) -> None:
        self.max_held_bytes = max_held_bytes
        self.held_bytes = 0
        self._line: deque[tuple[asyncio.Future[None], int]] = deque()

    @contextmanager
    def lease(self) -> Iterator[ByteLease]:
        """Hold bytes until the block is left."""
        lease = ByteLease(self)
        try:
            yield lease
        finally:
            lease.give_back(lease.held_bytes)

    def has_room(self, size_bytes: int) -> bool:
        """Whether so much more may be held now."""
        return self.held_bytes + size_bytes <= self.max_held_bytes

    def hold(self, size_bytes: int) -> None:
        """Account for bytes, or by a negative number for bytes let go; called by leases."""
        self.held_bytes += size_bytes
        while self._line and (self._line[0][0].done() or self.has_room(self._line[0][1])):
            room, needed_bytes = self._line.popleft()
            if not room.done():
                self.held_bytes += needed_bytes
                room.set_result(None)

    def join(self, size_bytes: int) -> "asyncio.Future[None]":
        """Done when so many bytes are held for whoever asked; called by leases."""
        room: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append((room, size_bytes))
        self.hold(0)
        return room

    def leave(self, room: "asyncio.Future[None]", size_bytes: int) -> None:
        """Ask no longer, or let go of what was given too late; called by leases."""
        if room.done() and not room.cancelled():
            self.hold(-size_bytes)
        room.cancel()
        self.hold(0)
