"""Routes on the path as it was sent.

Servers hand over a decoded path, in which an id with a `/` or a `%` is lost, and Litestar folds `//` and a trailing
slash. Routing on the percent-encoded path keeps ids byte for byte; `parameters.path_id` decodes them.
"""

from urllib.parse import quote

from litestar.types import HTTPScope, WebSocketScope

MAX_PATH_BYTES = 8192
"""Longer than the longest path of this service: two ids of 255 four-byte characters, percent-encoded."""
UNROUTABLE = "/%"
"""A path that no route has."""
_KEPT = "/%:@!$&'()*+,;=-._~"


def sent_path(scope: HTTPScope | WebSocketScope) -> str:
    """The path as it was sent, ASCII, without the query."""
    raw: bytes | None = scope.get("raw_path")
    if raw is None:
        return quote(scope["path"])
    return quote(raw.partition(b"?")[0], safe=_KEPT)


def routable(path: str, method: str) -> str:
    """The path to route on.

    An empty segment or a trailing slash is no id and no route: folding it would answer for another id than was asked.
    `DELETE /index/{session_id}` takes any id, also one that another method has a route for, such as `batch`: its
    first character is percent-encoded, which hides it from that route and changes nothing else.
    """
    if path == "/":
        return path
    if len(path) > MAX_PATH_BYTES or not path.startswith("/") or "//" in path or path.endswith("/"):
        return UNROUTABLE
    head, _, last = path.rpartition("/")
    if method == "DELETE" and head.endswith("/index") and not last.startswith("%"):
        return f"{head}/%{ord(last[0]):02X}{last[1:]}"
    return path
