"""What the outermost layer needs of traces, and what stands there where none are made."""

from abc import abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from litestar.types import HTTPScope, WebSocketScope

HEADER = b"traceparent"


class RequestTrace(Protocol):
    """One request's trace."""

    @property
    @abstractmethod
    def kept_id(self) -> str | None:
        """Its id, where it is kept: then metrics may point to it."""

    @abstractmethod
    def answered(self, route: str | None, status: int | None, problem: str | None) -> None:
        """How the request went.

        Args:
            route: the template, never the path, which holds ids; None where no route was met.
            status: None where the caller had left before.
            problem: the code of the problem that was answered, if any.
        """


class RequestTracer(Protocol):
    """Begins the trace of each request."""

    @abstractmethod
    def request(self, method: str, traceparent: str | None) -> AbstractContextManager[RequestTrace]:
        """The trace, as long as the block lasts; lines logged inside tell its id.

        Args:
            method: as the caller spelt it, or `WS`.
            traceparent: W3C Trace Context of a caller that is trusted to go on with its trace.
        """


class _NoTrace(RequestTrace):
    @property
    def kept_id(self) -> str | None:
        return None

    def answered(self, route: str | None, status: int | None, problem: str | None) -> None:
        pass


class _Untraced(RequestTracer):
    def __init__(self) -> None:
        self._context: AbstractContextManager[RequestTrace] = nullcontext(_NoTrace())

    def request(self, method: str, traceparent: str | None) -> AbstractContextManager[RequestTrace]:  # noqa: ARG002 - nothing is made
        return self._context


UNTRACED: RequestTracer = _Untraced()


def traceparent_of(scope: HTTPScope | WebSocketScope) -> str | None:
    """The header `traceparent`; None where there is not exactly one."""
    values = [value for name, value in scope["headers"] if name == HEADER]
    return values[0].decode("latin-1") if len(values) == 1 else None
