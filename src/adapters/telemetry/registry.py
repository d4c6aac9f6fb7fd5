"""Where a process keeps its numbers, and what every process tells of itself from the start.

A process is a target of its own for Prometheus: see `docs/adr/0016-metrics.md`.
"""

import platform

from prometheus_client import CollectorRegistry, GCCollector, Info, ProcessCollector


def new_registry(*, version: str) -> CollectorRegistry:
    """With `facepass_build_info`, and what the Python client knows of its process and its garbage collector.

    Args:
        version: of FacePass.
    """
    registry = CollectorRegistry()
    build = Info("facepass_build", "1; what runs, as labels: version of FacePass and of Python.", registry=registry)
    build.info({"version": version, "python": platform.python_version()})
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def whole(registry: CollectorRegistry, _parts: object) -> CollectorRegistry:
    """The registry, once everything is made that registers in it: so a scrape tells of what was never used, too."""
    return registry
