"""The queue before a collector: what is sent, what is dropped, and that nobody ever waits for it."""

import threading
import time
from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from facepass.adapters.telemetry.tracing.dropped_spans import DroppedSpans
from facepass.adapters.telemetry.tracing.span_queue import (
    CLOSE_TIMEOUT_S,
    MAX_BATCH_SPANS,
    MAX_WAITING_SPANS,
    SpanQueue,
)
from tests.clocks import HandClock

PATIENCE_S = 10


class Collector(SpanExporter):
    """Takes batches while the gate is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()
        self.batches: list[int] = []
        self.answer: SpanExportResult | Exception = SpanExportResult.SUCCESS
        self.closed = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.begun.set()
        self.gate.wait()
        self.batches.append(len(spans))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def shutdown(self) -> None:
        self.closed = True


class World:
    """A queue with all that it is made of."""

    def __init__(self, close_timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        self.clock, self.collector, self.registry = HandClock(), Collector(), CollectorRegistry()
        self.queue = SpanQueue(
            self.collector, clock=self.clock, dropped=DroppedSpans(self.registry), close_timeout_s=close_timeout_s
        )
        provider = TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)
        provider.add_span_processor(self.queue)
        self._tracer = provider.get_tracer("t")

    def end_spans(self, count: int) -> None:
        for _ in range(count):
            self._tracer.start_span("s").end()

    def flush(self) -> bool:
        return self.queue.force_flush(1000 * PATIENCE_S)

    @property
    def dropped(self) -> float | None:
        return self.registry.get_sample_value("trace_spans_dropped_total")


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    made.queue.open()
    yield made
    made.collector.gate.set()
    made.queue.shutdown()


def test_what_ends_is_sent_in_batches(world: World) -> None:
    world.end_spans(MAX_BATCH_SPANS + 3)
    assert world.flush()
    assert sum(world.collector.batches) == MAX_BATCH_SPANS + 3
    assert max(world.collector.batches) <= MAX_BATCH_SPANS
    assert world.dropped == 0


def test_a_flush_of_nothing_is_done_at_once(world: World) -> None:
    assert world.flush()
    assert world.collector.batches == []


def test_what_finds_no_room_is_dropped_and_counted(world: World) -> None:
    world.collector.gate.clear()
    world.end_spans(MAX_BATCH_SPANS)
    assert world.collector.begun.wait(PATIENCE_S)  # one batch is on its way, and all of the room is free
    begun_s = time.monotonic()
    world.end_spans(MAX_WAITING_SPANS + 5)
    assert time.monotonic() - begun_s < PATIENCE_S, "nobody waits for a collector"
    assert world.dropped == 5
    world.collector.gate.set()
    assert world.flush()
    assert sum(world.collector.batches) == MAX_BATCH_SPANS + MAX_WAITING_SPANS


@pytest.mark.parametrize("answer", [SpanExportResult.FAILURE, ConnectionError("no")])
def test_what_the_collector_does_not_take_is_dropped_and_counted(
    world: World, answer: SpanExportResult | Exception
) -> None:
    world.collector.answer = answer
    world.end_spans(2)
    assert world.flush()
    assert world.dropped == 2
    world.collector.answer = SpanExportResult.SUCCESS
    world.end_spans(1)
    assert world.flush()
    assert (world.dropped, world.collector.batches[-1]) == (2, 1)


def test_the_log_tells_of_it_once_a_minute(world: World) -> None:
    world.collector.answer = SpanExportResult.FAILURE
    with capture_logs() as logged:
        for _ in range(121):
            world.end_spans(1)
            assert world.flush()
            world.clock.pass_s(1)
    assert logged == [{"event": "traces_dropped", "spans": 1, "log_level": "warning"}] * 3
    assert world.dropped == 121


def test_the_end_sends_what_waits() -> None:
    world = World()
    world.queue.open()
    world.end_spans(3)
    world.queue.shutdown()
    assert (world.collector.batches, world.collector.closed, world.dropped) == ([3], True, 0)
    world.end_spans(1)
    assert world.dropped == 1, "after the end"
    world.queue.shutdown()


def test_the_end_does_not_wait_for_a_collector_that_hangs() -> None:
    world = World(close_timeout_s=0.05)
    world.queue.open()
    world.collector.gate.clear()
    world.end_spans(MAX_BATCH_SPANS)
    assert world.collector.begun.wait(PATIENCE_S)
    world.end_spans(7)
    world.queue.shutdown()
    assert world.collector.closed
    assert world.dropped == MAX_BATCH_SPANS + 7
    world.collector.gate.set()


def test_before_it_is_opened_nothing_is_kept() -> None:
    world = World()
    world.end_spans(1)
    assert world.dropped == 1
    world.queue.shutdown()
    assert world.collector.batches == []
