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

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
"""Of names of pictures in the accepted formats; capitals do not matter."""


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


def check_prefix(prefix: str, field: str = "prefix") -> None:
    """Refuse a beginning that no key can have; empty it is that of every key, and it may end within a name.

    Raises:
        InvalidRequest: naming `field`; by the rules of keys, but that the last component may be empty.
    """
    if len(prefix) > MAX_KEY_LENGTH:
        raise InvalidRequest.field(field, f"must have at most {MAX_KEY_LENGTH} characters, has {len(prefix)}")
    *folders, last = _SEPARATORS.split(prefix)
    if last in {".", ".."} or any(part in {"", ".", ".."} for part in folders):
        raise InvalidRequest.field(field, "must be the beginning of a relative path without `.` or `..` components")
    if _CONTROL.search(prefix) or not _is_unicode(prefix):
        raise InvalidRequest.field(field, "must not hold control characters or lone surrogates")


def is_listed(key: str) -> bool:
    """Whether a source tells of what it holds under a key: a valid one, of a picture by its name, and not hidden."""
    try:
        parts = key_parts(key)
    except InvalidRequest:
        return False
    name, dot, suffix = parts[-1].rpartition(".")
    hidden = any(part.startswith(".") for part in parts)
    return bool(name) and f"{dot}{suffix}".lower() in PHOTO_SUFFIXES and not hidden


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
