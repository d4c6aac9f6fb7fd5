"""One module of handlers a subject. A handler reads its request, calls one use case and shapes its answer."""

from litestar.types import ControllerRouterHandler

from facepass.entrypoints.http.routes import analysis, erasing, health, indexing, metrics, searching, uploads

API: tuple[ControllerRouterHandler, ...] = (
    indexing.index_one,
    indexing.index_many,
    indexing.store_status,
    indexing.stored_photo,
    erasing.delete_session,
    erasing.delete_one,
    erasing.forget,
    searching.search,
    searching.session_status,
    analysis.detect,
    analysis.compare,
    uploads.supported_formats,
    health.health,
    health.live,
    health.ready,
)
"""Under `/api/v1` and `/api/v2`."""
ROOT: tuple[ControllerRouterHandler, ...] = (
    health.health,
    health.live,
    health.ready,
    uploads.supported_formats,
    metrics.metrics,
)
"""The ones that also answer at the root."""
