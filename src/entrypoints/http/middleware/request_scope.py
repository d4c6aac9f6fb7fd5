"""The outermost layer: request id, security headers and the access line, for every request and WebSocket.

It stands outside of Litestar's routing, whose middlewares never see a request that matches no route.
"""

import re
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, cast

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send, WebSocketScope

from facepass.application.ports import Clock
from facepass.domain.audit import digest
from facepass.entrypoints.http import context
from facepass.entrypoints.http.answers import raw_headers
from facepass.entrypoints.http.client_address import client_address, is_from_proxy
from facepass.entrypoints.http.middleware.raw_path import routable, sent_path
from facepass.entrypoints.http.middleware.socket_messages import SocketMessages
from facepass.entrypoints.http.middleware.tracing import RequestTrace, RequestTracer, traceparent_of
from facepass.entrypoints.http.middleware.unread_body import UnreadBody
from facepass.entrypoints.http.rate_headers import rate_headers
from facepass.entrypoints.serving import Serving
from facepass.entrypoints.settings import Network

_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}", re.ASCII)

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-XSS-Protection": "0",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""On every answer, unless a route sets its own."""
HSTS = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
"""Production only: a development machine must stay reachable without TLS."""
CLIENT_LEFT = 499
"""Logged (never sent) when the caller left before an answer began."""
WEBSOCKET = "WS"
"""Logged where a request has its method."""
UNMATCHED = "unmatched"
"""Logged and counted where no route was met."""
SHOWN_DIGITS = 16
"""Of a token's session, as the audit trail calls it: lines of one session are told from others, its id is not told."""


class RequestObserver(Protocol):
    """Hears of every request that is over."""

    @abstractmethod
    def observe(
        self, method: str, route: str, status: int, *, duration_s: float, problem: str | None, trace_id: str | None
    ) -> None:
        """Count it.

        Args:
            method: as the caller spelt it.
            route: the template, never the path, which holds ids.
            status: of the answer.
            duration_s: how long it took.
            problem: its code, where one was answered.
            trace_id: of a trace that is kept.
        """


class RequestScope:
    """Wraps the whole application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        clock: Clock,
        new_request_id: Callable[[], str],
        trusted_proxies: Collection[Network],
        production: bool,
        access_log: bool,
        serving: Serving,
        metrics: RequestObserver,
        tracer: RequestTracer,
    ) -> None:
        self._app = app
        self._clock = clock
        self._new_request_id = new_request_id
        self._trusted_proxies = trusted_proxies
        self._headers = raw_headers({**SECURITY_HEADERS, **(HSTS if production else {})})
        self._serving = serving
        self._metrics = metrics
        self._tracer = tracer
        self._access_log = structlog.stdlib.get_logger("facepass.access") if access_log else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or one WebSocket from its handshake to its end."""
        if scope["type"] == ScopeType.WEBSOCKET:
            await self._socket(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    async def _http(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        started_s = self._clock.elapsed_s()
        method, request = str(scope["method"]), self._begun(scope)
        inner = cast(
            "Scope", {**scope, "path": routable(request.path, method), "method": "GET" if method == "HEAD" else method}
        )
        context.attach(inner, request)
        body = UnreadBody(scope, receive)
        with self._traced(request, method, scope) as trace:
            try:
                await self._app(inner, body.receive, self._sender(request, body, send, headless=method == "HEAD"))
            finally:
                took_s, route = self._clock.elapsed_s() - started_s, _route(inner)
                status = request.status or CLIENT_LEFT
                self._metrics.observe(
                    method,
                    route or UNMATCHED,
                    status,
                    duration_s=took_s,
                    problem=request.problem,
                    trace_id=trace.kept_id,
                )
                self._log(request, inner, method, 1e3 * took_s)
                trace.answered(route, request.status, request.problem)

    async def _socket(self, scope: WebSocketScope, receive: Receive, send: Send) -> None:
        started_s = self._clock.elapsed_s()
        request = self._begun(scope)
        inner = cast("WebSocketScope", {**scope, "path": routable(request.path, "GET")})
        context.attach(inner, request)
        messages = SocketMessages(inner, receive, send, headers=self._headers)
        with self._traced(request, WEBSOCKET, scope) as trace:
            try:
                await self._app(inner, messages.receive, messages.send)
            finally:
                if messages.close_code is not None:
                    request.facts["close_code"] = messages.close_code
                self._log(request, inner, WEBSOCKET, 1e3 * (self._clock.elapsed_s() - started_s))
                trace.answered(_route(inner), request.status, request.problem)

    @contextmanager
    def _traced(
        self, request: context.RequestContext, method: str, scope: HTTPScope | WebSocketScope
    ) -> Iterator[RequestTrace]:
        """What its lines and its spans are known by.

        Only a proxy is believed about the trace that a request belongs to: whoever else names one could have every
        request of theirs kept, or write into other people's traces.
        """
        traceparent = traceparent_of(scope) if is_from_proxy(scope, self._trusted_proxies) else None
        with (
            structlog.contextvars.bound_contextvars(request_id=request.request_id),
            self._tracer.request(method, traceparent) as trace,
        ):
            yield trace

    def _begun(self, scope: HTTPScope | WebSocketScope) -> context.RequestContext:
        client = client_address(scope, self._trusted_proxies)
        return context.RequestContext(self._request_id(scope), sent_path(scope), client)

    def _log(self, request: context.RequestContext, scope: Scope, method: str, duration_ms: float) -> None:
        """The access line: the route's template, never the path, which holds ids."""
        if self._access_log is None:
            return
        facts: dict[str, Any] = {
            "method": method,
            "route": _route(scope) or UNMATCHED,
            "status": request.status or CLIENT_LEFT,
            "duration_ms": round(duration_ms, 3),
            "client": request.client.shown,
        }
        if request.caller.name:
            facts["caller"] = f"{request.caller.kind}:{request.caller.name}"
        if request.caller.session_id is not None:
            facts["session"] = digest(request.caller.session_id)[:SHOWN_DIGITS]
        if request.problem:
            facts["problem"] = request.problem
        self._access_log.info("request", **facts, **request.facts)

    def _request_id(self, scope: HTTPScope | WebSocketScope) -> str:
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _SANE_ID.fullmatch(value):
                return value.decode("ascii")
        return self._new_request_id()

    def _sender(self, request: context.RequestContext, body: UnreadBody, send: Send, *, headless: bool) -> Send:
        async def sender(message: Message) -> None:
            if message["type"] == "http.response.start":
                request.status = message["status"]
                headers = list(message["headers"])
                present = {name.lower() for name, _ in headers}
                headers += [(name, value) for name, value in self._headers if name not in present]
                headers.append((b"x-request-id", request.request_id.encode("ascii")))
                if request.rate is not None:
                    headers += raw_headers(rate_headers(request.rate))
                # A service that stops asks callers to leave: who kept the connection might send into its end.
                if not await body.discard() or self._serving.is_stopping:
                    headers.append((b"connection", b"close"))
                message["headers"] = headers
            elif message["type"] == "http.response.body" and headless:
                message["body"] = b""
            await send(message)

        return sender


def _route(scope: Scope) -> str | None:
    """The template of the route that was met."""
    template = cast("dict[str, Any]", scope).get("path_template")
    return str(template) if template else None
