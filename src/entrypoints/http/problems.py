"""Problems (RFC 9457): the only place that knows which status an error has.

Every failure leaves as `application/problem+json`, whether a use case, the framework or a bug raised it. What nobody
foresaw is logged with its traceback and answered without any detail but the request id.
"""

from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import Scope

from facepass.domain.errors import (
    DependencyUnavailable,
    FacePassError,
    InvalidRequest,
    LowQualityFace,
    Overloaded,
    Unauthorized,
)
from facepass.entrypoints.http import context
from facepass.entrypoints.http.doorkeeper import KEY_HEADER, TooManyCalls
from facepass.entrypoints.http.rate_headers import rate_headers
from facepass.entrypoints.http.schemas import InvalidField, Problem

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:facepass:problem:"
MAX_FIELD_ERRORS = 50
"""Most wrong fields one problem names: a batch can hold thousands."""

STATUSES = {
    "invalid_request": 400,
    "no_face_detected": 400,
    "ambiguous_selfie": 400,
    "low_quality_face": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "conflict": 409,
    "payload_too_large": 413,
    "unsupported_image": 415,
    "rate_limited": 429,
    "internal": 500,
    "overloaded": 503,
    "dependency_unavailable": 503,
}
"""From stable code to HTTP status."""

_FRAMEWORK = {404: ("not_found", "Not found"), 405: ("method_not_allowed", "Method not allowed")}

_DETAILS = {
    "not_found": "Nothing is found at this address.",
    "method_not_allowed": "This address does not take this method; `Allow` lists those it takes.",
}

_log = structlog.stdlib.get_logger("facepass.http")


class RequestTimeout(FacePassError):
    """The caller sent its request too slowly. Only HTTP knows this error."""

    code = "request_timeout"
    title = "Request timeout"


def problem_of(error: Exception, scope: Scope) -> tuple[Problem, dict[str, str]]:
    """What a caller is told of an error, and the headers that go with it."""
    if isinstance(error, FacePassError) and error.code in STATUSES:
        return _of_domain(error, scope), _headers(error)
    if isinstance(error, HTTPException) and error.status_code < 500:  # noqa: PLR2004 - the first server error
        code, title = _FRAMEWORK.get(error.status_code, ("invalid_request", "Invalid request"))
        detail, headers = _DETAILS.get(code, error.detail), dict(error.headers or {})
        if headers.get("allow") == "websocket":  # what Litestar lists is no method
            headers = {"Allow": "", "Upgrade": "websocket"}
        return _problem(scope, code, title, error.status_code, detail), headers
    detail = "Something went wrong here. The request id names it in the service's log."
    return _problem(scope, "internal", "Internal error", 500, detail), {}


def _of_domain(error: FacePassError, scope: Scope) -> Problem:
    problem = _problem(scope, error.code, error.title, STATUSES[error.code], error.detail)
    problem.errors = [InvalidField(wrong.field, wrong.message) for wrong in error.errors[:MAX_FIELD_ERRORS]]
    if isinstance(error, InvalidRequest):
        problem.detail = "; ".join(f"{wrong.field}: {wrong.message}" for wrong in problem.errors)
        if len(error.errors) > MAX_FIELD_ERRORS:
            problem.detail += f"; and {len(error.errors) - MAX_FIELD_ERRORS} more"
    elif isinstance(error, LowQualityFace):
        problem.reasons = list(error.reasons)
    elif isinstance(error, Overloaded | DependencyUnavailable):
        problem.retry_after_s = error.retry_after_s
    return problem


def _headers(error: FacePassError) -> dict[str, str]:
    if isinstance(error, Unauthorized):
        return {"WWW-Authenticate": f'ApiKey realm="facepass", header="{KEY_HEADER}", Bearer realm="facepass"'}
    if isinstance(error, Overloaded | DependencyUnavailable):
        rate = rate_headers(error.decision) if isinstance(error, TooManyCalls) else {}
        return {"Retry-After": str(error.retry_after_s), **rate}
    return {}


def _problem(scope: Scope, code: str, title: str, status: int, detail: str) -> Problem:
    request = context.of(scope)
    return Problem(
        type=TYPE_PREFIX + code,
        title=title,
        status=status,
        detail=detail,
        instance=request.path,
        code=code,
        request_id=request.request_id,
    )


def answer_problem(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Litestar's exception handler for everything but WebSockets."""
    problem, headers = noted_problem(error, request.scope)
    return Response(msgspec.json.encode(problem), status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


def noted_problem(error: Exception, scope: Scope) -> tuple[Problem, dict[str, str]]:
    """As `problem_of`; the access line names it, and what an operator has to know is logged."""
    problem, headers = problem_of(error, scope)
    context.of(scope).problem = problem.code
    if problem.code == "internal":
        _log.error("unhandled_error", exc_info=error)
    elif isinstance(error, DependencyUnavailable):
        cause = type(error.__cause__).__name__ if error.__cause__ else None
        _log.warning("dependency_unavailable", dependency=error.dependency, cause=cause)
    return problem, headers
