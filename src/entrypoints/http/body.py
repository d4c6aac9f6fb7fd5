"""Reads request bodies: bounded each, bounded all together, bounded in time.

Bodies are held in memory, not spooled to disk: one has at most a few megabytes, the decoder wants it whole, no photo
touches a disk that way, and `BodyBudget` bounds what all requests together hold. When it is spent, callers are told to
come back (503) before more is read.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from facepass.domain.errors import InvalidRequest, Overloaded, PayloadTooLarge
from facepass.entrypoints.http.answers import HttpRequest
from facepass.entrypoints.http.problems import RequestTimeout

MAX_HELD_BYTES = 256 * 1024 * 1024
"""Of all bodies that are being read or worked on."""
BODY_TIMEOUT_S = 60.0
"""Longest time a caller may take to send one body."""
RETRY_AFTER_S = 2


class BodyLease:
    """What one request, or one WebSocket, holds of the budget."""

    __slots__ = ("_budget", "held_bytes")

    def __init__(self, budget: "BodyBudget") -> None:
        self._budget = budget
        self.held_bytes = 0

    @property
    def max_bytes(self) -> int:
        """What no body can be larger than, however long its caller waits."""
        return self._budget.max_held_bytes

    def take(self, size_bytes: int) -> None:
        """Account for bytes that are about to be kept.

        Raises:
            Overloaded: all requests together would hold too much.
        """
        if self._budget.held_bytes + size_bytes > self._budget.max_held_bytes:
            raise Overloaded("Too many pictures are being received at once.", retry_after_s=RETRY_AFTER_S)
        self._budget.held_bytes += size_bytes
        self.held_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Account for bytes that were taken and are no longer kept, before the lease ends."""
        self._budget.held_bytes -= size_bytes
        self.held_bytes -= size_bytes


class BodyBudget:
    """Bounds the memory that request bodies take, over all requests of this process."""

    def __init__(self, max_held_bytes: int = MAX_HELD_BYTES) -> None:
        self.max_held_bytes = max_held_bytes
        self.held_bytes = 0

    @contextmanager
    def lease(self) -> Iterator[BodyLease]:
        """Hold body bytes until the block is left."""
        lease = BodyLease(self)
        try:
            yield lease
        finally:
            self.held_bytes -= lease.held_bytes


async def read_body(request: HttpRequest, *, max_bytes: int, lease: BodyLease, feed: Callable[[bytes], None]) -> None:
    """Pass a body on, chunk by chunk, as it arrives.

    Raises:
        InvalidRequest: it is compressed, or the caller left in the middle.
        PayloadTooLarge: more than `max_bytes`, or than all requests together may hold; announced or counted.
        Overloaded: see `BodyLease.take`.
        RequestTimeout: it did not arrive within `BODY_TIMEOUT_S`.
    """
    max_bytes = min(max_bytes, lease.max_bytes)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise InvalidRequest.field("Content-Encoding", "must be absent: compressed request bodies are not accepted")
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    received_bytes = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            more = True
            while more:
                message = await request.receive()
                if message["type"] != "http.request":
                    raise InvalidRequest.field("body", "ended before it was complete")
                chunk = message["body"]
                received_bytes += len(chunk)
                if received_bytes > max_bytes:
                    raise _too_large(max_bytes)
                if chunk:
                    lease.take(len(chunk))
                    feed(chunk)
                more = message.get("more_body", False)
    except TimeoutError as error:
        raise RequestTimeout(f"The request body did not arrive within {BODY_TIMEOUT_S:.0f} seconds.") from error


def _too_large(max_bytes: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The request body may have at most {max_bytes} bytes.")
