"""The root span of a request or a WebSocket, by OpenTelemetry's conventions for HTTP servers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from opentelemetry.trace import Span, SpanContext, SpanKind, StatusCode, format_trace_id, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from facepass.adapters.telemetry.requests import METHODS
from facepass.adapters.telemetry.tracing.spans import ERROR_TYPE, Traces

WEBSOCKET: Final = "WS"
UNKNOWN_METHOD: Final = "HTTP"
CALLER_LEFT: Final = "caller_left"
FIRST_SERVER_ERROR: Final = 500

_PROPAGATOR = TraceContextTextMapPropagator()


class RequestTrace:
    """One request. Names and values are told once the route is known: a path holds ids."""

    def __init__(self, span: Span, method: str) -> None:
        self._span = span
        self._method = method

    @property
    def kept_id(self) -> str | None:
        """Its trace, where that is kept."""
        return format_trace_id(self._span.get_span_context().trace_id) if self._span.is_recording() else None

    def answered(self, route: str | None, status: int | None, problem: str | None) -> None:
        """How it went.

        Args:
            route: the template; None where no route was met.
            status: None where the caller had left before.
            problem: the code of the problem that was answered, if any.
        """
        span = self._span
        if not span.is_recording():
            return
        shown = self._method if self._method in METHODS or self._method == WEBSOCKET else UNKNOWN_METHOD
        span.update_name(shown if route is None else f"{shown} {route}")
        span.set_attributes(_described(self._method))
        if route is not None:
            span.set_attribute("http.route", route)
        if status is not None:
            span.set_attribute("http.response.status_code", status)
        if problem is not None:
            span.set_attribute("facepass.problem", problem)
        if status is None or status >= FIRST_SERVER_ERROR:
            span.set_attribute(ERROR_TYPE, CALLER_LEFT if status is None else problem or str(status))
            span.set_status(StatusCode.ERROR)


class RequestTraces:
    """Makes the root span of each request."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces

    @contextmanager
    def request(self, method: str, traceparent: str | None) -> Iterator[RequestTrace]:
        """The span, as long as the block lasts.

        Args:
            method: as the caller spelt it, or `WS`.
            traceparent: W3C Trace Context of a caller that is trusted to go on with its trace; ignored where malformed.
        """
        with self._traces.root(UNKNOWN_METHOD, SpanKind.SERVER, parent=_parent(traceparent)) as span:
            yield RequestTrace(span, method)


def _parent(traceparent: str | None) -> SpanContext | None:
    if traceparent is None:
        return None
    context = get_current_span(_PROPAGATOR.extract({"traceparent": traceparent})).get_span_context()
    return context if context.is_valid else None


def _described(method: str) -> Mapping[str, str]:
    if method == WEBSOCKET:
        return {"http.request.method": "GET", "network.protocol.name": "websocket"}
    return {"http.request.method": method if method in METHODS else "_OTHER"}
