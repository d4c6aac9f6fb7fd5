"""What is known of a request outside its handler: its id, its own path, and what became of it."""

from dataclasses import dataclass
from typing import Any, cast

from litestar.types import Scope

_KEY = "facepass.context"


@dataclass(slots=True)
class RequestContext:
    """One request, from the first byte to its access line.

    Attributes:
        request_id: the caller's own where it is sane, else made here.
        path: percent-encoded as the caller sent it, ASCII.
        status: of the answer, once it has begun.
        problem: the code of the problem that was answered, if any.
    """

    request_id: str
    path: str
    status: int | None = None
    problem: str | None = None


def attach(scope: Scope, context: RequestContext) -> None:
    """Put the context where `of` finds it."""
    cast("dict[str, Any]", scope)[_KEY] = context


def of(scope: Scope) -> RequestContext:
    """The context of the request that a scope belongs to."""
    return cast("RequestContext", cast("dict[str, Any]", scope)[_KEY])
