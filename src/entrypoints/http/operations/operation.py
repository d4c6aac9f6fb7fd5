"""The row of the table: one method of one path, and the errors that rows share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from facepass.entrypoints.http.access import Access

Tag = Literal["Sessions", "Jobs", "Erasure", "Search", "Faces", "Access", "Service"]

BODY = ("invalid_request", "payload_too_large", "request_timeout", "overloaded", "internal")
"""Of an operation with a body."""
PICTURE = (*BODY, "unsupported_image")
"""Of one that looks at a picture."""
FACE = (*PICTURE, "no_face_detected", "low_quality_face")
"""Of one that needs a face in it."""
STORE = ("dependency_unavailable",)
ADMITTED = ("unauthorized", "forbidden", "rate_limited", *STORE)
"""Of one that looks at who is calling: wrong credentials are counted, and keys are kept in the store."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    Attributes:
        answer: None where it is plain text.
        access: who may call it; None for everyone.
        body: media type to media type object.
        errors: codes it may answer with, beside success and those of `codes`.
        revalidates: whether it answers 304.
        answers_503: whether 503 has the shape of the answer instead of a problem.
        accepted: an example of what it answers with 202, if it does.
        media_type: of an answer that is text.
    """

    method: Literal["get", "post", "delete"]
    path: str
    name: str
    tag: Tag
    summary: str
    description: str
    answer: type[msgspec.Struct] | None
    example: msgspec.Struct | str
    errors: tuple[str, ...]
    access: Access | None = None
    parameters: tuple[Mapping[str, Any], ...] = ()
    body: Mapping[str, Any] = field(default_factory=dict)
    revalidates: bool = False
    answers_503: bool = False
    accepted: msgspec.Struct | None = None
    media_type: str = "text/plain"

    @property
    def codes(self) -> tuple[str, ...]:
        """Every code it may answer with: a stray query parameter is refused everywhere."""
        admitted = ADMITTED if self.access else ()
        return tuple(dict.fromkeys(("invalid_request", *self.errors, *admitted)))
