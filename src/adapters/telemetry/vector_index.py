"""The approximate index, measured."""

from prometheus_client import CollectorRegistry, Gauge

from facepass.application.ports import IndexHealth, VectorIndex


class MeteredVectorIndex(VectorIndex):
    """Keeps the gauge `search_recall` at what the canary found last; without a value until it found something.

    Args:
        inner: does the work.
        registry: where the gauge is registered.
    """

    def __init__(self, inner: VectorIndex, *, registry: CollectorRegistry) -> None:
        self._inner = inner
        self._recall = Gauge(
            "search_recall",
            "Share of an exact search's photos that the approximate index finds, by the latest canary.",
            ["index"],
            registry=registry,
        )

    async def inspect(self) -> IndexHealth:
        """See `VectorIndex.inspect`."""
        return await self._inner.inspect()

    async def mend(self) -> int:
        """See `VectorIndex.mend`."""
        return await self._inner.mend()

    async def measure_recall(self, *, probes: int) -> float | None:
        """See `VectorIndex.measure_recall`."""
        recall = await self._inner.measure_recall(probes=probes)
        if recall is None:
            self._recall.clear()
        else:
            self._recall.labels("hnsw").set(recall)
        return recall
