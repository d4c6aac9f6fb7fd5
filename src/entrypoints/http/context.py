"""What is known of a request outside its handler: its id, its own path, and what became of it."""

from dataclasses import dataclass, field
from typing import Any, cast

from litestar.types import Scope

from facepass.domain.access import ANYBODY, Caller
from facepass.domain.rate import RateDecision
from facepass.entrypoints.http.client_address import ClientAddress

_KEY = "facepass.context"


@dataclass(slots=True)
class RequestContext:
    """One request, from the first byte to its access line.

    Attributes:
        request_id: the caller's own where it is sane, else made here.
        path: percent-encoded as the caller sent it, ASCII.
        client: from where it came.
        caller: whose it is, once that was asked.
        rate: what is left of the caller's rate limit, where the call counts.
        status: of the answer, once it has begun.
        problem: the code of the problem that was answered, if any.
        failure: what a WebSocket's handler raised, if anything.
        facts: what else its access line tells.
    """

    request_id: str
    path: str
    client: ClientAddress
    caller: Caller = ANYBODY
    rate: RateDecision | None = None
    status: int | None = None
    problem: str | None = None
    failure: Exception | None = None
    facts: dict[str, int] = field(default_factory=dict)


def attach(scope: Scope, context: RequestContext) -> None:
    """Put the context where `of` finds it."""
    cast("dict[str, Any]", scope)[_KEY] = context


def of(scope: Scope) -> RequestContext:
    """The context of the request that a scope belongs to."""
    return cast("RequestContext", cast("dict[str, Any]", scope)[_KEY])
