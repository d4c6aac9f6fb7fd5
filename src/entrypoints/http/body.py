"""Reads request bodies: bounded each, bounded all together, bounded in time.

What is small is held in memory, larger files wait on disk (`spool`); two budgets bound what all requests together hold.
The one for memory is shared with photos that are read by their key. When one is spent, callers are told to come back
(503) before more is read.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from facepass.application.byte_budget import ByteBudget, ByteLease
from facepass.domain.errors import InvalidRequest, PayloadTooLarge
from facepass.entrypoints.http.answers import HttpRequest
from facepass.entrypoints.http.problems import RequestTimeout
from facepass.entrypoints.http.spool import Spool

BODY_TIMEOUT_S = 60.0
"""Longest time a caller may take to send one body."""


class BodyLease:
    """What one request, or one WebSocket, holds of the budgets.

    Attributes:
        max_bytes: what no body can be larger than, however long its caller waits.
    """

    __slots__ = ("_disk", "_memory", "_spools", "max_bytes")

    def __init__(self, *, memory: ByteLease, disk: ByteLease, max_bytes: int) -> None:
        self._memory = memory
        self._disk = disk
        self._spools: list[Spool] = []
        self.max_bytes = max_bytes

    def take(self, size_bytes: int) -> None:
        """Account for bytes that are about to be kept.

        Raises:
            Overloaded: all requests together would hold too much.
        """
        self._memory.take(size_bytes)

    def give_back(self, size_bytes: int) -> None:
        """Account for bytes that were taken and are no longer kept, before the lease ends."""
        self._memory.give_back(size_bytes)

    def spool(self) -> Spool:
        """A place for a file that arrives, until the lease ends."""
        spool = Spool(memory=self._memory, disk=self._disk)
        self._spools.append(spool)
        return spool

    def close(self) -> None:
        """Let go of all files."""
        for spool in self._spools:
            spool.close()


class BodyBudget:
    """Bounds what request bodies take, over all requests of this process.

    Attributes:
        memory: for what is held in memory.
        disk: for what waits on disk.
    """

    def __init__(self, *, memory: ByteBudget, disk: ByteBudget) -> None:
        self.memory = memory
        self.disk = disk

    @contextmanager
    def lease(self) -> Iterator[BodyLease]:
        """Hold bodies until the block is left."""
        with self.memory.lease() as memory, self.disk.lease() as disk:
            lease = BodyLease(memory=memory, disk=disk, max_bytes=self.memory.max_held_bytes)
            try:
                yield lease
            finally:
                lease.close()


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
