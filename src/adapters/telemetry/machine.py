"""What the machine gives this process, looked up by each scrape: room on disk and memory."""

import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


class MachineGauges(Collector):
    """`data_dir_free_bytes`, `data_dir_size_bytes` and `memory_limit_bytes`; what cannot be found out is left out."""

    def __init__(self, data_dir: Path, *, memory_limit: Callable[[], int], registry: CollectorRegistry) -> None:
        """Of one process.

        Args:
            data_dir: where it keeps its files; need not be there yet.
            memory_limit: says how many bytes of memory it may have.
            registry: where the gauges are registered.
        """
        self._data_dir = data_dir
        self._memory_limit = memory_limit
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """The same without values."""
        return self._families()

    def collect(self) -> Iterable[Metric]:
        """As it is now."""
        free, size, limit = self._families()
        with suppress(OSError):
            usage = shutil.disk_usage(_existing(self._data_dir))
            free.add_metric([], usage.free)
            size.add_metric([], usage.total)
        with suppress(OSError, ValueError):
            limit.add_metric([], self._memory_limit())
        return [free, size, limit]

    @staticmethod
    def _families() -> tuple[GaugeMetricFamily, ...]:
        return tuple(
            GaugeMetricFamily(name, meaning, labels=[])
            for name, meaning in (
                ("data_dir_free_bytes", "Bytes left to this process on the file system that holds DATA_DIR."),
                ("data_dir_size_bytes", "Size of the file system that holds DATA_DIR."),
                ("memory_limit_bytes", "Memory that the container (cgroup) may have, or that the machine has."),
            )
        )


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there: it will be made on the same file system."""
    nearest = folder.absolute()
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    return nearest
