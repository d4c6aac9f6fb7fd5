"""One taxonomy of what can go wrong, with the stable codes that callers program against.

Statuses belong to the entrypoints: here an error only says what happened, in words that a caller may read.
"""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One refused parameter."""

    field: str
    message: str


class FacePassError(Exception):
    """Base of every error a caller may see.

    Attributes:
        code: stable identifier, part of the HTTP and command-line contracts.
        title: the same for every error of a code.
        detail: what happened this time; never holds a secret, a vector or image bytes.
        errors: the parameters at fault, where they are known.
    """

    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"
    errors: tuple[FieldError, ...] = ()

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def blame(self, field: str, *, called: str) -> None:
        """Say which of several like parameters the error is about, in `errors` and in front of the detail."""
        self.errors = (FieldError(field, self.detail),)
        self.detail = f"{called}: {self.detail}"
        self.args = (self.detail,)


class InvalidRequest(FacePassError):
    """A parameter is missing, malformed or out of range."""

    code = "invalid_request"
    title = "Invalid request"

    def __init__(self, *errors: FieldError) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))
        self.errors = errors

    @classmethod
    def field(cls, field: str, message: str) -> "InvalidRequest":
        """The common case of a single refused parameter."""
        return cls(FieldError(field, message))


class NoFaceDetected(FacePassError):
    """The image was read and holds no face."""

    code = "no_face_detected"
    title = "No face detected"


class AmbiguousSelfie(FacePassError):
    """Whom to look for is unclear: several faces of similar size in a selfie, or selfies of different people."""

    code = "ambiguous_selfie"
    title = "Several people"


class LowQualityFace(FacePassError):
    """The quality gate refused the face (ISO/IEC 2382-37: failure to enrol)."""

    code = "low_quality_face"
    title = "Face quality too low"

    def __init__(self, detail: str, reasons: tuple[str, ...]) -> None:
        super().__init__(detail)
        self.reasons = reasons


class Unauthorized(FacePassError):
    """No key or token, or a wrong one."""

    code = "unauthorized"
    title = "Authentication required"


class Forbidden(FacePassError):
    """A valid key or token, and not for this."""

    code = "forbidden"
    title = "Forbidden"


class NotFound(FacePassError):
    """Unknown session, photo or source photo."""

    code = "not_found"
    title = "Not found"


class Conflict(FacePassError):
    """The session is bound to another model."""

    code = "conflict"
    title = "Conflict"


class GalleryChanged(Conflict):
    """The gallery has begun or ended a change of its model since the caller looked: looking again helps."""


class ErasedMeanwhile(Conflict):
    """The session or the photo was erased while the caller was at work on it: nothing was stored."""


class PayloadTooLarge(FacePassError):
    """More bytes or pixels than the limit."""

    code = "payload_too_large"
    title = "Too large"


class UnsupportedImage(FacePassError):
    """Not a decodable image of an accepted format."""

    code = "unsupported_image"
    title = "Unsupported image"


class Overloaded(FacePassError):
    """The inference queue is full; waiting helps."""

    code = "overloaded"
    title = "Overloaded"

    def __init__(self, detail: str, *, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class RateLimited(Overloaded):
    """This caller has asked more often than it may; waiting helps."""

    code = "rate_limited"
    title = "Too many requests"


class DependencyUnavailable(FacePassError):
    """A database or photo store is out of reach; waiting helps.

    Attributes:
        dependency: its name as in the health answer, such as `database`.
    """

    code = "dependency_unavailable"
    title = "Dependency unavailable"

    def __init__(self, dependency: str, detail: str, *, retry_after_s: int = 5) -> None:
        super().__init__(detail)
        self.dependency = dependency
        self.retry_after_s = retry_after_s


class DependencyRefused(DependencyUnavailable):
    """It is there, and did not do this: it is busy, somebody else holds what is needed, or its rules forbid it.

    Says nothing against other calls, which go on being made.
    """


class ConfigurationError(FacePassError):
    """A setting, a model file or the machine does not allow the service to start."""

    code = "configuration"
    title = "Configuration error"
