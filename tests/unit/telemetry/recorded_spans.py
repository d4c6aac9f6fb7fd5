"""Spans that stay in memory, for tests that look at what is made."""

from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased

from facepass.adapters.telemetry.tracing.spans import Traces


class RecordedSpans:
    """Traces whose spans can be looked at; stands for `Tracing` in a container."""

    def __init__(self, *, kept: bool = True) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(sampler=ParentBased(ALWAYS_ON if kept else ALWAYS_OFF), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.traces = Traces(provider.get_tracer("test"))

    def open(self) -> None:
        """Nothing to be opened."""

    def close(self) -> None:
        """Nothing to be closed."""

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """In the order in which they ended."""
        return self._exporter.get_finished_spans()

    def one(self, name: str) -> ReadableSpan:
        """The only span of a name."""
        (span,) = (span for span in self.spans if span.name == name)
        return span

    def tree(self) -> list[str]:
        """`parent > name` of every span, sorted; roots without a parent."""
        names = {span.context.span_id: span.name for span in self.spans if span.context}
        return sorted(
            f"{names.get(span.parent.span_id, '?')} > {span.name}" if span.parent else span.name for span in self.spans
        )
