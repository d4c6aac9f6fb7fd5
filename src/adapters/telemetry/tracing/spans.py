"""Spans: a root where work comes in, and below it one for each port that the work passes.

Written here rather than by an instrumentation, and over no global: see `docs/adr/0017-traces.md`. What is current is
kept beside OpenTelemetry's own context, so that asking whether anything is recorded costs one look at a variable: of
ten requests nine are not sampled, and below their roots nothing is made at all.

A span says what was done, how long it took and how it ended: numbers, kinds, codes. It holds no name of a session or a
photo, no address, no key, nothing of a picture, and no message of an error, which may quote any of these.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, TypeAlias

import structlog
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    Tracer,
    format_span_id,
    format_trace_id,
    set_span_in_context,
)

from facepass.domain.errors import FacePassError

MAX_CHILDREN: Final = 512
"""Spans below one root: a batch of many photos must not fill the queue alone. More are counted, not made."""
OMITTED: Final = "facepass.spans_omitted"
ERROR_TYPE: Final = "error.type"

Values: TypeAlias = Mapping[str, str | int | float | bool]
Record: TypeAlias = Callable[[int, int, int], None]
"""Told when something began and ended, in nanoseconds since 1970, and of how many faces; from any thread."""


@dataclass(slots=True)
class _Budget:
    """Of the spans below one root; which of two threads gets the last place does not matter."""

    left: int = MAX_CHILDREN
    omitted: int = 0

    def take(self) -> bool:
        if self.left > 0:
            self.left -= 1
            return True
        self.omitted += 1
        return False


@dataclass(frozen=True, slots=True)
class _Current:
    """The innermost span that is recorded, and what may still be made below its root."""

    span: Span
    budget: _Budget


_current: ContextVar[_Current | None] = ContextVar("facepass.current_span", default=None)


class Traces:
    """Makes spans with one tracer."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    @property
    def is_recording(self) -> bool:
        """Whether what is done now belongs to a trace that is kept."""
        return _current.get() is not None

    @contextmanager
    def root(
        self, name: str, kind: SpanKind = SpanKind.INTERNAL, *, parent: SpanContext | None = None, linked: bool = False
    ) -> Iterator[Span]:
        """A span that work begins with, sampled or not. Lines logged inside tell its ids.

        Args:
            name: of a kind of work, never of one piece of it.
            kind: as OpenTelemetry has them.
            parent: of a caller that may say so; it also decides whether the trace is kept.
            linked: a trace of its own, with a link to what is current.
        """
        outer = _current.get()
        links = [Link(outer.span.get_span_context())] if linked and outer is not None else None
        context = Context() if parent is None else set_span_in_context(NonRecordingSpan(parent), Context())
        span = self._tracer.start_span(name, context=context, kind=kind, links=links)
        budget = _Budget()
        token = _current.set(_Current(span, budget) if span.is_recording() else None)
        try:
            with structlog.contextvars.bound_contextvars(**_shown(span.get_span_context())):
                yield span
        except BaseException as error:
            note_failure(span, error)
            raise
        finally:
            _current.reset(token)
            if budget.omitted:
                span.set_attribute(OMITTED, budget.omitted)
            span.end()

    @contextmanager
    def child(self, name: str, attributes: Values | None = None) -> Iterator[Span | None]:
        """A span around the block, below what is current; None where nothing is recorded."""
        current = _current.get()
        if current is None or not current.budget.take():
            yield None
            return
        span = self._tracer.start_span(name, context=_below(current), attributes=attributes)
        token = _current.set(_Current(span, current.budget))
        try:
            yield span
        except BaseException as error:
            note_failure(span, error)
            raise
        finally:
            _current.reset(token)
            span.end()

    def begin(self, name: str) -> Span | None:
        """A span below what is current that its caller ends; None where nothing is recorded."""
        current = _current.get()
        if current is None or not current.budget.take():
            return None
        return self._tracer.start_span(name, context=_below(current))

    def recorder(self, name: str) -> Record | None:
        """Makes spans below what is current now of times that are measured elsewhere; None where none is recorded."""
        current = _current.get()
        if current is None:
            return None

        def record(begun_ns: int, ended_ns: int, faces: int) -> None:
            if current.budget.take():
                span = self._tracer.start_span(
                    name, context=_below(current), start_time=begun_ns, attributes={"facepass.faces": faces}
                )
                span.end(ended_ns)

        return record


def note_failure(span: Span, error: BaseException) -> None:
    """How the work ended, by a code or by the name of a class: messages may quote what no trace may hold."""
    if isinstance(error, asyncio.CancelledError):
        kind = "cancelled"
    else:
        kind = error.code if isinstance(error, FacePassError) else type(error).__qualname__
    span.set_attribute(ERROR_TYPE, kind)
    span.set_status(StatusCode.ERROR)


def _shown(ids: SpanContext) -> dict[str, str]:
    """What lines tell; nothing where the SDK is disabled by a variable of its own, and makes no ids."""
    if not ids.is_valid:
        return {}
    return {"trace_id": format_trace_id(ids.trace_id), "span_id": format_span_id(ids.span_id)}


def _below(current: _Current) -> Context:
    return set_span_in_context(current.span, Context())
