"""One module of handlers a subject. A handler reads its request, calls one use case and shapes its answer."""

from litestar.types import ControllerRouterHandler

from facepass.entrypoints.http.routes import (
    access,
    analysis,
    erasing,
    health,
    indexing,
    jobs,
    live,
    metrics,
    searching,
    uploads,
)

API: tuple[ControllerRouterHandler, ...] = (
    indexing.index_one,
    indexing.index_many,
    indexing.store_status,
    indexing.stored_photo,
    jobs.jobs,
    jobs.job,
    jobs.cancel,
    jobs.retry,
    jobs.events,
    erasing.delete_session,
    erasing.delete_one,
    erasing.forget,
    searching.search,
    searching.session_status,
    analysis.detect,
    analysis.compare,
    live.live,
    access.issue,
    access.keys,
    access.new_key,
    access.rotate,
    access.revoke,
    uploads.supported_formats,
    health.health,
    health.live,
    health.ready,
    health.detailed,
    metrics.metrics,
)
"""Under `/api/v1` and `/api/v2`."""
ROOT: tuple[ControllerRouterHandler, ...] = (
    health.health,
    health.live,
    health.ready,
    health.detailed,
    uploads.supported_formats,
    metrics.metrics,
    live.live,
)
"""The ones that also answer at the root."""
WATCHED: tuple[ControllerRouterHandler, ...] = (health.live, health.ready, metrics.metrics)
"""The ones that also answer where a process serves nothing else."""
