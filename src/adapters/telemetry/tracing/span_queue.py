"""Takes ended spans to an exporter, in a thread that nothing waits for.

The SDK's own processor waits for its exporter when it is flushed or closed, however long that takes, and says nowhere
how much it has dropped. This one has a bound for each: spans that wait, seconds between two exports, seconds of the
end. A collector that is away or hangs costs its traces and nothing else.
"""

import threading
from collections import deque
from typing import Final

import structlog
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from facepass.adapters.telemetry.rarely import Rarely
from facepass.adapters.telemetry.tracing.dropped_spans import DroppedSpans
from facepass.application.ports import Clock

MAX_WAITING_SPANS: Final = 4096
MAX_BATCH_SPANS: Final = 512
EXPORT_EVERY_S: Final = 2.0
CLOSE_TIMEOUT_S: Final = 2.0
"""For the last spans. Whoever stops a service waits for it 5 s beyond its grace."""

logger = structlog.stdlib.get_logger("facepass.traces")


class SpanQueue(SpanProcessor):
    """A bounded queue before an exporter.

    Args:
        exporter: takes spans away; called in one thread, and may block or raise.
        clock: for the log, which tells of what is dropped once in a while.
        dropped: told of spans that found no room, and of those that the exporter did not take.
        close_timeout_s: for the last spans.
    """

    def __init__(
        self,
        exporter: SpanExporter,
        *,
        clock: Clock,
        dropped: DroppedSpans,
        close_timeout_s: float = CLOSE_TIMEOUT_S,
    ) -> None:
        self._exporter = exporter
        self._close_timeout_s = close_timeout_s
        self._dropped = dropped
        self._waiting: deque[ReadableSpan] = deque()
        self._changed = threading.Condition()
        self._flushing = self._closed = False
        self._exporting = 0
        self._thread: threading.Thread | None = None
        self._warning = Rarely(clock)

    def open(self) -> None:
        """Start the thread. It is a daemon: a process ends even while a collector keeps it."""
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span that has ended, from any thread, without waiting."""
        context = span.get_span_context()
        if context is None or not context.trace_flags.sampled:
            return
        with self._changed:
            if self._closed or self._thread is None or len(self._waiting) >= MAX_WAITING_SPANS:
                self._drop(1)
                return
            self._waiting.append(span)
            if len(self._waiting) == MAX_BATCH_SPANS:
                self._changed.notify_all()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what waits, and return whether all of it was sent, or dropped, in time."""
        with self._changed:
            self._flushing = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._waiting and not self._exporting, timeout_millis / 1e3)

    def shutdown(self) -> None:
        """Send what waits as long as the time for it allows, and drop the rest."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(self._close_timeout_s)
        with self._changed:
            self._drop(len(self._waiting) + self._exporting)
            self._waiting.clear()
            self._exporting = 0
        self._exporter.shutdown()

    def _run(self) -> None:
        while batch := self._next_batch():
            sent = self._send(batch)
            with self._changed:
                if not sent:
                    self._drop(self._exporting)
                self._exporting = 0
                self._changed.notify_all()

    def _next_batch(self) -> list[ReadableSpan]:
        """What is to be sent next; nothing only at the end."""
        with self._changed:
            while True:
                self._changed.wait_for(self._is_due, EXPORT_EVERY_S)
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH_SPANS))]
                self._flushing = self._flushing and bool(self._waiting)
                self._exporting = len(batch)
                if batch or self._closed:
                    return batch

    def _is_due(self) -> bool:
        return self._closed or self._flushing or len(self._waiting) >= MAX_BATCH_SPANS

    def _send(self, batch: list[ReadableSpan]) -> bool:
        try:
            return self._exporter.export(batch) is SpanExportResult.SUCCESS
        except Exception:  # noqa: BLE001 - whatever it is, only traces are lost by it, and they are counted
            return False

    def _drop(self, spans: int) -> None:
        if not spans:
            return
        self._dropped.add(spans)
        if self._warning.is_due():
            logger.warning("traces_dropped", spans=spans)
