"""What a caller shows in the handshake: in headers as for requests, or among the subprotocols.

Browsers can set no header but that list. Of it only the version is ever answered: a credential is not repeated.
"""

from typing import Final

from litestar.types import WebSocketScope

from facepass.domain.errors import InvalidRequest
from facepass.entrypoints.http.doorkeeper import Credentials

PROTOCOL: Final = "facepass.v1"
KEY: Final = "facepass.key."
TOKEN: Final = "facepass.token."  # noqa: S105 - what stands before one


def shown(scope: WebSocketScope) -> Credentials:
    """Every credential of the handshake."""
    headers, offered = Credentials.of(scope["headers"]), scope["subprotocols"]
    return Credentials(
        (*headers.keys, *(name.removeprefix(KEY) for name in offered if name.startswith(KEY))),
        (*headers.tokens, *(name.removeprefix(TOKEN) for name in offered if name.startswith(TOKEN))),
    )


def protocol(scope: WebSocketScope) -> str | None:
    """The subprotocol to answer; None where none was offered.

    Raises:
        InvalidRequest: some were, but not ours: browsers would drop the connection without a word.
    """
    if not scope["subprotocols"]:
        return None
    if PROTOCOL not in scope["subprotocols"]:
        raise InvalidRequest.field("Sec-WebSocket-Protocol", f"must offer {PROTOCOL}")
    return PROTOCOL
