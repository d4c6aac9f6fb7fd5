"""Circuit breakers in numbers: one set of metrics for all of them, labelled by dependency."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from facepass.application.ports import Circuit, CircuitState

STATE_VALUES = {CircuitState.CLOSED: 0, CircuitState.HALF_OPEN: 1, CircuitState.OPEN: 2}


class BreakerMetrics:
    """`circuit_breaker_state`, `dependency_failures_total` and `dependency_refused_total`.

    Args:
        registry: where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._state = Gauge(
            "circuit_breaker_state",
            "0: closed, calls go through; 1: half open, the next call looks whether it is back; 2: open.",
            ["dependency"],
            registry=registry,
        )
        self._failures = Counter(
            "dependency_failures_total",
            "How often a dependency was asked in vain, health checks and probes included, or answered too slowly.",
            ["dependency"],
            registry=registry,
        )
        self._refused = Counter(
            "dependency_refused_total",
            "Calls that were refused without asking, because the dependency was known to be away.",
            ["dependency"],
            registry=registry,
        )

    def watch(self, dependency: str, circuit: Circuit) -> None:
        """Show the state of a breaker from now on; all its series are there from the start."""
        self._state.labels(dependency).set_function(lambda: STATE_VALUES[circuit.state])
        self._failures.labels(dependency)
        self._refused.labels(dependency)

    def failed(self, dependency: str) -> None:
        """Count a failure."""
        self._failures.labels(dependency).inc()

    def refused(self, dependency: str) -> None:
        """Count a refusal."""
        self._refused.labels(dependency).inc()
