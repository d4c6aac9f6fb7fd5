"""Builds the HTTP application around a container."""

import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from litestar import Litestar, Router
from litestar.exceptions import HTTPException
from litestar.types import ControllerRouterHandler, LifeSpanReceive, LifeSpanScope, LifeSpanSend, Receive, Scope, Send

from facepass.domain.errors import FacePassError, FieldError, InvalidRequest
from facepass.entrypoints.container import Container
from facepass.entrypoints.http import routes
from facepass.entrypoints.http.answers import HttpRequest
from facepass.entrypoints.http.auth import access_guard
from facepass.entrypoints.http.dependencies import dependencies
from facepass.entrypoints.http.middleware.cors import Cors
from facepass.entrypoints.http.middleware.crowd import Crowd
from facepass.entrypoints.http.middleware.request_scope import RequestScope
from facepass.entrypoints.http.middleware.socket_messages import note_failure
from facepass.entrypoints.http.problems import answer_problem
from facepass.entrypoints.http.routes.docs import docs_routes
from facepass.entrypoints.http.routes.options import options_routes

API_PATHS = ("/api/v1", "/api/v2")
"""The canonical base and its alias."""

Lifespan = Callable[[], AbstractAsyncContextManager[Any]]


class Application(Litestar):
    """Litestar with layers around its routing."""

    __slots__ = ("_outermost",)

    def __init__(self, *, container: Container, new_request_id: Callable[[], str], **options: Any) -> None:
        super().__init__(**options)
        settings = container.settings()
        origins = settings.security.cors_origins
        crowd = Crowd(super().__call__)
        self._outermost = RequestScope(
            Cors(crowd, origins) if origins else crowd,
            clock=container.clock(),
            new_request_id=new_request_id,
            trusted_proxies=container.trusted_proxies(),
            production=settings.application.is_production,
            access_log=settings.logging.access_log,
            serving=container.serving(),
            metrics=container.request_metrics(),
            tracer=container.request_tracer(),
        )

    async def __call__(
        self, scope: Scope | LifeSpanScope, receive: Receive | LifeSpanReceive, send: Send | LifeSpanSend
    ) -> None:
        """The ASGI entry."""
        if scope["type"] == "lifespan":
            await super().__call__(scope, receive, send)
        else:
            await self._outermost(scope, receive, send)  # type: ignore[arg-type]  # not of the lifespan


def create_app(
    container: Container, *, lifespan: Lifespan | None = None, new_request_id: Callable[[], str] | None = None
) -> Litestar:
    """The application.

    Args:
        container: where the use cases come from.
        lifespan: opened before the first request is taken and closed after the last, such as
            `lambda: running(container)`; None when the caller sees to that.
        new_request_id: names requests that bring no sane id; random UUIDs by default.
    """
    api = [
        Router(path=path, route_handlers=[*options_routes(routes.API), *routes.API], before_request=_refuse_query)
        for path in API_PATHS
    ]
    root = Router(path="/", route_handlers=[*options_routes(routes.ROOT), *routes.ROOT])
    return _application(container, [*api, root, docs_routes(container)], lifespan, new_request_id)


def create_watch_app(container: Container) -> Litestar:
    """What a process answers that serves no requests: its metrics, and whether it lives and is ready."""
    root = Router(path="/", route_handlers=[*options_routes(routes.WATCHED), *routes.WATCHED])
    return _application(container, [root], None, None)


def _application(
    container: Container,
    route_handlers: Sequence[ControllerRouterHandler],
    lifespan: Lifespan | None,
    new_request_id: Callable[[], str] | None,
) -> Litestar:
    return Application(
        container=container,
        new_request_id=new_request_id or _random_id,
        route_handlers=route_handlers,
        dependencies=dependencies(container),
        guards=[access_guard(container)],
        exception_handlers={FacePassError: answer_problem, HTTPException: answer_problem, Exception: answer_problem},
        after_exception=[note_failure],
        lifespan=[lambda _: lifespan()] if lifespan else [],
        # Bodies are bounded by `body.read_body`, whose limits come from the settings.
        request_max_body_size=None,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )


def _random_id() -> str:
    return str(uuid.uuid4())


async def _refuse_query(request: HttpRequest) -> None:
    """A parameter in the wrong place must not pass for one that was heeded.

    Raises:
        InvalidRequest: naming each.
    """
    if request.scope["query_string"]:
        names = dict.fromkeys(request.query_params.keys())
        raise InvalidRequest(
            *(FieldError(name[:64], "is not a query parameter of this route") for name in names or ("query",))
        )
