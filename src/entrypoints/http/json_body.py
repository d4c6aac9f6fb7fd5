"""Reads a JSON object and reports everything that is wrong with it at once."""

from typing import Any, TypeVar

import msgspec
from multipart import parse_options_header  # type: ignore[import-untyped]  # ships no types

from facepass.domain.errors import FieldError, InvalidRequest
from facepass.domain.gallery import OpaqueId
from facepass.entrypoints.http.answers import HttpRequest
from facepass.entrypoints.http.body import BodyBudget, BodyLease, read_body

MAX_SMALL_BYTES = 64 * 1024
"""Of a body that holds a few fields."""
SHOWN_NAME_CHARS = 64

IdT = TypeVar("IdT", bound=OpaqueId)


async def read_json(request: HttpRequest, lease: BodyLease, *, max_bytes: int = MAX_SMALL_BYTES) -> Any:
    """A body's JSON, whatever it is.

    Raises:
        InvalidRequest: it is none.
        PayloadTooLarge, Overloaded, RequestTimeout: see `read_body`.
    """
    content_type, options = parse_options_header(request.headers.get("content-type", ""))
    if content_type != "application/json" or options.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        raise InvalidRequest.field("Content-Type", "must be application/json in UTF-8")
    chunks: list[bytes] = []
    await read_body(request, max_bytes=max_bytes, lease=lease, feed=chunks.append)
    try:
        return msgspec.json.decode(b"".join(chunks))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest.field("body", "is not well-formed JSON") from error


class JsonFields:
    """The fields of one object. What is wrong is noted and answered with a stand-in; `check` comes before any use."""

    def __init__(self, document: dict[str, Any], *, known: set[str], prefix: str = "") -> None:
        """Of an object, none of whose fields may be unknown.

        Args:
            document: the object.
            known: fields that it may have.
            prefix: put before the names in errors, such as `photos[3].`.
        """
        self._document = document
        self._prefix = prefix
        self.errors: list[FieldError] = []
        for name in document.keys() - known:
            self.refuse(name[:SHOWN_NAME_CHARS], "is not a field here")

    @classmethod
    def of(cls, document: Any, *, known: set[str], expected: str) -> "JsonFields":
        """Of a whole body.

        Raises:
            InvalidRequest: it is no object; `expected` says what would be.
        """
        if not isinstance(document, dict):
            raise InvalidRequest.field("body", f"must be a JSON object with {expected}")
        return cls(document, known=known)

    def check(self) -> None:
        """Go on only if nothing is wrong.

        Raises:
            InvalidRequest: naming every wrong field.
        """
        if self.errors:
            raise InvalidRequest(*self.errors)

    def refuse(self, name: str, message: str) -> None:
        """Note what is wrong with a field."""
        self.errors.append(FieldError(self._prefix + name, message))

    def get(self, name: str) -> Any:
        """A field as it is; None where it is missing."""
        return self._document.get(name)

    def text(self, name: str) -> str | None:
        """A required string; None where it is wrong."""
        value = self._document.get(name)
        if isinstance(value, str):
            return value
        self.refuse(name, "must be a string" if name in self._document else "is missing")
        return None

    def opaque_id(self, name: str, kind: type[IdT]) -> IdT | None:
        """A required id; None where it is wrong."""
        value = self.text(name)
        if value is None:
            return None
        try:
            return kind.parse(value, self._prefix + name)
        except InvalidRequest as error:
            self.errors.extend(error.errors)
            return None

    def integer(self, name: str, default: int) -> int:
        """An optional whole number, also one written as 3.0; the default where it is missing, and where it is wrong."""
        value = self._document.get(name, default)
        if (isinstance(value, int) and not isinstance(value, bool)) or (
            isinstance(value, float) and value.is_integer()
        ):
            return int(value)
        self.refuse(name, "must be a whole number")
        return default

    def integer_or_null(self, name: str) -> int | None:
        """The same where null says as much as nothing; None where it is wrong, too."""
        return None if self._document.get(name) is None else self.integer(name, 0)

    def texts(self, name: str, *, most: int) -> tuple[str, ...]:
        """A required list of strings, at most so many; empty where it is wrong."""
        value = self._document.get(name)
        if isinstance(value, list) and len(value) <= most and all(isinstance(item, str) for item in value):
            return tuple(value)
        self.refuse(name, f"must be a list of at most {most} strings" if name in self._document else "is missing")
        return ()


async def read_fields(request: HttpRequest, bodies: BodyBudget, *, known: set[str], expected: str) -> JsonFields:
    """The fields of a small object, which is all that a body holds.

    Raises:
        InvalidRequest, PayloadTooLarge, Overloaded, RequestTimeout: see `read_json` and `JsonFields.of`.
    """
    with bodies.lease() as lease:
        document = await read_json(request, lease)
    return JsonFields.of(document, known=known, expected=expected)
