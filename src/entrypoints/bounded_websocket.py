"""uvicorn's WebSocket connections, with bounds where it has none and a close that arrives.

uvicorn (0.54) stops reading while a message waits for the application. It does not bound what a client may send before
anybody knows it, in how many fragments, or while answers to its pings pile up unread. It leaves handshakes open whose
headers it cannot read. And it closes a connection in a way that can take the close frame with it: bytes that arrive
afterwards make the kernel reset the connection, and the client never learns why.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

MAX_FIRST_BYTES: Final = 16 * 1024
"""Of a message before the application has sent one: room for any credential."""
MAX_FRAGMENTS: Final = 1024
"""Of one message; browsers cut off 128 KiB at a time, or nothing."""
LINGER_S: Final = 5.0
"""Longest wait, after a close, for the client to close too; what it still sends is thrown away."""

_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """For `uvicorn.Config(ws=…)`. `ws_max_queue` bounds the messages that arrive in one piece of the stream."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._max_bytes = self.conn.max_message_size
        self.conn.max_message_size = MAX_FIRST_BYTES

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._lingering = _LingeringTransport(transport, self.loop)
        super().connection_made(self._lingering)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._lingering.lost()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read, or throw away what comes after the end."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # The request, which comes in one piece, has headers that were too much: uvicorn would never answer.
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def handle_ping(self) -> None:
        """Answer, unless the answers are not read anyway."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_cont(self, event: Frame) -> None:
        """Go on with a message."""
        if len(self.frames) >= MAX_FRAGMENTS:
            self._refuse("too many fragments")
        else:
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        """Hand a message over."""
        if self.queue.qsize() >= self.config.ws_max_queue:
            self._refuse("too many messages at once")
        else:
            super().send_receive_event_to_app()

    async def send(self, message: Any) -> None:
        """Send for the application, whose first message says that it knows the client."""
        await self.writable.wait()
        if self.transport.is_closing():
            raise ClientDisconnected
        await super().send(message)
        if message["type"] == "websocket.send":
            self.conn.max_message_size = self._max_bytes
        elif message["type"] == "websocket.close":
            self.transport.close()
        elif message["type"] == "websocket.http.response.body":
            # Answered, if not opened: uvicorn would log an error.
            self.handshake_complete = self.close_sent

    def _refuse(self, reason: str) -> None:
        if not self.transport.is_closing():
            self.conn.fail(CloseCode.POLICY_VIOLATION, reason)
            self.handle_parser_exception()


class _LingeringTransport(asyncio.Transport):
    """Closes in two steps: no more is sent, and when the client has closed too, or `LINGER_S` later, all is over.

    What is written after a close goes nowhere.
    """

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._timer is not None or self._transport.is_closing()

    def close(self) -> None:
        if self.is_closing():
            return
        self._timer = self._loop.call_later(LINGER_S, self._transport.abort)
        self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()

    def lost(self) -> None:
        """The connection is no more."""
        if self._timer is not None:
            self._timer.cancel()

    def abort(self) -> None:
        self._transport.abort()

    def write(self, data: Any) -> None:
        if not self.is_closing():
            self._transport.write(data)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()
