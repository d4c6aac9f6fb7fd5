"""Turns answer shapes into bytes: JSON, compressed where that helps, with an `ETag` where revalidation helps."""

import hashlib
import zlib
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request, Response

HttpRequest = Request[Any, Any, Any]

MIN_COMPRESSED_BYTES = 1024
"""Below this, compressing costs more than it saves."""
GZIP_LEVEL = 1
"""On the event loop: level 1 takes a fifth of level 9's time for a tenth more bytes."""
_GZIP_WBITS = 31


def _plain(value: Any) -> Any:
    """For msgspec: the domain's own kinds of text and number are text and number to the outside."""
    for kind in (str, float):
        if isinstance(value, kind):
            return kind(value)
    raise NotImplementedError(type(value))


_encoder = msgspec.json.Encoder(enc_hook=_plain)


def encode(body: msgspec.Struct) -> bytes:
    """An answer in JSON."""
    return _encoder.encode(body)


def raw_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI wants them."""
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def accepts_gzip(header: str | None) -> bool:
    """Whether an `Accept-Encoding` header allows gzip (RFC 9110, 12.5.3)."""
    weights = {}
    for item in (header or "").split(","):
        name, _, parameters = item.strip().partition(";")
        quality = parameters.strip().removeprefix("q=").strip() or "1"
        weights[name.strip().lower()] = quality.rstrip("0.") != ""
    return weights.get("gzip", weights.get("*", False))


def compress(body: bytes, level: int = GZIP_LEVEL) -> bytes:
    """Compress to gzip format, without a time stamp: the same body gives the same bytes."""
    compressor = zlib.compressobj(level, zlib.DEFLATED, _GZIP_WBITS)
    return compressor.compress(body) + compressor.flush()


def answer(
    request: HttpRequest, body: msgspec.Struct, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """A JSON answer."""
    content = encode(body)
    extra = {"Vary": "Accept-Encoding", **(headers or {})}
    if len(content) >= MIN_COMPRESSED_BYTES and accepts_gzip(request.headers.get("accept-encoding")):
        content = compress(content)
        extra["Content-Encoding"] = "gzip"
    return Response(content, status_code=status, media_type="application/json", headers=extra)


def revalidated(request: HttpRequest, body: msgspec.Struct) -> Response[bytes]:
    """A JSON answer that a client may keep and ask about: 304 while nothing has changed.

    The tag is weak (RFC 9110, 8.8.1): it names the content, not the bytes of one encoding.
    """
    digest = hashlib.blake2b(encode(body), digest_size=16).hexdigest()
    tag = f'W/"{digest}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if _matches(request.headers.get("if-none-match"), tag):
        return Response(b"", status_code=304, headers={**headers, "Vary": "Accept-Encoding"})
    return answer(request, body, headers=headers)


def _matches(header: str | None, tag: str) -> bool:
    """Weak comparison of `If-None-Match` (RFC 9110, 13.1.2)."""
    if header is None:
        return False
    tags = {item.strip().removeprefix("W/") for item in header.split(",")}
    return "*" in tags or tag.removeprefix("W/") in tags
