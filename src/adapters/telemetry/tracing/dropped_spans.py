"""Spans that were lost: there is a number for it also where none are made, so that a query always has an answer."""

from prometheus_client import CollectorRegistry, Counter


class DroppedSpans:
    """Keeps the counter `trace_spans_dropped_total`.

    Args:
        registry: where it is registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._dropped = Counter(
            "trace_spans_dropped",
            "Spans that never came to the collector: it did not take them, or too many waited for it.",
            registry=registry,
        )

    def add(self, spans: int) -> None:
        """So many more."""
        self._dropped.inc(spans)
