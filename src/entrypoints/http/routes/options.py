"""Answers OPTIONS with all methods of a path: the framework's own answer names those of one handler only."""

from collections.abc import Sequence

from litestar import Response, route
from litestar.handlers import HTTPRouteHandler
from litestar.types import ControllerRouterHandler


def options_routes(handlers: Sequence[ControllerRouterHandler]) -> list[HTTPRouteHandler]:
    """One handler a path of the given ones; to be registered before them."""
    methods: dict[str, set[str]] = {}
    for handler in handlers:
        if isinstance(handler, HTTPRouteHandler):
            for path in handler.paths:
                methods.setdefault(path, set()).update(handler.http_methods)
    return [_options(path, ", ".join(sorted({*found, "OPTIONS"}))) for path, found in methods.items()]


def _options(path: str, allowed: str) -> HTTPRouteHandler:
    @route(path, http_method="OPTIONS", status_code=204)
    async def options() -> Response[None]:
        return Response(None, status_code=204, headers={"Allow": allowed})

    return options
