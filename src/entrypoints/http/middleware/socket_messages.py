"""What goes over a WebSocket, watched from outside the application: how it was answered, and why it was closed.

A WebSocket that is not opened is answered like a request, by a problem (the ASGI extension "WebSocket Denial
Response"); a server without that extension answers 403 by itself.
"""

from typing import Any, cast

import msgspec
from litestar.exceptions import NotFoundException
from litestar.types import Message, Receive, Scope, Send, WebSocketScope

from facepass.entrypoints.http import context
from facepass.entrypoints.http.answers import raw_headers
from facepass.entrypoints.http.problems import MEDIA_TYPE, noted_problem

SWITCHING_PROTOCOLS = 101
DENIAL = "websocket.http.response"

Headers = list[tuple[bytes, bytes]]


async def note_failure(error: Exception, scope: Scope) -> None:
    """Litestar's hook for what handlers raise: of a WebSocket, it would tell the server no more than to close it."""
    context.of(scope).failure = error


class SocketMessages:
    """Wraps `receive` and `send` of one WebSocket.

    Attributes:
        scope: the one that the application got.
        close_code: of whoever closed first; None while it is open, or when it never was.
    """

    def __init__(self, scope: WebSocketScope, receive: Receive, send: Send, *, headers: Headers) -> None:
        self.scope = scope
        self.close_code: int | None = None
        self._request = context.of(scope)
        self._receive = receive
        self._send = send
        self._headers = headers

    async def receive(self) -> Any:
        """The next message of the server."""
        message: dict[str, Any] = cast("dict[str, Any]", await self._receive())
        if message["type"] == "websocket.disconnect" and self._request.status == SWITCHING_PROTOCOLS:
            self.close_code = self.close_code or int(message["code"])
        return message

    async def send(self, message: Message) -> None:
        """A message of the application."""
        if message["type"] == "websocket.accept":
            self._request.status = SWITCHING_PROTOCOLS
            named = (b"x-request-id", self._request.request_id.encode("ascii"))
            message["headers"] = [*message.get("headers", []), named]
        elif message["type"] == "websocket.close":
            if self._request.status is None:
                await self._deny(message)
                return
            self.close_code = self.close_code or message["code"]
        await self._send(message)

    async def _deny(self, close: Message) -> None:
        error = self._request.failure or NotFoundException()
        problem, headers = noted_problem(error, self.scope)
        self._request.status = problem.status
        if DENIAL not in (self.scope.get("extensions") or {}):
            await self._send(close)
            return
        body = msgspec.json.encode(problem)
        start = {
            "type": f"{DENIAL}.start",
            "status": problem.status,
            "headers": [
                (b"content-type", MEDIA_TYPE.encode()),
                (b"content-length", str(len(body)).encode()),
                (b"x-request-id", self._request.request_id.encode("ascii")),
                *raw_headers(headers),
                *self._headers,
            ],
        }
        await self._send(cast("Message", start))
        await self._send(cast("Message", {"type": f"{DENIAL}.body", "body": body, "more_body": False}))
