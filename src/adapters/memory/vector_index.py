"""The index of a store that compares everything: none."""

from facepass.application.ports import IndexHealth, VectorIndex


class NoVectorIndex(VectorIndex):
    """There is nothing to build, and nothing that could be missed."""

    async def inspect(self) -> IndexHealth:
        """See `VectorIndex.inspect`."""
        return IndexHealth(kind="none", parameters={}, galleries=0, missing=0, size_bytes=0, recall=None)

    async def mend(self) -> int:
        """See `VectorIndex.mend`."""
        return 0

    async def measure_recall(self, *, probes: int) -> float | None:  # noqa: ARG002 - nothing to measure
        """See `VectorIndex.measure_recall`."""
        return None
