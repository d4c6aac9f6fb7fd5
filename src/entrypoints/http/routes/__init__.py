"""One module of handlers a subject. A handler reads its request, calls one use case and shapes its answer."""

from litestar.types import ControllerRouterHandler

from facepass.entrypoints.http.routes import analysis, health, indexing, searching, uploads

API: tuple[ControllerRouterHandler, ...] = (
    indexing.index_one,
    indexing.index_many,
    indexing.stored_photo,
    indexing.delete_session,
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
)
"""The ones that also answer at the root."""
