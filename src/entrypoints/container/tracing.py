"""Traces, where a collector is named: only then is OpenTelemetry's SDK loaded, and only then are ports wrapped."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

from facepass.adapters.telemetry.tracing.dropped_spans import DroppedSpans
from facepass.adapters.telemetry.tracing.jobs import Handle, TracedUnits
from facepass.adapters.telemetry.tracing.pictures import TracedFrames
from facepass.adapters.telemetry.tracing.requests import RequestTraces
from facepass.adapters.telemetry.tracing.spans import Traces
from facepass.application.detect_faces import FindFaces
from facepass.application.ports import Clock
from facepass.entrypoints.http.middleware.tracing import UNTRACED, RequestTracer
from facepass.entrypoints.settings import Settings

if TYPE_CHECKING:
    from facepass.adapters.telemetry.tracing.provider import Tracing

Port = TypeVar("Port")


def tracing(settings: Settings, *, clock: Clock, dropped: DroppedSpans) -> "Tracing | None":
    """What makes spans and sends them; None where no collector is named."""
    chosen = settings.tracing
    if chosen.otel_exporter_otlp_endpoint is None:
        return None
    # A tenth of a second that a service without a collector does not pay.
    from facepass.adapters.telemetry.tracing.provider import Collector, Tracing  # noqa: PLC0415

    collector = Collector(
        endpoint=chosen.otel_exporter_otlp_endpoint,
        headers=headers(chosen.otel_exporter_otlp_headers.reveal()),
        service=chosen.otel_service_name,
        environment=settings.application.environment,
        share=chosen.otel_traces_sampler_arg,
    )
    return Tracing(collector, clock=clock, dropped=dropped)


def headers(text: str) -> dict[str, str]:
    """Of `name=value,name=value`, names in lower case; what is no such pair is left out."""
    pairs = (pair.partition("=") for pair in text.split(","))
    return {name.strip().lower(): unquote(value.strip()) for name, _, value in pairs if name.strip() and value.strip()}


def traces(made: "Tracing | None") -> Traces | None:
    """Makes spans; None where nobody takes them."""
    return None if made is None else made.traces


def traced(inner: Port, wrapper: Callable[[Port, Traces], Port], spans: Traces | None) -> Port:
    """A port with spans; the port as it is where nobody takes them."""
    return inner if spans is None else wrapper(inner, spans)


def request_tracer(spans: Traces | None) -> RequestTracer:
    """Makes the root spans of requests."""
    return UNTRACED if spans is None else RequestTraces(spans)


def alignment_observer(spans: Traces | None) -> Callable[[], Callable[[int, int, int], None] | None]:
    """Asked by each caller of a model whom to tell when its faces were aligned, which happens in common batches."""
    return (lambda: None) if spans is None else (lambda: spans.recorder("align"))


def live_frames(detect_faces: FindFaces, spans: Traces | None) -> FindFaces:
    """What looks at the frames of cameras."""
    return detect_faces if spans is None else TracedFrames(detect_faces, spans)


def job_units(handle: Handle, spans: Traces | None) -> Handle:
    """What does a unit of a job."""
    return handle if spans is None else TracedUnits(handle, spans)
