"""Writes `docs/metrics.md` from a registry in which everything has registered, as a service of its own would make it.

python -m facepass.entrypoints.reference metrics > docs/metrics.md
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dependency_injector import providers
from prometheus_client import CollectorRegistry, Metric

from facepass.entrypoints.container import Container
from facepass.entrypoints.settings import Database, ObjectStore, Redis, Secret, Settings

HEADER: Final = """# Metrics

<!-- Made by `make docs` from the metrics themselves: change their descriptions there. -->

`facepass serve` answers `GET /metrics` at `API_PORT`, `facepass worker` at `METRICS_PORT` where that is set, as
Prometheus text or as OpenMetrics. Each process is a target of its own and tells of itself only
([why](adr/0016-metrics.md)): add up over all of them. But `stored_*`, `job_units`, `job_queue_age_seconds` and
`backup_last_success_timestamp_seconds` are of the one database behind them all: take their maximum. Every
`facepass serve` reads them each 30 s (what takes longer than 0.6 s, less often); they are absent while the database
cannot be read.

A scrape asks nobody anything: no database, no network. No label holds what callers send, such as ids, paths or keys: a
route is its template, a model one of this service's registry. A histogram NAME has the series `NAME_bucket`, `NAME_sum`
and `NAME_count`. The paths are meant for the internal network; a proxy in front does not publish them.

| name | type | labels | meaning |
|---|---|---|---|"""
SUFFIXES: Final = {"counter": "_total", "info": "_info"}
HIDDEN: Final = frozenset({"le"})
"""Labels that are part of a type."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One metric, in words.

    Attributes:
        name: as queries write it.
        labels: names, sorted.
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


def complete_registry() -> CollectorRegistry:
    """With the metrics of a service that has everything: PostgreSQL, a bucket, Redis. Nothing is opened."""
    nowhere, secret = "nowhere.invalid", Secret("x")
    settings = Settings(
        database=Database(postgres_host=nowhere),
        redis=Redis(redis_host=nowhere),
        object_store=ObjectStore(s3_bucket="photos", s3_access_key=secret, s3_secret_key=secret),
    )
    container = Container(settings=settings)
    container.vision.override(providers.Object("memory"))
    return container.whole_registry()


def entries(registry: CollectorRegistry) -> Iterator[Entry]:
    """Every metric, by name."""
    for family in sorted(registry.collect(), key=lambda family: family.name):
        yield Entry(
            family.name + SUFFIXES.get(family.type, ""),
            family.type,
            tuple(sorted(_labels(registry, family) - HIDDEN)),
            family.documentation,
        )


def _labels(registry: CollectorRegistry, family: Metric) -> set[str]:
    """What its series are told apart by. Without any series only whatever makes them knows, and keeps it to itself."""
    collector = registry._names_to_collectors.get(family.name)  # noqa: SLF001
    declared = {*getattr(collector, "_labelnames", ()), *getattr(family, "_labelnames", ())}
    return declared | {name for sample in family.samples for name in sample.labels}


def page() -> str:
    """The whole document, Markdown."""
    rows = [
        f"| `{entry.name}` | {entry.kind} | {', '.join(f'`{name}`' for name in entry.labels)} | {entry.meaning} |"
        for entry in entries(complete_registry())
    ]
    return "\n".join([HEADER, *rows]) + "\n"
