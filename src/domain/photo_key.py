"""Keys under which an image source holds photos: relative paths that cannot lead out of their root."""

from facepass.domain.errors import InvalidRequest

MAX_KEY_LENGTH = 1024
"""Characters; S3 allows as many bytes."""


def key_parts(key: str, field: str = "s3_key") -> tuple[str, ...]:
    """The components of a key.

    Raises:
        InvalidRequest: naming `field`; the key is empty, too long, absolute, or has an empty, `.` or `..` component.
    """
    if not 1 <= len(key) <= MAX_KEY_LENGTH:
        raise InvalidRequest.field(field, f"must have 1 to {MAX_KEY_LENGTH} characters, has {len(key)}")
    parts = tuple(key.split("/"))
    if "\x00" in key or any(part in {"", ".", ".."} for part in parts):
        raise InvalidRequest.field(field, "must be a relative path without empty, `.` or `..` components")
    return parts
