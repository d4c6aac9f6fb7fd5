"""The row of the table: one method of one path, and the errors that rows share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

Tag = Literal["Sessions", "Erasure", "Search", "Faces", "Service"]

BODY = ("invalid_request", "payload_too_large", "request_timeout", "overloaded", "internal")
"""Of an operation with a body."""
PICTURE = (*BODY, "unsupported_image")
"""Of one that looks at a picture."""
FACE = (*PICTURE, "no_face_detected", "low_quality_face")
"""Of one that needs a face in it."""
KEY = ("unauthorized",)
STORE = ("dependency_unavailable",)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    Attributes:
        access: `auth.KEY`, `auth.SEARCH`, or None for everyone.
        body: media type to media type object.
        errors: codes it may answer with, beside success.
        revalidates: whether it answers 304.
        answers_503: whether 503 has the shape of the answer instead of a problem.
    """

    method: Literal["get", "post", "delete"]
    path: str
    name: str
    tag: Tag
    summary: str
    description: str
    answer: type[msgspec.Struct]
    example: msgspec.Struct
    errors: tuple[str, ...]
    access: str | None = None
    parameters: tuple[Mapping[str, Any], ...] = ()
    body: Mapping[str, Any] = field(default_factory=dict)
    revalidates: bool = False
    answers_503: bool = False
