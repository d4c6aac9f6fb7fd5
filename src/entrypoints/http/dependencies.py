"""Hands the container's use cases to route handlers by name.

dependency-injector's own `@inject` does not work on Litestar handlers, so each provider becomes a `Provide`.
"""

from collections.abc import Callable
from typing import Any

from litestar.di import Provide

from facepass.entrypoints.container import Container
from facepass.entrypoints.http.body import BodyBudget

FROM_CONTAINER = (
    "settings",
    "index_photo",
    "index_batch",
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
    "image_source",
    "upload_limits",
    "source_limits",
)
"""Names that handlers may ask for, the same as in the container."""


def dependencies(container: Container) -> dict[str, Provide]:
    """What every handler may ask for by name; `bodies` is the memory for request bodies, `registry` the metrics."""
    provided = {name: _provide(getattr(container, name)) for name in FROM_CONTAINER}
    bodies = BodyBudget()
    return {**provided, "bodies": _provide(lambda: bodies), "registry": _provide(container.metrics)}


def _provide(make: Callable[[], Any]) -> Provide:
    def value() -> Any:
        return make()

    return Provide(value, sync_to_thread=False)
