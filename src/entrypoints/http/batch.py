"""Reads the JSON of a batch and reports everything that is wrong with it at once."""

import asyncio
from dataclasses import dataclass
from typing import Any

from facepass.domain.errors import FieldError, InvalidRequest
from facepass.domain.gallery import PhotoId, SessionId
from facepass.domain.job import PhotoToIndex
from facepass.entrypoints.http.answers import HttpRequest
from facepass.entrypoints.http.body import BodyLease
from facepass.entrypoints.http.json_body import JsonFields, read_json
from facepass.entrypoints.http.parameters import source_key

MAX_JSON_BYTES = 4 * 1024 * 1024
"""Room for some ten thousand photos with ordinary ids; decoding it keeps the event loop for some ten milliseconds."""


RESPOND_ASYNC = "respond-async"


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
    document = await read_json(request, lease, max_bytes=MAX_JSON_BYTES)
    # ten thousand photos take a tenth of a second, in which others want to be answered
    return await asyncio.to_thread(_checked, document, max_photos)


def wants_async(request: HttpRequest) -> bool:
    """Whether the caller prefers an answer at once and the work in the background (RFC 7240)."""
    preferences = ",".join(request.headers.getall("prefer", [])).split(",")
    return any(preference.split(";")[0].strip().lower() == RESPOND_ASYNC for preference in preferences)


def _checked(document: Any, max_photos: int) -> Batch:
    fields = JsonFields.of(document, known={"session_id", "photos"}, expected="`session_id` and `photos`")
    session_id = fields.opaque_id("session_id", SessionId)
    photos: list[PhotoToIndex | None] = []
    listed = fields.get("photos")
    if not isinstance(listed, list):
        fields.refuse("photos", "must be a list of {photo_id, s3_key}")
    elif not 1 <= len(listed) <= max_photos:
        fields.refuse("photos", f"must hold 1 to {max_photos} photos, holds {len(listed)}")
    else:
        photos = [_photo(photo, f"photos[{position}]", fields.errors) for position, photo in enumerate(listed)]
    if fields.errors or session_id is None:
        raise InvalidRequest(*fields.errors)
    return Batch(session_id, tuple(photo for photo in photos if photo is not None))


def _photo(photo: Any, at: str, errors: list[FieldError]) -> PhotoToIndex | None:
    if not isinstance(photo, dict):
        errors.append(FieldError(at, "must be an object with `photo_id` and `s3_key`"))
        return None
    fields = JsonFields(photo, known={"photo_id", "s3_key"}, prefix=f"{at}.")
    photo_id, key = fields.opaque_id("photo_id", PhotoId), fields.text("s3_key")
    if key is not None:
        try:
            source_key(key, f"{at}.s3_key")
        except InvalidRequest as error:
            fields.errors.extend(error.errors)
    errors.extend(fields.errors)
    return None if photo_id is None or key is None else PhotoToIndex(photo_id, key)
