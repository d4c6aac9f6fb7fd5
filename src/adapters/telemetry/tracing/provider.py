"""What makes spans and takes them away: the SDK, one of its own for each container, and no global."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from facepass import __version__
from facepass.adapters.telemetry.tracing.dropped_spans import DroppedSpans
from facepass.adapters.telemetry.tracing.span_queue import SpanQueue
from facepass.adapters.telemetry.tracing.spans import Traces
from facepass.application.ports import Clock

EXPORT_TIMEOUT_S: Final = 2.0
"""Of one batch, second tries included."""
PATH: Final = "/v1/traces"


@dataclass(frozen=True, slots=True)
class Collector:
    """Where spans go, and which.

    Attributes:
        endpoint: of an OTLP receiver over HTTP, without the path of traces.
        headers: sent with every batch; secret.
        service: what the spans are told to be of.
        environment: likewise, such as `production`.
        share: of the traces that begin here, 0 to 1; a caller's trace is kept where the caller keeps it.
    """

    endpoint: str
    headers: Mapping[str, str] = field(repr=False)
    service: str
    environment: str
    share: float


class Tracing:
    """The spans of one container, from `open` to `close`.

    Attributes:
        traces: makes spans; of those made outside of that time nobody hears.
    """

    def __init__(self, collector: Collector, *, clock: Clock, dropped: DroppedSpans) -> None:
        exporter = OTLPSpanExporter(
            endpoint=collector.endpoint.rstrip("/") + PATH,
            headers=dict(collector.headers),
            timeout=EXPORT_TIMEOUT_S,
        )
        self._queue = SpanQueue(exporter, clock=clock, dropped=dropped)
        provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(collector.share)),
            resource=Resource.create(
                {
                    "service.name": collector.service,
                    "service.version": __version__,
                    "service.instance.id": str(uuid4()),
                    "deployment.environment.name": collector.environment,
                }
            ),
            shutdown_on_exit=False,
        )
        provider.add_span_processor(self._queue)
        self.traces = Traces(provider.get_tracer("facepass", __version__))

    def open(self) -> None:
        """Begin to send."""
        self._queue.open()

    def flush(self, timeout_s: float) -> bool:
        """Send what has ended until now; whether that was done in time."""
        return self._queue.force_flush(round(1e3 * timeout_s))

    def close(self) -> None:
        """Send the last spans, within `span_queue.CLOSE_TIMEOUT_S`."""
        self._queue.shutdown()
