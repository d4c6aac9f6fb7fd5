"""Is the service alive, and is it fit to answer?

Liveness touches nothing: neither a database that is away nor the wish to stop must have the process killed. The others
ask every dependency and answer 503 while an essential one is away, so that a load balancer can use any of them; without
another the service is degraded and still answers. A service that was told to stop says so with 503, while it answers
what still comes. The models are loaded and warmed up before the first request is taken.
"""

from typing import Literal

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from msgspec import Struct

from facepass.application.check_health import CheckHealth, DependencyHealth, HealthStatus
from facepass.entrypoints.http import access, schemas
from facepass.entrypoints.http.answers import HttpRequest, answer
from facepass.entrypoints.serving import Serving
from facepass.entrypoints.settings import Settings

RETRY_AFTER_S = 5


@get("/health")
async def health(
    request: HttpRequest,
    check_health: NamedDependency[SkipValidation[CheckHealth]],
    serving: NamedDependency[SkipValidation[Serving]],
    settings: NamedDependency[SkipValidation[Settings]],
) -> Response[bytes]:
    """The service and what it depends on."""
    return await _health(request, check_health, serving, settings)


@get("/health/ready")
async def ready(
    request: HttpRequest,
    check_health: NamedDependency[SkipValidation[CheckHealth]],
    serving: NamedDependency[SkipValidation[Serving]],
    settings: NamedDependency[SkipValidation[Settings]],
) -> Response[bytes]:
    """Whether requests should be sent here."""
    return await _health(request, check_health, serving, settings)


@get("/health/detailed", opt={"access": access.INSIDE})
async def detailed(
    request: HttpRequest,
    check_health: NamedDependency[SkipValidation[CheckHealth]],
    settings: NamedDependency[SkipValidation[Settings]],
) -> Response[bytes]:
    """Each dependency, with its latency."""
    state = await check_health()
    body = schemas.DetailedHealth(
        status=state.status.value,
        version=settings.application.app_version,
        uptime_seconds=state.uptime_s,
        dependencies={name: _dependency(one) for name, one in state.dependencies.items()},
    )
    return _answer(request, body, ready=state.status is not HealthStatus.UNHEALTHY)


@get("/health/live")
async def live(request: HttpRequest) -> Response[bytes]:
    """Whether the process answers."""
    return answer(request, schemas.Liveness("healthy"))


async def _health(
    request: HttpRequest, check_health: CheckHealth, serving: Serving, settings: Settings
) -> Response[bytes]:
    state = await check_health()
    stopping = serving.is_stopping
    body = schemas.Health(
        status="stopping" if stopping else state.status.value,
        database=_reached(state.dependencies["database"]),
        face_recognition_model="loaded",
        version=settings.application.app_version,
        uptime_seconds=state.uptime_s,
    )
    return _answer(request, body, ready=not stopping and state.status is not HealthStatus.UNHEALTHY)


def _dependency(one: DependencyHealth) -> schemas.DependencyHealth:
    return schemas.DependencyHealth(
        status=_reached(one),
        latency_ms=round(one.latency_ms, 3),
        essential=one.dependency.essential,
        breaker=None if one.circuit is None else one.circuit.value,
        policy=one.dependency.policy.value,
        without_it=one.dependency.without_it,
    )


def _reached(dependency: DependencyHealth) -> Literal["connected", "unreachable"]:
    return "connected" if dependency.answers else "unreachable"


def _answer(request: HttpRequest, body: Struct, *, ready: bool) -> Response[bytes]:
    if not ready:
        return answer(request, body, status=503, headers={"Retry-After": str(RETRY_AFTER_S)})
    return answer(request, body)
