"""The guard of all routes: runs before anything of a body is read, and before a WebSocket is opened."""

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from facepass.entrypoints.container import Container
from facepass.entrypoints.http import context
from facepass.entrypoints.http.access import Access
from facepass.entrypoints.http.context import RequestContext
from facepass.entrypoints.http.doorkeeper import Credentials, Doorkeeper
from facepass.entrypoints.http.ws import credentials


def access_guard(container: Container) -> Guard:
    """A guard for all routes: each says by its option `access` who may call it.

    A WebSocket that shows nothing is let pass: its handler asks for a credential in the first message, and calls
    `admit` itself.

    Raises (the guard):
        Unauthorized, Forbidden, RateLimited, DependencyUnavailable: see `Doorkeeper`.
        Overloaded: a picture of this caller would not be looked at in time, so its bytes are not received.
    """

    async def guard(connection: ASGIConnection, handler: BaseRouteHandler) -> None:  # type: ignore[type-arg]  # Litestar's Guard is generic in nothing
        access: Access | None = handler.opt.get("access")
        if access is None:
            return
        scope = connection.scope
        if scope["type"] == ScopeType.WEBSOCKET:
            shown = credentials.shown(scope)
            if not shown:
                return
        else:
            shown = Credentials.of(scope["headers"])
        await admit(container.doorkeeper(), context.of(scope), shown, access)
        if access.work is not None:
            container.admission().check(access.work)

    return guard


async def admit(doorkeeper: Doorkeeper, request: RequestContext, shown: Credentials, access: Access) -> None:
    """Note who calls, and go on where the caller may, and has not been too often.

    Raises:
        Unauthorized, Forbidden, RateLimited, DependencyUnavailable: see `Doorkeeper`.
    """
    request.caller = await doorkeeper.identify(shown, request.client)
    doorkeeper.authorise(request.caller, access)
    if access.counted is not None:
        request.rate = await doorkeeper.count(request.caller, request.client, access.counted)
