"""Requests, counted and timed: each moves its counter and its histogram by exactly one, however it ends."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from facepass.domain.errors import Overloaded

METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
OTHER_METHOD: Final = "other"
"""A caller may invent methods; labels may not be invented."""
BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
OPERATIONS: Final = {"/search": "search", "/index": "index", "/index/batch": "index"}
"""Routes below the base that have metrics of their own, as `POST`."""


class RequestMetrics:
    """Tells how often which route was asked, how it answered, and how long that took.

    Metrics: `http_requests_total`, `http_request_duration_seconds`, `http_problems_total`, and of the two that matter
    most `search_requests_total`, `search_duration_seconds`, `index_requests_total`, `index_duration_seconds`.
    Durations of requests whose trace is kept carry its id as an exemplar, which OpenMetrics shows.

    Args:
        registry: where the metrics are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "http_requests", "Requests, by route template.", ["method", "route", "status"], registry=registry
        )
        self._duration = Histogram(
            "http_request_duration_seconds",
            "From the first byte to the last, by route template.",
            ["method", "route"],
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._problems = Counter(
            "http_problems", "Requests that were answered with a problem, by its code.", ["code"], registry=registry
        )
        self._problems.labels(Overloaded.code)  # alerts take it away from what fails
        names = sorted(set(OPERATIONS.values()))
        self._operations = {
            name: (
                Counter(f"{name}_requests", f"Requests to {name}.", ["status"], registry=registry),
                Histogram(
                    f"{name}_duration_seconds",
                    f"How long requests to {name} took.",
                    buckets=BUCKETS_S,
                    registry=registry,
                ),
            )
            for name in names
        }

    def observe(
        self,
        method: str,
        route: str,
        status: int,
        *,
        duration_s: float,
        problem: str | None = None,
        trace_id: str | None = None,
    ) -> None:
        """Count one request that is over.

        Args:
            method: as the caller spelt it.
            route: the template of the route, with its base; never a path, which holds ids.
            status: of the answer, or 499 where the caller had left.
            duration_s: how long it took.
            problem: code of the problem that was answered, one of `domain.errors`.
            trace_id: of a trace that is kept: an example of how long such a request takes.
        """
        exemplar = {"trace_id": trace_id} if trace_id else None
        known = method if method in METHODS else OTHER_METHOD
        self._requests.labels(known, route, str(status)).inc()
        self._duration.labels(known, route).observe(duration_s, exemplar)
        if problem is not None:
            self._problems.labels(problem).inc()
        _, _, below = route.removeprefix("/api/").partition("/")
        operation = OPERATIONS.get(f"/{below}") if known == "POST" else None
        if operation is not None:
            counter, histogram = self._operations[operation]
            counter.labels(str(status)).inc()
            histogram.observe(duration_s, exemplar)
