"""What the database knows, as it was read last: absent before it was read, and from the moment it cannot be."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from facepass.application.check_upkeep import Upkeep
from facepass.application.ports import Clock, StoreTotals

_TOTALS = (
    ("stored_sessions", "Sessions that hold something."),
    ("stored_photos", "Photos of all sessions."),
    ("stored_faces", "Faces that can be found, of all sessions."),
    ("stored_bytes", "Size of the tables of sessions, photos and faces on disk, with their indexes."),
)


class StoreGauges(Collector):
    """`stored_*`, `job_units`, `job_queue_age_seconds` and `backup_last_success_timestamp_seconds`.

    They are of the whole database, whoever tells of them: of several replicas take the greatest, not the sum.

    Args:
        clock: says how long ago something was.
        registry: where the gauges are registered.
    """

    def __init__(self, *, clock: Clock, registry: CollectorRegistry) -> None:
        self._clock = clock
        self._totals: StoreTotals | None = None
        self._upkeep: Upkeep | None = None
        registry.register(self)

    def show_totals(self, totals: StoreTotals | None) -> None:
        """Show this from now on; None for nothing."""
        self._totals = totals

    def show_upkeep(self, upkeep: Upkeep | None) -> None:
        """Show this from now on; None for nothing."""
        self._upkeep = upkeep

    def describe(self) -> Iterable[Metric]:
        """The same without values."""
        return [*self._stored(None), *self._kept_up(None)]

    def collect(self) -> Iterable[Metric]:
        """As it was read last; ages are as of now."""
        return [*self._stored(self._totals), *self._kept_up(self._upkeep)]

    @staticmethod
    def _stored(totals: StoreTotals | None) -> list[GaugeMetricFamily]:
        families = [GaugeMetricFamily(name, meaning, labels=[]) for name, meaning in _TOTALS]
        if totals is not None:
            values = (totals.sessions, totals.photos, totals.embeddings, totals.size_bytes)
            for family, value in zip(families, values, strict=True):
                if value is not None:
                    family.add_metric([], value)
        return families

    def _kept_up(self, upkeep: Upkeep | None) -> list[GaugeMetricFamily]:
        units = GaugeMetricFamily(
            "job_units",
            "Photos of jobs, by state: queued until they are done, or failed (given up) and still listed.",
            labels=["state"],
        )
        age = GaugeMetricFamily(
            "job_queue_age_seconds",
            "How long the photo that was queued first has waited to be done; 0 where none waits.",
            labels=[],
        )
        backup = GaugeMetricFamily(
            "backup_last_success_timestamp_seconds",
            "Unix time that the newest complete backup by `facepass db backup` shows; absent where none is known of.",
            labels=[],
        )
        if upkeep is not None:
            backlog, now = upkeep.backlog, self._clock.now()
            units.add_metric(["queued"], backlog.queued)
            units.add_metric(["failed"], backlog.failed)
            waited = 0.0 if backlog.oldest_at is None else (now - backlog.oldest_at).total_seconds()
            age.add_metric([], max(0.0, waited))
            if upkeep.backup_at is not None:
                backup.add_metric([], upkeep.backup_at.timestamp())
        return [units, age, backup]
