"""Units of jobs, each a trace of its own: the request that asked for it ended long ago."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from opentelemetry.trace import SpanKind

from facepass.adapters.telemetry.tracing.spans import Traces
from facepass.domain.job import UnitRef

Handle: TypeAlias = Callable[[UnitRef], Awaitable[None]]


class TracedUnits:
    """`job unit`, around whatever does it; by its job's id, which is chance, the units of a job are found."""

    def __init__(self, inner: Handle, traces: Traces) -> None:
        self._inner = inner
        self._traces = traces

    async def __call__(self, ref: UnitRef) -> None:
        """See `RunUnit`."""
        with self._traces.root("job unit", SpanKind.CONSUMER) as span:
            if span.is_recording():
                span.set_attributes({"facepass.job.id": str(ref.job_id), "facepass.job.unit": ref.unit_no})
            await self._inner(ref)
