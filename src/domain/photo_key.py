"""Keys under which an image source holds photos: relative paths that cannot lead out of their root.

The rules are the same for every source, so that a key means the same wherever photos are kept. A key is never decoded:
`%2e%2e` names a folder of those six characters.
"""

import re

from facepass.domain.errors import InvalidRequest, NotFound, PayloadTooLarge

MAX_KEY_LENGTH = 1024
"""Characters; S3 allows as many bytes."""

_SEPARATORS = re.compile(r"[/\\]")
"""Backslashes only divide names in the eyes of some stores; where they do, `..\\` would lead out as `../` does."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def key_parts(key: str, field: str = "s3_key") -> tuple[str, ...]:
    """The components of a key, between slashes.

    Raises:
        InvalidRequest: naming `field`; the key is empty, too long, absolute, has an empty, `.` or `..` component, also
            between backslashes, or has characters that no file name should have: control characters, lone surrogates.
    """
    if not 1 <= len(key) <= MAX_KEY_LENGTH:
        raise InvalidRequest.field(field, f"must have 1 to {MAX_KEY_LENGTH} characters, has {len(key)}")
    if any(part in {"", ".", ".."} for part in _SEPARATORS.split(key)):
        raise InvalidRequest.field(field, "must be a relative path without empty, `.` or `..` components")
    if _CONTROL.search(key) or not _is_unicode(key):
        raise InvalidRequest.field(field, "must not hold control characters or lone surrogates")
    return tuple(key.split("/"))


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def no_photo(key: str) -> NotFound:
    """What every source says of a key that it holds nothing under."""
    return NotFound(f"No photo is stored under {key!r}.")


def photo_too_large(key: str, max_bytes: int) -> PayloadTooLarge:
    """What every source says of a photo beyond its byte budget."""
    return PayloadTooLarge(f"The photo {key!r} has more than {max_bytes} bytes.")
