"""One open WebSocket: messages in and out, each wait bounded, and an end that is told from a failure."""

import asyncio
from contextlib import suppress
from typing import Any, cast

import msgspec
from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect

from facepass.entrypoints.http.answers import encode
from facepass.entrypoints.http.ws.close_codes import CloseCode, Ended

LiveSocket = WebSocket[Any, Any, Any]

CLOSE_TIMEOUT_S = 2.0
"""Longest wait for a client that takes nothing any more, before it is closed without being told why."""
MAX_REASON_BYTES = 123
"""Of a close frame (RFC 6455, 5.5)."""

_GONE = (OSError, WebSocketDisconnect)
"""What servers, and the framework, raise for a client that is gone."""


class Connection:
    """Of one client. Any task may send: messages go out one by one."""

    def __init__(self, socket: LiveSocket, *, answer_timeout_s: float) -> None:
        self._socket = socket
        self._answer_timeout_s = answer_timeout_s
        self._turn = asyncio.Lock()

    async def accept(self, protocol: str | None) -> None:
        """Open it.

        Raises:
            Ended: the client has left.
        """
        try:
            await self._socket.accept(subprotocols=protocol)
        except _GONE as error:
            raise Ended(None) from error

    async def receive(self, timeout_s: float) -> str | bytes:
        """The next message.

        Raises:
            TimeoutError: there was none for so long.
            Ended: the client has left.
        """
        async with asyncio.timeout(timeout_s):
            message = cast("dict[str, Any]", await self._socket.receive())
        if message["type"] == "websocket.disconnect":
            raise Ended(None)
        text: str | None = message.get("text")
        return message["bytes"] if text is None else text

    async def send(self, message: msgspec.Struct) -> None:
        """Hand over a message; whoever does not read waits here, and sends nothing meanwhile.

        Raises:
            Ended: the client has left, or takes nothing for too long.
        """
        try:
            async with asyncio.timeout(self._answer_timeout_s), self._turn:
                await self._socket.send_text(encode(message))
        except TimeoutError as error:
            raise Ended(CloseCode.TIMED_OUT, "The answers are not read.") from error
        except _GONE as error:
            raise Ended(None) from error

    async def close(self, code: CloseCode, reason: str) -> None:
        """Say why it ends, where anybody still listens."""
        shown = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
        with suppress(TimeoutError, *_GONE):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._socket.close(code.number, shown)
