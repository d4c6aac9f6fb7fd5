"""Live detection, measured: how many are connected, and what became of their frames."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge

OUTCOMES: Final = ("answered", "dropped", "failed")


class LiveMetrics:
    """`live_connections` and `live_frames_total`.

    Args:
        registry: where the metrics are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._connections = Gauge(
            "live_connections", "Open connections of live detection whose callers are known.", registry=registry
        )
        frames = Counter(
            "live_frames_total",
            "Frames of live detection, by outcome: answered with what was found, failed with a reason, or dropped "
            "because a newer one came or their client left.",
            ["outcome"],
            registry=registry,
        )
        self._frames = {outcome: frames.labels(outcome) for outcome in OUTCOMES}

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Count a connection while inside."""
        with self._connections.track_inprogress():
            yield

    def frames(self, outcome: Literal["answered", "dropped", "failed"], number: int = 1) -> None:
        """Count frames that are over."""
        self._frames[outcome].inc(number)
