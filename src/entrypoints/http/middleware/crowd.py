"""Bounds the requests in progress, above all by callers that send slowly or read slowly.

What comes beyond is answered like everything else, with a problem that says when to come again: the server's own bound
knows nothing of either, and counts idle connections too. Probes are let through: whoever restarts a service because it
is busy makes it busier.
"""

from typing import Final, cast

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from facepass.domain.errors import Overloaded
from facepass.entrypoints.http.answers import raw_headers
from facepass.entrypoints.http.problems import MEDIA_TYPE, noted_problem

MOST_REQUESTS: Final = 1024
"""In progress at once; far above what inference admits."""
RETRY_AFTER_S: Final = 5
ALWAYS: Final = ("/health", "/metrics")
"""Paths that are answered in any crowd begin so."""


class Crowd:
    """Wraps the application within the layers that add to every answer."""

    def __init__(self, app: ASGIApp, *, most: int = MOST_REQUESTS) -> None:
        self._app = app
        self._most = most
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != ScopeType.HTTP or scope["path"].startswith(ALWAYS):
            await self._app(scope, receive, send)
        elif self._inside >= self._most:
            await _refuse(scope, send)
        else:
            self._inside += 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._inside -= 1


async def _refuse(scope: Scope, send: Send) -> None:
    error = Overloaded("Too many requests are in progress.", retry_after_s=RETRY_AFTER_S)
    problem, headers = noted_problem(error, scope)
    body = msgspec.json.encode(problem)
    headers |= {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body))}
    start = {"type": "http.response.start", "status": problem.status, "headers": raw_headers(headers)}
    await send(cast("Message", start))
    await send(cast("Message", {"type": "http.response.body", "body": body, "more_body": False}))
