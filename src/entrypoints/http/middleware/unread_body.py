"""Lets callers see an answer that is given before their body was read, such as 401 or 413.

A client usually sends its whole body before it looks for the answer; closing the connection on it shows an error
instead. So what is left is read and thrown away, within bounds, and only a caller beyond them is cut off.
"""

import asyncio
from typing import cast

from litestar.types import HTTPReceiveMessage, HTTPScope, Receive

MAX_DISCARDED_BYTES = 64 * 1024 * 1024
DISCARD_TIMEOUT_S = 10.0


class UnreadBody:
    """Wraps `receive` and knows how much of the body is still to come."""

    def __init__(self, scope: HTTPScope, receive: Receive) -> None:
        headers = dict(scope["headers"])
        self._receive = receive
        self._complete = headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers
        self._waits_for_go_ahead = headers.get(b"expect", b"").lower() == b"100-continue"

    async def receive(self) -> HTTPReceiveMessage:
        """The next message of the server."""
        self._waits_for_go_ahead = False
        message = cast("HTTPReceiveMessage", await self._receive())
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._complete = True
        return message

    async def discard(self) -> bool:
        """Read what is left; whether the connection is then good for another request.

        A caller that waits for `100 Continue` is not asked to send what nobody wants.
        """
        if self._waits_for_go_ahead and not self._complete:
            return False
        discarded_bytes = 0
        try:
            async with asyncio.timeout(DISCARD_TIMEOUT_S):
                while not self._complete and discarded_bytes <= MAX_DISCARDED_BYTES:
                    message = await self.receive()
                    if message["type"] == "http.request":
                        discarded_bytes += len(message["body"])
        except TimeoutError:
            return False
        return self._complete
