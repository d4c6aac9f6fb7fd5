"""Load that comes in time, whatever the service does: what overload is, where a closed loop would slow down with it.

Requests are prepared beforehand and written to kept connections as they are; answers are read by their length.
"""

import asyncio
import time
from collections import Counter, deque
from dataclasses import dataclass, field

UPLOAD_EVERY = 50
"""Of so many requests one is an upload, the others are searches."""
TICK_S = 0.005
LAST_ANSWERS_S = 30.0


@dataclass(frozen=True, slots=True)
class Requests:
    """Prepared, so that sending costs little."""

    searches: list[bytes]
    uploads: list[bytes]


@dataclass(slots=True)
class Load:
    """What was sent, and what came of it.

    Attributes:
        statuses: of searches and of uploads.
        not_sent: for want of a connection.
        broken: connections that ended without an answer.
        plain: refusals without a `Retry-After` or that are no problem.
        admitted_s: latency of each search that was answered 200.
        refused_s: latency of each 503.
        retry_after_s: what refused searches were told.
    """

    sent: int = 0
    statuses: dict[str, Counter[int]] = field(default_factory=lambda: {"search": Counter(), "upload": Counter()})
    not_sent: int = 0
    broken: int = 0
    plain: int = 0
    admitted_s: list[float] = field(default_factory=list)
    refused_s: list[float] = field(default_factory=list)
    retry_after_s: Counter[int] = field(default_factory=Counter)
    most_open: int = 0


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Generator:
    """Sends in time, over connections that are kept; it waits for no answer before it sends the next request."""

    def __init__(self, port: int, *, connections: int) -> None:
        self._port = port
        self._most = connections
        self._free: deque[Connection] = deque()
        self._open = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.load = Load()

    async def run(self, requests: Requests, *, per_s: float, seconds: float) -> None:
        """Offer the load."""
        started_s, number = time.perf_counter(), 0
        while (elapsed_s := time.perf_counter() - started_s) < seconds:
            due = int(elapsed_s * per_s) - number
            for _ in range(due):
                self._offer(requests, number)
                number += 1
            await asyncio.sleep(TICK_S)

    async def finish(self) -> None:
        """Take in the last answers."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_ANSWERS_S)
        for _, writer in self._free:
            writer.close()

    def _offer(self, requests: Requests, number: int) -> None:
        if not self._free and self._open >= self._most:
            self.load.not_sent += 1
            return
        upload = number % UPLOAD_EVERY == 0
        kind, pool = ("upload", requests.uploads) if upload else ("search", requests.searches)
        connection = self._free.pop() if self._free else None
        if connection is None:
            self._open += 1
            self.load.most_open = max(self.load.most_open, self._open)
        task = asyncio.create_task(
            self._one(connection, kind, pool[number // (UPLOAD_EVERY if upload else 1) % len(pool)])
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _one(self, connection: Connection | None, kind: str, request: bytes) -> None:
        sent_s = time.perf_counter()
        self.load.sent += 1
        try:
            reader, writer = connection or await asyncio.open_connection("127.0.0.1", self._port)
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(_header(head, b"content-length") or 0))
        except (OSError, asyncio.IncompleteReadError):
            self.load.broken += 1
            self._open -= 1
            return
        self._note(kind, head, time.perf_counter() - sent_s)
        if _header(head, b"connection") == b"close":
            writer.close()
            self._open -= 1
        else:
            self._free.append((reader, writer))

    def _note(self, kind: str, head: bytes, took_s: float) -> None:
        status = int(head[9:12])
        self.load.statuses[kind][status] += 1
        if status == 503:
            self.load.refused_s.append(took_s)
            retry_after = _header(head, b"retry-after")
            if retry_after is None or _header(head, b"content-type") != b"application/problem+json":
                self.load.plain += 1
            elif kind == "search":
                self.load.retry_after_s[int(retry_after)] += 1
        elif kind == "search" and status == 200:
            self.load.admitted_s.append(took_s)


def _header(head: bytes, name: bytes) -> bytes | None:
    """A header's value, of a head in lower case."""
    at = head.find(b"\r\n" + name + b":")
    if at < 0:
        return None
    at += len(name) + 3
    return head[at : head.index(b"\r\n", at)].strip()
