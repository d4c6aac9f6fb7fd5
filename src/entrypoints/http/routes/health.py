"""Is the service alive, and is it fit to answer?

Liveness touches nothing: a database that is away must not have the process killed. The others ask every dependency and
answer 503 while an essential one is away, so that a load balancer can use any of them; without another the service is
degraded and still answers. The models are loaded and warmed up before the first request is taken.
"""

from typing import Literal

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from msgspec import Struct

from facepass.application.check_health import CheckHealth, DependencyHealth, Health, HealthStatus
from facepass.entrypoints.http import access, schemas
from facepass.entrypoints.http.answers import HttpRequest, answer
from facepass.entrypoints.settings import Settings

RETRY_AFTER_S = 5


@get("/health")
async def health(
    request: HttpRequest,
    check_health: NamedDependency[SkipValidation[CheckHealth]],
    settings: NamedDependency[SkipValidation[Settings]],
) -> Response[bytes]:
    """The service and what it depends on."""
    return await _health(request, check_health, settings)


@get("/health/ready")
async def ready(
    request: HttpRequest,
    check_health: NamedDependency[SkipValidation[CheckHealth]],
    settings: NamedDependency[SkipValidation[Settings]],
) -> Response[bytes]:
    """Whether requests should be sent here."""
    return await _health(request, check_health, settings)


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
    return _answer(request, state, body)


@get("/health/live")
async def live(request: HttpRequest) -> Response[bytes]:
    """Whether the process answers."""
    return answer(request, schemas.Liveness("healthy"))


async def _health(request: HttpRequest, check_health: CheckHealth, settings: Settings) -> Response[bytes]:
    state = await check_health()
    body = schemas.Health(
        status=state.status.value,
        database=_reached(state.dependencies["database"]),
        face_recognition_model="loaded",
        version=settings.application.app_version,
        uptime_seconds=state.uptime_s,
    )
    return _answer(request, state, body)


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


def _answer(request: HttpRequest, state: Health, body: Struct) -> Response[bytes]:
    if state.status is HealthStatus.UNHEALTHY:
        return answer(request, body, status=503, headers={"Retry-After": str(RETRY_AFTER_S)})
    return answer(request, body)
