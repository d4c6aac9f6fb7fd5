"""What went wrong."""

from msgspec import Struct, field


class InvalidField(Struct, frozen=True):
    """One refused parameter."""

    field: str
    message: str


class Problem(Struct, omit_defaults=True):
    """What went wrong (RFC 9457). `code` is stable: program against it."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[InvalidField] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    retry_after_s: int | None = None
