"""Checks a request's parameters and reports everything that is wrong with them at once.

Each check gives a `Parsed`; `Parameters.check` raises if any failed, and only then are their values asked for.
"""

import re
from collections.abc import Callable
from typing import Generic, TypeVar
from urllib.parse import unquote

from facepass.application.ports import PictureFile
from facepass.application.probe import OnMultiple
from facepass.application.search_gallery import MAX_LIMIT
from facepass.domain.errors import FieldError, InvalidRequest
from facepass.domain.gallery import OpaqueId
from facepass.domain.identification import Threshold
from facepass.entrypoints.http.answers import HttpRequest
from facepass.entrypoints.http.forms import Form

DEFAULT_LIMIT = 100
MAX_KEY_BYTES = 1024
"""Of an object's key, as in S3."""

T = TypeVar("T")
IdT = TypeVar("IdT", bound=OpaqueId)

_NUMBER = re.compile(r"[+-]?(\d{1,20}(\.\d{0,20})?|\.\d{1,20})([eE][+-]?\d{1,3})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})", re.ASCII)


class Parsed(Generic[T]):
    """A parameter that was right, or an error that was noted."""

    __slots__ = ("_values",)

    def __init__(self, *values: T) -> None:
        self._values = values

    @property
    def value(self) -> T:
        """The parameter; ask only after `Parameters.check`."""
        (value,) = self._values
        return value


class Parameters:
    """The parameters of one form."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._errors = list(form.errors)

    def check(self) -> None:
        """Go on only if nothing is wrong.

        Raises:
            InvalidRequest: naming every wrong field.
        """
        if self._errors:
            raise InvalidRequest(*self._errors)

    def refuse(self, field: str, message: str) -> None:
        """Note an error, unless the field has one already."""
        if all(error.field != field for error in self._errors):
            self._errors.append(FieldError(field, message))

    def opaque_id(self, field: str, kind: type[IdT]) -> Parsed[IdT]:
        """A required id."""
        return self._required(field, lambda text: kind.parse(text, field))

    def threshold(self, default: float) -> Parsed[Threshold]:
        """Least similarity of a match."""
        return self._optional("threshold", Threshold(default), _threshold)

    def limit(self) -> Parsed[int]:
        """Most matches to return."""
        return self._optional("limit", DEFAULT_LIMIT, _limit)

    def on_multiple(self) -> Parsed[OnMultiple]:
        """What to do with several faces."""
        return self._optional("on_multiple", OnMultiple.LARGEST, _on_multiple)

    def file(self, field: str) -> Parsed[PictureFile]:
        """A required picture."""
        return self._pictures(field, lambda files: files[0])

    def files(self, field: str) -> Parsed[tuple[PictureFile, ...]]:
        """Required pictures, one or more of the same name, in the order they came in."""
        return self._pictures(field, tuple)

    def file_or_key(self, file: str, key: str) -> Parsed[PictureFile | str]:
        """A picture's bytes, or the key it is kept under: exactly one of them."""
        if (file in self._form) == (key in self._form):
            message = "give either" if file not in self._form else "give only one of"
            for field in (file, key):
                self.refuse(field, f"{message} `{file}` or `{key}`")
            return Parsed()
        if file in self._form.files:
            return Parsed(self._form.files[file][0])
        return self._required(key, lambda text: source_key(text, key))

    def _pictures(self, field: str, take: Callable[[list[PictureFile]], T]) -> Parsed[T]:
        if field in self._form.files:
            return Parsed(take(self._form.files[field]))
        self.refuse(field, "is missing: a picture is needed")
        return Parsed()

    def _required(self, field: str, parse: Callable[[str], T]) -> Parsed[T]:
        if field not in self._form.texts:
            self.refuse(field, "is missing")
            return Parsed()
        return self._parse(field, parse)

    def _optional(self, field: str, default: T, parse: Callable[[str], T]) -> Parsed[T]:
        return self._parse(field, parse) if field in self._form.texts else Parsed(default)

    def _parse(self, field: str, parse: Callable[[str], T]) -> Parsed[T]:
        try:
            return Parsed(parse(self._form.texts[field]))
        except InvalidRequest as error:
            for wrong in error.errors:
                self.refuse(wrong.field, wrong.message)
            return Parsed()


def path_id(request: HttpRequest, field: str, kind: type[IdT]) -> IdT:
    """An id in the path, where it stands percent-encoded (UTF-8).

    Raises:
        InvalidRequest: naming `field`.
    """
    return kind.parse(path_text(request, field), field)


def path_text(request: HttpRequest, field: str) -> str:
    """Any text in the path, as `path_id`.

    Raises:
        InvalidRequest: naming `field`.
    """
    raw: str = request.path_params[field]
    if _BROKEN_ESCAPE.search(raw):
        raise InvalidRequest.field(field, "has a % that two hexadecimal digits do not follow")
    try:
        return unquote(raw, errors="strict")
    except UnicodeDecodeError:
        raise InvalidRequest.field(field, "is not percent-encoded UTF-8") from None


def source_key(text: str, field: str) -> str:
    """A key of the image source: 1 to `MAX_KEY_BYTES` bytes; where it may point is the source's business.

    Raises:
        InvalidRequest: naming `field`.
    """
    if not 1 <= len(text.encode("utf-8")) <= MAX_KEY_BYTES or "\x00" in text:
        raise InvalidRequest.field(field, f"must have 1 to {MAX_KEY_BYTES} bytes, none of them zero")
    return text


def _threshold(text: str) -> Threshold:
    if not _NUMBER.fullmatch(text):
        raise InvalidRequest.field("threshold", "must be a number between 0 and 1")
    return Threshold.parse(float(text))


def _limit(text: str) -> int:
    if not _INTEGER.fullmatch(text) or not 1 <= int(text) <= MAX_LIMIT:
        raise InvalidRequest.field("limit", f"must be a whole number between 1 and {MAX_LIMIT}")
    return int(text)


def _on_multiple(text: str) -> OnMultiple:
    try:
        return OnMultiple(text)
    except ValueError:
        values = " or ".join(f"`{value}`" for value in OnMultiple)
        raise InvalidRequest.field("on_multiple", f"must be {values}") from None
