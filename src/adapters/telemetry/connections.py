"""Connections to the database, counted by each scrape where the pool keeps them: nothing is asked of the database."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Protocol

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


class Connections(Protocol):
    """A pool, in numbers."""

    @property
    @abstractmethod
    def active(self) -> int:
        """Handed out, or being opened."""

    @property
    @abstractmethod
    def idle(self) -> int:
        """Open, and free."""

    @property
    @abstractmethod
    def most(self) -> int:
        """How many there may be."""

    @property
    @abstractmethod
    def waiting(self) -> int:
        """Who waits for one to come free, or to be opened."""


class ConnectionGauges(Collector):
    """`db_connections_active`, `db_connections_idle`, `db_connections_max`, `db_connections_waiting`.

    Args:
        pool: whose.
        registry: where the gauges are registered.
    """

    def __init__(self, pool: Connections, *, registry: CollectorRegistry) -> None:
        self._pool = pool
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """The same."""
        return self.collect()

    def collect(self) -> Iterable[Metric]:
        """As it is now."""
        pool = self._pool
        return [
            GaugeMetricFamily("db_connections_active", "Connections of the pool that are in use.", pool.active),
            GaugeMetricFamily("db_connections_idle", "Connections of the pool that are open and free.", pool.idle),
            GaugeMetricFamily("db_connections_max", "Most connections the pool may have: DB_POOL_MAX.", pool.most),
            GaugeMetricFamily(
                "db_connections_waiting",
                "Callers that wait for a connection of the pool, to come free or to be opened.",
                pool.waiting,
            ),
        ]
