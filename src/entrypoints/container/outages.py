"""What becomes of callers while a dependency is away: the policies of `docs/outages.md`, as the service tells them."""

from facepass.application.check_health import Dependency, OutagePolicy
from facepass.application.ports import Circuit, Readiness


def database_dependency(readiness: Readiness, circuit: Circuit | None) -> Dependency:
    """PostgreSQL: nothing is true without it."""
    return Dependency(
        readiness,
        essential=True,
        policy=OutagePolicy.CLOSED,
        without_it="Indexing and searching answer 503 with Retry-After. Nothing that was acknowledged is lost.",
        circuit=circuit,
    )


def photos_dependency(readiness: Readiness, circuit: Circuit) -> Dependency:
    """The bucket of photos named by key: no photo can be made up."""
    return Dependency(
        readiness,
        essential=False,
        policy=OutagePolicy.CLOSED,
        without_it="Indexing by s3_key answers 503 with Retry-After. Uploads and searches go on.",
        circuit=circuit,
    )


def redis_dependency(readiness: Readiness, circuit: Circuit) -> Dependency:
    """Where replicas count calls: an outage of what protects the service must not be one of the service."""
    return Dependency(
        readiness,
        essential=False,
        policy=OutagePolicy.OPEN,
        without_it="Rate limits are not kept: every call is admitted, and counted as unchecked.",
        circuit=circuit,
    )


def outside_dependencies(**dependencies: Dependency | None) -> dict[str, Dependency]:
    """Those that this service has, by name."""
    return {name: dependency for name, dependency in dependencies.items() if dependency is not None}
