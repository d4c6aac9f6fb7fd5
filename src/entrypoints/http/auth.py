"""Who may call a route. Guards run before anything of the body is read."""

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from facepass.entrypoints.container import Container

HEADER = "X-API-Key"
KEY = "key"
SEARCH = "search"
"""Values of the route option `access`."""


def credential_of(connection: ASGIConnection) -> str | None:  # type: ignore[type-arg]  # Litestar's Guard is generic in nothing
    """The key a caller shows; None for none, and for several, of which none can be meant.

    Header bytes are UTF-8 where they can be, else Latin-1: whatever arrives is a string, if not a key.
    """
    values = [value for name, value in connection.scope["headers"] if name == HEADER.lower().encode()]
    if len(values) != 1:
        return None
    try:
        return values[0].decode("utf-8")
    except UnicodeDecodeError:
        return values[0].decode("latin-1")


def access_guard(container: Container) -> Guard:
    """A guard for all routes: each says by its option `access` whether it needs a key.

    Raises (the guard):
        Unauthorized: no key, or a wrong one.
    """
    search_needs_key = container.settings().security.search_access == "key"

    async def guard(connection: ASGIConnection, handler: BaseRouteHandler) -> None:  # type: ignore[type-arg]  # see above
        access = handler.opt.get("access")
        if access == KEY or (access == SEARCH and search_needs_key):
            container.authenticator().authenticate(credential_of(connection))

    return guard
