"""What is made below a root, what is not, and what a span never holds."""

import asyncio
import threading

import pytest
import structlog
from opentelemetry.trace import NoOpTracer, SpanKind, StatusCode, format_span_id, format_trace_id

from facepass.adapters.telemetry.tracing.requests import RequestTraces
from facepass.adapters.telemetry.tracing.spans import MAX_CHILDREN, Traces
from facepass.domain.errors import NotFound
from tests.unit.telemetry.recorded_spans import RecordedSpans

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
LOGGED = structlog.contextvars.get_contextvars


def test_children_are_made_below_a_root_that_is_kept() -> None:
    recorded = RecordedSpans()
    traces = recorded.traces
    assert not traces.is_recording
    with traces.child("nobody's") as span:
        assert span is None
    with traces.root("work"), traces.child("outer", {"n": 1}), traces.child("inner"):
        assert traces.is_recording
    assert recorded.tree() == ["outer > inner", "work", "work > outer"]
    assert recorded.one("outer").attributes == {"n": 1}
    assert not traces.is_recording


def test_nothing_is_made_below_a_root_that_is_not_kept() -> None:
    recorded = RecordedSpans(kept=False)
    traces = recorded.traces
    with traces.root("work"), traces.child("outer") as span:
        assert (span, traces.is_recording, traces.begin("x"), traces.recorder("x")) == (None, False, None, None)
    assert recorded.spans == ()


@pytest.mark.parametrize("kept", [True, False])
def test_lines_inside_tell_the_ids_kept_or_not(kept: bool) -> None:
    traces = RecordedSpans(kept=kept).traces
    with traces.root("work") as span:
        ids = span.get_span_context()
        assert LOGGED() == {"trace_id": format_trace_id(ids.trace_id), "span_id": format_span_id(ids.span_id)}
        assert ids.is_valid
    assert LOGGED() == {}


def test_a_trace_is_bounded_and_says_what_it_lacks() -> None:
    recorded = RecordedSpans()
    with recorded.traces.root("batch"):
        for _ in range(MAX_CHILDREN + 3):
            with recorded.traces.child("decode"):
                pass
        assert recorded.traces.begin("store") is None
    assert len(recorded.spans) == MAX_CHILDREN + 1
    assert recorded.one("batch").attributes == {"facepass.spans_omitted": 4}


@pytest.mark.parametrize(
    ("error", "kind"),
    [(NotFound("of session my-session"), "not_found"), (ZeroDivisionError("my-session"), "ZeroDivisionError")],
)
def test_a_failure_is_told_by_its_kind_and_not_in_its_words(error: Exception, kind: str) -> None:
    recorded = RecordedSpans()
    with pytest.raises(type(error)), recorded.traces.root("work"), recorded.traces.child("search"):
        raise error
    for name in ("work", "search"):
        span = recorded.one(name)
        assert (span.status.status_code, span.attributes) == (StatusCode.ERROR, {"error.type": kind})
        assert (span.status.description, span.events) == (None, ())
        assert "my-session" not in span.to_json()


async def test_who_is_cancelled_is_told_so() -> None:
    recorded = RecordedSpans()

    async def work() -> None:
        with recorded.traces.root("work"):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert recorded.one("work").attributes == {"error.type": "cancelled"}


async def test_tasks_side_by_side_have_their_own() -> None:
    recorded = RecordedSpans()
    met = asyncio.Barrier(2)

    async def work(name: str) -> None:
        with recorded.traces.root(name):
            await met.wait()
            with recorded.traces.child(f"child of {name}"):
                await met.wait()

    await asyncio.gather(work("a"), work("b"))
    assert recorded.tree() == ["a", "a > child of a", "b", "b > child of b"]


def test_what_was_measured_in_a_thread_stands_below_who_asked() -> None:
    recorded = RecordedSpans()
    with recorded.traces.root("work"), recorded.traces.child("embed"):
        record = recorded.traces.recorder("align")
        assert record is not None
    thread = threading.Thread(target=record, args=(1_000, 3_000, 7))
    thread.start()
    thread.join()
    span = recorded.one("align")
    assert (span.start_time, span.end_time, span.attributes) == (1_000, 3_000, {"facepass.faces": 7})
    assert "embed > align" in recorded.tree()


def test_a_trace_of_its_own_points_to_where_it_came_from() -> None:
    recorded = RecordedSpans()
    with recorded.traces.root("connection") as outer, recorded.traces.root("frame", linked=True):
        pass
    frame = recorded.one("frame")
    assert frame.parent is None
    assert [link.context for link in frame.links] == [outer.get_span_context()]
    with recorded.traces.root("alone", linked=True):
        pass
    assert recorded.one("alone").links == ()


def test_below_a_root_that_is_not_kept_nothing_belongs_to_the_one_around_it() -> None:
    outer, inner = RecordedSpans(), RecordedSpans(kept=False)
    with outer.traces.root("connection"), inner.traces.root("frame", linked=True):
        assert not inner.traces.is_recording
    assert outer.tree() == ["connection"]


def test_without_ids_lines_tell_none() -> None:
    with Traces(NoOpTracer()).root("work"):
        assert LOGGED() == {}


def requested(recorded: RecordedSpans, *, method: str = "POST", traceparent: str | None = None) -> str | None:
    with RequestTraces(recorded.traces).request(method, traceparent) as trace:
        trace.answered("/api/v1/search", 200, None)
        return trace.kept_id


def test_a_request_is_called_by_its_route() -> None:
    recorded = RecordedSpans()
    kept_id = requested(recorded)
    span = recorded.one("POST /api/v1/search")
    assert span.context is not None
    assert kept_id == format_trace_id(span.context.trace_id)
    assert (span.kind, span.status.status_code) == (SpanKind.SERVER, StatusCode.UNSET)
    assert span.attributes == {
        "http.request.method": "POST",
        "http.route": "/api/v1/search",
        "http.response.status_code": 200,
    }
    assert requested(RecordedSpans(kept=False)) is None


@pytest.mark.parametrize(
    ("status", "problem", "error"),
    [(404, "not_found", None), (503, "overloaded", "overloaded"), (500, None, "500"), (None, None, "caller_left")],
)
def test_only_what_is_the_service_s_fault_is_an_error(
    status: int | None, problem: str | None, error: str | None
) -> None:
    recorded = RecordedSpans()
    with RequestTraces(recorded.traces).request("GET", None) as trace:
        trace.answered(None, status, problem)
    span = recorded.one("GET")
    assert span.attributes is not None
    assert span.attributes.get("error.type") == error
    assert (span.status.status_code is StatusCode.ERROR) is (error is not None)
    assert span.attributes.get("facepass.problem") == problem
    assert "http.route" not in span.attributes


@pytest.mark.parametrize(
    ("method", "name", "told"),
    [("BREW", "HTTP /x", "_OTHER"), ("WS", "WS /x", "GET"), ("DELETE", "DELETE /x", "DELETE")],
)
def test_nobody_can_invent_names(method: str, name: str, told: str) -> None:
    recorded = RecordedSpans()
    with RequestTraces(recorded.traces).request(method, None) as trace:
        trace.answered("/x", 200, None)
    attributes = recorded.one(name).attributes
    assert attributes is not None
    assert attributes["http.request.method"] == told


def test_a_caller_s_trace_goes_on() -> None:
    recorded = RecordedSpans()
    assert requested(recorded, traceparent=PARENT) == TRACE_ID
    parent = recorded.spans[0].parent
    assert parent is not None
    assert format_span_id(parent.span_id) == "00f067aa0ba902b7"


def test_a_caller_decides_whether_its_trace_is_kept() -> None:
    assert requested(RecordedSpans(), traceparent=PARENT[:-1] + "0") is None
    assert requested(RecordedSpans(kept=False), traceparent=PARENT) == TRACE_ID


@pytest.mark.parametrize("wrong", ["", "x", PARENT[:-3], "00-" + 32 * "0" + PARENT[35:], "ff" + PARENT[2:], "é" * 9])
def test_what_is_no_traceparent_is_no_parent(wrong: str) -> None:
    recorded = RecordedSpans()
    assert requested(recorded, traceparent=wrong) not in {None, TRACE_ID}
    assert recorded.spans[0].parent is None


def test_traces_need_nothing_global() -> None:
    assert isinstance(RecordedSpans().traces, Traces)
    from opentelemetry import trace  # noqa: PLC0415 - only to look

    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
