"""From a service's error answer (RFC 9457) back to the error it was, so that callers handle one kind of error."""

from collections.abc import Callable

import msgspec

from facepass.domain.errors import (
    AmbiguousSelfie,
    ConfigurationError,
    Conflict,
    DependencyUnavailable,
    FacePassError,
    FieldError,
    Forbidden,
    InvalidRequest,
    LowQualityFace,
    NoFaceDetected,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    RateLimited,
    Unauthorized,
    UnsupportedImage,
)

SERVICE = "service"
"""What errors call the service itself where they name a dependency."""

DEFAULT_RETRY_AFTER_S = 5


class OutOfReach(FacePassError):
    """Nothing answers at the service's address. Unlike `DependencyUnavailable`, waiting is no likely cure."""

    code = DependencyUnavailable.code
    title = "Service out of reach"


class ServiceFailed(FacePassError):
    """The service failed, or answered what FacePass does not answer."""


class _Field(msgspec.Struct, frozen=True):
    field: str
    message: str


class _Problem(msgspec.Struct, frozen=True):
    code: str
    detail: str = ""
    errors: tuple[_Field, ...] = ()
    reasons: tuple[str, ...] = ()
    retry_after_s: int | None = None
    request_id: str | None = None


_OF_STATUS = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    413: "payload_too_large",
    415: "unsupported_image",
    429: "rate_limited",
    502: "dependency_unavailable",
    503: "dependency_unavailable",
    504: "dependency_unavailable",
}
"""What a status means where a proxy, not FacePass, wrote the answer."""

_PLAIN: dict[str, Callable[[str], FacePassError]] = {
    error.code: error
    for error in (
        AmbiguousSelfie,
        ConfigurationError,
        Conflict,
        Forbidden,
        NoFaceDetected,
        NotFound,
        PayloadTooLarge,
        Unauthorized,
        UnsupportedImage,
    )
}


def error_of(status: int, body: bytes, *, retry_after: str | None) -> FacePassError:
    """The error behind an answer.

    Args:
        status: of the answer, 400 or more.
        body: its body, problem details or whatever a proxy wrote.
        retry_after: the header, seconds; a date is taken as the default wait.
    """
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = _Problem(_OF_STATUS.get(status, ServiceFailed.code), f"The answer was the bare status {status}.")
    wait_s = problem.retry_after_s
    if wait_s is None:
        wait_s = int(retry_after) if retry_after and retry_after.isascii() and retry_after.isdecimal() else None
    return _error(problem, DEFAULT_RETRY_AFTER_S if wait_s is None else wait_s)


def _error(problem: _Problem, wait_s: int) -> FacePassError:
    detail = problem.detail
    fields = tuple(FieldError(error.field, error.message) for error in problem.errors)
    error: FacePassError
    match problem.code:
        case code if code in _PLAIN:
            error = _PLAIN[code](detail)
        case InvalidRequest.code:
            fields = fields or (FieldError("request", detail),)
            error = InvalidRequest(*fields)
        case LowQualityFace.code:
            error = LowQualityFace(detail, problem.reasons)
        case Overloaded.code:
            error = Overloaded(detail, retry_after_s=wait_s)
        case RateLimited.code:
            error = RateLimited(detail, retry_after_s=wait_s)
        case DependencyUnavailable.code:
            error = DependencyUnavailable(SERVICE, detail, retry_after_s=wait_s)
        case _:
            named = f" (request {problem.request_id})" if problem.request_id else ""
            error = ServiceFailed(f"The service failed{named}: {detail or problem.code}")
    error.errors = fields
    return error
