"""What is done to the store, in numbers. What a transaction writes is counted when it holds, and not before."""

from collections import Counter as Tallies
from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric
from prometheus_client.core import UntypedMetricFamily
from prometheus_client.registry import Collector

from facepass.domain.identification import SearchMode
from facepass.domain.job import UnitState

BUCKETS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
NEW, REPLACED = "new", "replaced"
ENDS: Final = (UnitState.DONE, UnitState.FAILED, UnitState.CANCELLED)


class StoreMetrics:
    """`gallery_search_seconds`, `photos_stored_total` and `job_units_total`, as this process did it.

    Args:
        registry: where the metrics are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        seconds = Histogram(
            "gallery_search_seconds",
            "How long the store took to compare a probe with a session, by mode (exact, ann); selfies are not in it.",
            ["mode"],
            buckets=BUCKETS_S,
            registry=registry,
        )
        photos = Counter(
            "photos_stored_total",
            "Photos that this process stored, by outcome: new, or replaced where the session had the photo already.",
            ["outcome"],
            registry=registry,
        )
        self._seconds = {mode: seconds.labels(mode.value) for mode in SearchMode}
        self._photos = {outcome: photos.labels(outcome) for outcome in (NEW, REPLACED)}
        self._units = UnitEnds(registry)

    def searched(self, mode: SearchMode, duration_s: float) -> None:
        """One search is over."""
        self._seconds[mode].observe(duration_s)

    def stored(self, outcome: str, photos: int) -> None:
        """Photos hold."""
        self._photos[outcome].inc(photos)

    def ended(self, end: UnitState, units: int) -> None:
        """Units of jobs have ended."""
        self._units.count(end, units)


class UnitEnds(Collector):
    """`job_units_total`, which counts up, but is of no type.

    As a counter it would be of the family `job_units` to OpenMetrics, and so is the gauge of that name.

    Args:
        registry: where it is registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._ends: dict[UnitState, int] = dict.fromkeys(ENDS, 0)
        registry.register(self)

    def count(self, end: UnitState, units: int) -> None:
        """Units have ended."""
        self._ends[end] += units

    def describe(self) -> Iterable[Metric]:
        """The same."""
        return self.collect()

    def collect(self) -> Iterable[Metric]:
        """As it is now."""
        family = UntypedMetricFamily(
            "job_units_total",
            "Photos of jobs that came to their end in this process, by outcome (done, failed, cancelled); counts up.",
            labels=["outcome"],
        )
        for end, units in self._ends.items():
            family.add_metric([end.value], units)
        return [family]


class Tally:
    """What one transaction has written so far.

    Args:
        metrics: where it is counted once it holds.
    """

    def __init__(self, metrics: StoreMetrics) -> None:
        self._metrics = metrics
        self._photos: Tallies[str] = Tallies()
        self._units: Tallies[UnitState] = Tallies()

    def photos(self, outcome: str, number: int) -> None:
        """Photos were written."""
        self._photos[outcome] += number

    def units(self, end: UnitState, number: int) -> None:
        """Units of jobs were ended."""
        self._units[end] += number

    def holds(self) -> None:
        """It was committed: count it."""
        for outcome, photos in self._photos.items():
            self._metrics.stored(outcome, photos)
        for end, units in self._units.items():
            self._metrics.ended(end, units)
        self.forget()

    def forget(self) -> None:
        """It does not hold, or it is counted."""
        self._photos.clear()
        self._units.clear()
