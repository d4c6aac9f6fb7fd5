"""Reads the JSON of a batch and reports everything that is wrong with it at once."""

from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from multipart import parse_options_header  # type: ignore[import-untyped]  # ships no types

from facepass.application.index_batch import PhotoToIndex
from facepass.domain.errors import FieldError, InvalidRequest
from facepass.domain.gallery import OpaqueId, PhotoId, SessionId
from facepass.entrypoints.http.answers import HttpRequest
from facepass.entrypoints.http.body import BodyLease, read_body
from facepass.entrypoints.http.parameters import source_key

MAX_JSON_BYTES = 4 * 1024 * 1024
"""Room for some ten thousand photos with ordinary ids; decoding it keeps the event loop for milliseconds only."""

IdT = TypeVar("IdT", bound=OpaqueId)


@dataclass(frozen=True, slots=True)
class Batch:
    """What a caller asks to be indexed."""

    session_id: SessionId
    photos: tuple[PhotoToIndex, ...]


async def read_batch(request: HttpRequest, lease: BodyLease, *, max_photos: int) -> Batch:
    """Read and check a batch.

    Raises:
        InvalidRequest: naming every wrong field, such as `photos[3].s3_key`.
        PayloadTooLarge, Overloaded, RequestTimeout: see `read_body`.
    """
    content_type, options = parse_options_header(request.headers.get("content-type", ""))
    if content_type != "application/json" or options.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        raise InvalidRequest.field("Content-Type", "must be application/json in UTF-8")
    chunks: list[bytes] = []
    await read_body(request, max_bytes=MAX_JSON_BYTES, lease=lease, feed=chunks.append)
    try:
        document = msgspec.json.decode(b"".join(chunks))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest.field("body", "is not well-formed JSON") from error
    return _Checker(max_photos).batch(document)


class _Checker:
    def __init__(self, max_photos: int) -> None:
        self._max_photos = max_photos
        self._errors: list[FieldError] = []

    def batch(self, document: Any) -> Batch:
        if not isinstance(document, dict):
            raise InvalidRequest.field("body", "must be a JSON object with `session_id` and `photos`")
        self._strays(document, {"session_id", "photos"}, "")
        session_id = self._id(document, "session_id", SessionId, "")
        photos = document.get("photos")
        if not isinstance(photos, list):
            self._refuse("photos", "must be a list of {photo_id, s3_key}")
            photos = []
        elif not 1 <= len(photos) <= self._max_photos:
            self._refuse("photos", f"must hold 1 to {self._max_photos} photos, holds {len(photos)}")
            photos = []
        parsed = [self._photo(photo, f"photos[{position}]") for position, photo in enumerate(photos)]
        if self._errors or session_id is None:
            raise InvalidRequest(*self._errors)
        return Batch(session_id, tuple(photo for photo in parsed if photo is not None))

    def _photo(self, photo: Any, at: str) -> PhotoToIndex | None:
        if not isinstance(photo, dict):
            self._refuse(at, "must be an object with `photo_id` and `s3_key`")
            return None
        self._strays(photo, {"photo_id", "s3_key"}, f"{at}.")
        photo_id = self._id(photo, "photo_id", PhotoId, f"{at}.")
        key = photo.get("s3_key")
        if not isinstance(key, str):
            self._refuse(f"{at}.s3_key", "must be a string" if "s3_key" in photo else "is missing")
            return None
        try:
            source_key(key, f"{at}.s3_key")
        except InvalidRequest as error:
            self._errors.extend(error.errors)
            return None
        return None if photo_id is None else PhotoToIndex(photo_id, key)

    def _id(self, document: dict[str, Any], name: str, kind: type[IdT], prefix: str) -> IdT | None:
        value = document.get(name)
        if not isinstance(value, str):
            self._refuse(prefix + name, "must be a string" if name in document else "is missing")
            return None
        try:
            return kind.parse(value, prefix + name)
        except InvalidRequest as error:
            self._errors.extend(error.errors)
            return None

    def _strays(self, document: dict[str, Any], known: set[str], prefix: str) -> None:
        for name in document.keys() - known:
            self._refuse(f"{prefix}{name[:64]}", "is not a field here")

    def _refuse(self, field: str, message: str) -> None:
        self._errors.append(FieldError(field, message))
