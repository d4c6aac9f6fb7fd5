"""Is the service alive, and is it fit to answer?

Liveness touches nothing: a database that is away must not have the process killed. Health and readiness ask every
dependency and answer 503 while one is away, so that a load balancer can use either. The models are loaded and warmed up
before the first request is taken.
"""

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from facepass.application.check_health import CheckHealth, HealthStatus
from facepass.entrypoints.http import schemas
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


@get("/health/live")
async def live(request: HttpRequest) -> Response[bytes]:
    """Whether the process answers."""
    return answer(request, schemas.Liveness("healthy"))


async def _health(request: HttpRequest, check_health: CheckHealth, settings: Settings) -> Response[bytes]:
    state = await check_health()
    body = schemas.Health(
        status=state.status.value,
        database="connected" if state.dependencies.get("database", True) else "unreachable",
        face_recognition_model="loaded",
        version=settings.application.app_version,
        uptime_seconds=state.uptime_s,
    )
    if state.status is HealthStatus.HEALTHY:
        return answer(request, body)
    return answer(request, body, status=503, headers={"Retry-After": str(RETRY_AFTER_S)})
