"""Lets the scripts of chosen web pages read our answers (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol).

Stands outside of routing, so that every answer takes part: errors, addresses that match no route, and preflights of
routes that would ask for a key, which browsers send without one. Credentials are never allowed: keys and tokens travel
in headers that a script sets itself, so no page can act for a visitor behind the visitor's back.
"""

from collections.abc import Collection
from typing import cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from facepass.entrypoints.settings import Origin

METHODS = "GET, HEAD, POST, DELETE"
REQUEST_HEADERS = "X-API-Key, Authorization, Content-Type, If-None-Match, Prefer, X-Request-ID"
EXPOSED_HEADERS = (
    "X-Request-ID, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, RateLimit-Policy, Retry-After, ETag, Location"
)
PREFLIGHT_MAX_AGE_S = 600
"""How long a browser may rely on the answer to a preflight."""

ANYWHERE = Origin("*")

_Headers = list[tuple[bytes, bytes]]


class Cors:
    """Wraps the application within the outermost layer, which adds the headers that all answers share."""

    def __init__(self, app: ASGIApp, origins: Collection[Origin]) -> None:
        self._app = app
        self._anywhere = ANYWHERE in origins
        self._origins = frozenset(origin.encode("ascii") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        allowed = self._allowed(scope)
        if allowed and scope["method"] == "OPTIONS" and _header(scope, b"access-control-request-method"):
            await self._answer_preflight(allowed, send)
            return

        async def sender(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = self._varied(list(message["headers"]))
                if allowed:
                    headers.append((b"access-control-allow-origin", allowed))
                    headers.append((b"access-control-expose-headers", EXPOSED_HEADERS.encode()))
                message["headers"] = headers
            await send(message)

        await self._app(scope, receive, sender)

    def _allowed(self, scope: Scope) -> bytes | None:
        """What `Access-Control-Allow-Origin` says to this caller; None where it is left out."""
        origin = _header(scope, b"origin")
        if origin is None:
            return None
        if self._anywhere:
            return b"*"
        return origin if origin in self._origins else None

    async def _answer_preflight(self, allowed: bytes, send: Send) -> None:
        headers = self._varied([])
        headers += [
            (b"access-control-allow-origin", allowed),
            (b"access-control-allow-methods", METHODS.encode()),
            (b"access-control-allow-headers", REQUEST_HEADERS.encode()),
            (b"access-control-max-age", str(PREFLIGHT_MAX_AGE_S).encode()),
        ]
        await send(cast("Message", {"type": "http.response.start", "status": 204, "headers": headers}))
        await send(cast("Message", {"type": "http.response.body", "body": b"", "more_body": False}))

    def _varied(self, headers: _Headers) -> _Headers:
        """The headers, with `Origin` among what the answer depends on: a cache must not hand one page's to another."""
        if self._anywhere:
            return headers
        varying = [value for name, value in headers if name.lower() == b"vary"]
        others = [(name, value) for name, value in headers if name.lower() != b"vary"]
        return [*others, (b"vary", b", ".join([*varying, b"Origin"]))]


def _header(scope: Scope, name: bytes) -> bytes | None:
    """The value of a header; None for none, and for several, of which none can be meant."""
    values = [value for each, value in scope["headers"] if each == name]
    return values[0] if len(values) == 1 else None
