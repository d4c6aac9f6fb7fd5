"""Reads `multipart/form-data` (RFC 7578) byte for byte.

Litestar's own form handling decodes text fields that look like JSON and trusts a part's charset. Ids are opaque here:
`123`, `null` or ` a ` must arrive as they were sent, so fields are read with the same parser but kept as they are.
"""

from collections import Counter
from dataclasses import dataclass, field

from multipart import (  # type: ignore[import-untyped]  # ships no types
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from facepass.application.ports import PictureFile
from facepass.domain.errors import FieldError, InvalidRequest, PayloadTooLarge
from facepass.entrypoints.http.answers import HttpRequest
from facepass.entrypoints.http.body import BodyLease, read_body
from facepass.entrypoints.http.spool import Spool

MAX_TEXT_BYTES = 4096
"""Of one text field; 255 characters take 1020 at most."""
MAX_STRAY_PARTS = 8
"""Parts beyond the known fields that are read, to name what is wrong with them."""
OVERHEAD_BYTES = 64 * 1024
"""Boundaries, part headers and text fields of a form."""
_SHOWN_NAME_CHARS = 64


@dataclass(frozen=True, slots=True)
class FormSpec:
    """Which fields a form may have, each text at most once.

    Attributes:
        max_file_bytes: of each file.
        files_each: most files of each name.
    """

    texts: frozenset[str]
    files: frozenset[str]
    max_file_bytes: int
    files_each: int = 1

    @property
    def max_files(self) -> int:
        """Of all names together."""
        return len(self.files) * self.files_each

    @property
    def max_bytes(self) -> int:
        """Of the whole body."""
        return self.max_files * self.max_file_bytes + OVERHEAD_BYTES


@dataclass(slots=True)
class Form:
    """A form as it was sent.

    Attributes:
        files: one or more of each name that came, in the order they came in.
        errors: what is wrong with its structure; fields concerned are absent.
    """

    texts: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[PictureFile]] = field(default_factory=dict)
    errors: list[FieldError] = field(default_factory=list)

    def __contains__(self, name: str) -> bool:
        return name in self.texts or name in self.files


async def read_form(request: HttpRequest, spec: FormSpec, lease: BodyLease) -> Form:
    """Read a form.

    Raises:
        InvalidRequest: no form, or a broken one; wrong fields are collected in `Form.errors` instead.
        PayloadTooLarge: a file or the body is beyond its bound.
        Overloaded, RequestTimeout: see `read_body`.
    """
    content_type, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get("boundary", "")
    if content_type != "multipart/form-data" or not boundary:
        raise InvalidRequest.field("Content-Type", "must be multipart/form-data with a boundary")
    reader = _FormReader(spec, lease)
    try:
        parser = PushMultipartParser(
            boundary, max_segment_count=len(spec.texts) + spec.max_files + MAX_STRAY_PARTS, max_header_count=8
        )

        def feed(chunk: bytes) -> None:
            for event in parser.parse(chunk):
                reader.take(event)

        with parser:
            await read_body(request, max_bytes=spec.max_bytes, lease=lease, feed=feed)
    except ParserLimitReached as error:
        raise InvalidRequest.field("body", "has too many parts or too long part headers") from error
    except (MultipartError, UnicodeError) as error:
        raise InvalidRequest.field("body", "is not well-formed multipart/form-data") from error
    return reader.form


class _FormReader:
    """Collects the parser's events into a form."""

    def __init__(self, spec: FormSpec, lease: BodyLease) -> None:
        self.form = Form()
        self._spec = spec
        self._lease = lease
        self._spool: Spool | None = None
        self._seen: Counter[str] = Counter()
        self._name = ""
        self._keep = False
        self._charset: str | None = None
        self._chunks: list[bytes] = []
        self._size_bytes = 0

    def take(self, event: MultipartSegment | bytes | None) -> None:
        if isinstance(event, MultipartSegment):
            self._begin(event)
        elif event is None:
            self._end()
        else:
            self._extend(event)

    def _begin(self, part: MultipartSegment) -> None:
        self._name = part.name or ""
        self._chunks, self._size_bytes, self._charset = [], 0, part.charset
        is_file = self._name in self._spec.files
        known = is_file or self._name in self._spec.texts
        most = self._spec.files_each if is_file else 1
        self._keep = known and self._seen[self._name] < most
        if not known:
            self._refuse("is not a field of this form")
        elif not self._keep:
            self.form.texts.pop(self._name, None)
            self.form.files.pop(self._name, None)
            self._refuse("is given more than once" if most == 1 else f"is given more than {most} times")
        self._seen[self._name] += 1
        self._spool = self._lease.spool() if is_file and self._keep else None

    def _extend(self, chunk: bytes) -> None:
        self._size_bytes += len(chunk)
        is_file = self._name in self._spec.files
        if is_file and self._size_bytes > self._spec.max_file_bytes:
            raise PayloadTooLarge(f"`{self._name}` may have at most {self._spec.max_file_bytes} bytes.")
        if self._spool is not None:
            self._spool.write(chunk)
        elif self._keep and self._size_bytes <= MAX_TEXT_BYTES:
            self._chunks.append(chunk)

    def _end(self) -> None:
        if not self._keep:
            return
        if self._spool is not None:
            self.form.files.setdefault(self._name, []).append(self._spool.finish())
            return
        data = b"".join(self._chunks)
        self._chunks = []
        if self._size_bytes > MAX_TEXT_BYTES:
            self._refuse(f"has {self._size_bytes} bytes, more than the {MAX_TEXT_BYTES} a text field may have")
        elif (self._charset or "utf-8").lower() not in {"utf-8", "utf8", "us-ascii", "ascii"}:
            self._refuse("must be UTF-8")
        else:
            try:
                self.form.texts[self._name] = data.decode("utf-8")
            except UnicodeDecodeError:
                self._refuse("is not valid UTF-8")

    def _refuse(self, message: str) -> None:
        error = FieldError(self._name[:_SHOWN_NAME_CHARS] or "(unnamed)", message)
        if error not in self.form.errors:
            self.form.errors.append(error)
