"""Hands the container's use cases to route handlers by name.

dependency-injector's own `@inject` does not work on Litestar handlers, so each provider becomes a `Provide`.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from litestar.connection import Request
from litestar.di import Provide

from facepass.domain.access import Caller
from facepass.entrypoints.container import Container
from facepass.entrypoints.http import context
from facepass.entrypoints.http.body import BodyBudget
from facepass.entrypoints.http.job_events import MAX_LISTENERS, JobEvents
from facepass.entrypoints.http.places import Places
from facepass.entrypoints.http.ws.endpoint import LiveDetection

FROM_CONTAINER = (
    "settings",
    "index_photo",
    "index_batch",
    "submit_job",
    "get_job",
    "list_jobs",
    "cancel_job",
    "retry_job",
    "search_gallery",
    "gallery_status",
    "get_photo",
    "delete_gallery",
    "delete_photo",
    "forget_person",
    "index_status",
    "detect_faces",
    "compare_faces",
    "check_health",
    "serving",
    "clock",
    "issue_token",
    "spend_search",
    "create_key",
    "rotate_key",
    "revoke_key",
    "list_keys",
    "read_photo",
    "upload_limits",
    "source_limits",
)
"""Names that handlers may ask for, the same as in the container."""


def dependencies(container: Container) -> dict[str, Provide]:
    """What every handler may ask for by name.

    `bodies` is the memory for request bodies, `registry` the metrics, `caller` whoever sent the request, `job_events`
    tells of jobs as they go, `live_detection` what serves WebSockets.
    """
    provided = {name: _provide(getattr(container, name)) for name in FROM_CONTAINER}
    listeners = Places(MAX_LISTENERS, most_each=MAX_LISTENERS)

    def bodies() -> BodyBudget:
        return BodyBudget(memory=container.picture_memory(), disk=container.picture_disk())

    return {
        **provided,
        "bodies": _provide(bodies),
        "job_events": _provide(
            lambda: JobEvents(
                container.get_job(),
                listeners=listeners,
                clock=container.clock(),
                pause=asyncio.sleep,
                is_ending=lambda: container.serving().is_stopping,
            )
        ),
        "registry": _provide(container.whole_registry),
        "caller": Provide(_caller, sync_to_thread=False),
        "live_detection": _provide(_live_detection(container, bodies)),
    }


def _live_detection(container: Container, bodies: Callable[[], BodyBudget]) -> Callable[[], LiveDetection]:
    """Whatever is counted is counted over all connections of the application."""
    limits = container.live_limits()
    strangers = Places(limits.max_strangers, most_each=limits.max_strangers_of_address)
    callers = Places(limits.max_connections, most_each=limits.max_connections_of_token)
    return lambda: LiveDetection(
        doorkeeper=container.doorkeeper(),
        detect_faces=container.live_frames(),
        picture_limits=container.upload_limits(),
        limits=limits,
        strangers=strangers,
        callers=callers,
        bodies=bodies(),
        clock=container.clock(),
        observer=container.live_metrics(),
    )


def _caller(request: Request[Any, Any, Any]) -> Caller:
    return context.of(request.scope).caller


def _provide(make: Callable[[], Any]) -> Provide:
    def value() -> Any:
        return make()

    return Provide(value, sync_to_thread=False)
