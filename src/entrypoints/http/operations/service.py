"""What the service accepts, what it searches with, and how it is."""

from facepass.entrypoints.http import access, documented, schemas
from facepass.entrypoints.http.operations.operation import STORE, Operation
from facepass.entrypoints.http.routes.uploads import FORMATS
from facepass.entrypoints.settings import Settings

METRICS = """\
# HELP rate_limit_decisions_total Calls that were counted, by kind and decision.
# TYPE rate_limit_decisions_total counter
rate_limit_decisions_total{decision="admitted",kind="search"} 1873.0
"""
_ASKS = (
    "Asks every dependency, each within its own time limit. `unhealthy`, with 503: an essential one is away. "
    "`degraded`, with 200: another is, and the service goes on without it; `/health/detailed` says what is amiss then."
)
_STOPPING = " `stopping`, with 503: it was told to, and answers what still comes."


def service(settings: Settings) -> tuple[Operation, ...]:
    """In the order of the document."""
    return (_store(settings), _formats(settings), *_health(settings), *_metrics())


def _formats(settings: Settings) -> Operation:
    limits = settings.uploads
    return Operation(
        method="get",
        path="/upload/supported-formats",
        name="supported_formats",
        tag="Service",
        summary="What an upload may be",
        description="Formats are told by decoding, not by name.",
        answer=schemas.SupportedFormats,
        example=schemas.SupportedFormats(
            FORMATS, limits.max_upload_bytes, limits.max_image_side, limits.max_image_side
        ),
        errors=("internal",),
        revalidates=True,
    )


def _health(settings: Settings) -> tuple[Operation, ...]:
    healthy = schemas.Health("healthy", "connected", "loaded", settings.application.app_version, 8412.6)
    return (
        *(
            Operation(
                method="get",
                path=path,
                name=name,
                tag="Service",
                summary=summary,
                description=_ASKS + _STOPPING,
                answer=schemas.Health,
                example=healthy,
                errors=("internal",),
                answers_503=True,
            )
            for path, name, summary in (
                ("/health", "health", "The service and what it depends on"),
                ("/health/ready", "ready", "Whether requests should be sent here"),
            )
        ),
        Operation(
            method="get",
            path="/health/detailed",
            name="detailed_health",
            tag="Service",
            summary="Each dependency, with its latency",
            description=_ASKS,
            answer=schemas.DetailedHealth,
            example=schemas.DetailedHealth(
                "degraded",
                healthy.version,
                healthy.uptime_seconds,
                {
                    "database": schemas.DependencyHealth(
                        "connected",
                        1.284,
                        True,
                        "closed",
                        "closed",
                        "Indexing and searching answer 503 with Retry-After. Nothing that was acknowledged is lost.",
                    ),
                    "redis": schemas.DependencyHealth(
                        "unreachable",
                        250.913,
                        False,
                        "open",
                        "open",
                        "Rate limits are not kept: every call is admitted, and counted as unchecked.",
                    ),
                },
            ),
            errors=("internal",),
            access=access.INSIDE,
            answers_503=True,
        ),
        Operation(
            method="get",
            path="/health/live",
            name="live",
            tag="Service",
            summary="Whether the process answers",
            description="Never touches a dependency.",
            answer=schemas.Liveness,
            example=schemas.Liveness("healthy"),
            errors=("internal",),
        ),
    )


def _metrics() -> tuple[Operation, ...]:
    return tuple(
        Operation(
            method="get",
            path=path,
            name=name,
            tag="Service",
            summary="Numbers for Prometheus",
            description="Meant for the internal network: a proxy in front does not publish it. OpenMetrics where "
            "`Accept` asks for it.",
            answer=None,
            example=METRICS,
            errors=("internal",),
        )
        for path, name in (("/metrics", "metrics"), ("/metrics/prometheus", "metrics_prometheus"))
    )


def _store(settings: Settings) -> Operation:
    return Operation(
        method="get",
        path="/index/status",
        name="index_status",
        tag="Service",
        summary="The store in numbers",
        description="How much is stored, by which model new sessions are indexed, and how sessions are searched.",
        answer=schemas.IndexStatus,
        example=schemas.IndexStatus(
            model=documented.MODEL,
            dimension=128,
            embeddings=1_250_163,
            photos=300_241,
            sessions=212,
            size_bytes=1_207_959_552,
            index=schemas.SearchIndex(
                "hnsw", {"m": 32, "ef_construction": 400, "ef_search": 400}, True, 268_435_456, 1, 0, 0.997
            ),
            planner=schemas.Planner(settings.search.exact_search_max_faces),
        ),
        errors=(*STORE, "internal"),
        access=access.ANY_KEY,
    )
