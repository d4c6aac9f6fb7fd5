"""How well inference is batched across requests."""

from prometheus_client import CollectorRegistry, Histogram

SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


class BatchSizes:
    """Keeps the histogram `inference_batch_size`.

    Args:
        registry: where it is registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._sizes = Histogram(
            "inference_batch_size", "Faces that were embedded at once.", buckets=SIZES, registry=registry
        )

    def observe(self, size: int) -> None:
        """One more batch."""
        self._sizes.observe(size)
