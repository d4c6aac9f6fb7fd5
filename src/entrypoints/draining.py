"""uvicorn, made to stop without losing a request.

uvicorn (0.54) closes every connection on which no request is being answered: also one whose next request has arrived in
part, or is on its way. And where it is told to break off, it leaves what it broke off to end by itself, while the
caller closes the pools under it. A connection that was used since the service began to stop is no trouble: its last
answer said `Connection: close`.
"""

import asyncio
import math
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LAST_REQUESTS_S = 0.2
"""Between the last connection that is taken and the first that is closed: one that was just opened may yet speak."""
BREAK_OFF_S = 2.0
"""For what was broken off to end: a transaction is rolled back, a thread comes home."""


class DrainingHttp(HttpToolsProtocol):
    """Knows of a request from its first byte; uvicorn does from the end of its headers."""

    unanswered = 0

    def on_message_begin(self) -> None:
        """A request begins."""
        self.unanswered += 1
        super().on_message_begin()

    def on_response_complete(self) -> None:
        """An answer has ended."""
        self.unanswered -= 1
        super().on_response_complete()

    def shutdown(self) -> None:
        """Close now, or after the answer to what has begun to arrive."""
        if self.unanswered and (self.cycle is None or self.cycle.response_complete):
            return  # its answer will close it
        super().shutdown()


class DrainingServer(uvicorn.Server):
    """Leaves signals to its caller: a start must be stoppable too, and a stop that was asked for is no failure.

    Attributes:
        ends_at_s: on the clock of the event loop, when what is still in flight is broken off; to be set with
            `should_exit`.
    """

    ends_at_s = math.inf

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no new connection, finish what is in flight, break off what takes too long."""
        for server in self.servers:
            server.close()
        await asyncio.sleep(LAST_REQUESTS_S)
        left_s = self.ends_at_s - asyncio.get_running_loop().time()
        self.config.timeout_graceful_shutdown = max(0, math.ceil(left_s))
        await super().shutdown(sockets)
        # Whatever was broken off, or left when nobody wanted to wait.
        for task in self.server_state.tasks:
            task.cancel()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=BREAK_OFF_S)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
