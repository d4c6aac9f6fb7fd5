"""What a dependency is reached through: a relay that passes, refuses, crawls or swallows, as it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import StrEnum

LOOPBACK = "127.0.0.1"
CHUNK_BYTES = 64 * 1024
ROUND_TRIP_S = 5.0
"""Of a slowed dependency; each direction takes half."""


class Fault(StrEnum):
    """What may happen to a dependency."""

    NONE = "none"
    STOPPED = "stopped"
    """Connections are cut, new ones refused: a process that has ended."""
    SLOW = "slow"
    """Every answer takes `ROUND_TRIP_S` longer."""
    CUT = "cut"
    """What is sent vanishes, on connections old and new, for ever on those: a firewall that has forgotten them."""


class Proxy:
    """Relays connections to one address.

    Attributes:
        port: on loopback; the same after a stop.
    """

    def __init__(self, to_port: int) -> None:
        self.port = 0
        self._to_port = to_port
        self._fault = Fault.NONE
        self._server: asyncio.Server | None = None
        self._relays: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(self._relay, LOOPBACK, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Refuse connections, and cut those there are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for relay in list(self._relays):
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def become(self, fault: Fault) -> None:
        """From now on."""
        self._fault = fault
        if fault is Fault.STOPPED:
            await self.close()
        elif self._server is None:
            await self.open()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._relays.add(task)
        writers = [writer]
        try:
            if self._fault is Fault.CUT:
                await self._swallow(reader)
                return
            there, back = await asyncio.open_connection(LOOPBACK, self._to_port)
            writers.append(back)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, back))
                group.create_task(self._pass(there, writer))
        except* (OSError, asyncio.CancelledError):
            pass
        finally:
            self._relays.discard(task)
            for one in writers:
                one.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One direction, until its end. Bytes keep their order and their distance while they are slowed."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            while True:
                due_s, data = await waiting.get()
                await asyncio.sleep(due_s - loop.time())
                if not data:
                    break
                writer.write(data)
                await writer.drain()
            writer.close()

        async with asyncio.TaskGroup() as group:
            group.create_task(deliver())
            while data := await reader.read(CHUNK_BYTES):
                if self._fault is Fault.CUT:
                    await self._swallow(reader)
                    break
                delay_s = ROUND_TRIP_S / 2 if self._fault is Fault.SLOW else 0.0
                waiting.put_nowait((loop.time() + delay_s, data))
            waiting.put_nowait((loop.time(), b""))

    @staticmethod
    async def _swallow(reader: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            while await reader.read(CHUNK_BYTES):
                pass


@asynccontextmanager
async def proxied(to_port: int) -> AsyncIterator[Proxy]:
    """A proxy before a port of this machine."""
    proxy = Proxy(to_port)
    await proxy.open()
    try:
        yield proxy
    finally:
        await proxy.close()
