"""Where an object store is, the key to it, and what it means when it refuses: common to all who ask it."""

from dataclasses import dataclass, field

MISSING = frozenset({"NoSuchKey", "404", "NotFound"})
PASSING = frozenset({"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "500", "502", "503", "504"})
REFUSALS = {
    "NoSuchBucket": "the bucket does not exist: make it, or correct the address",
    "InvalidAccessKeyId": "the object store does not know S3_ACCESS_KEY",
    "SignatureDoesNotMatch": "S3_SECRET_KEY is not the one that belongs to S3_ACCESS_KEY",
    "AccessDenied": "the object store refuses S3_ACCESS_KEY: it may not do this here, or S3_SECRET_KEY is wrong",
    "403": "the object store refuses S3_ACCESS_KEY: it may not do this here, or S3_SECRET_KEY is wrong",
    "RequestTimeTooSkewed": "this machine's clock is wrong: the object store refuses our signatures",
    "AuthorizationHeaderMalformed": "S3_REGION is not the region of the bucket",
    "PermanentRedirect": "S3_REGION or S3_ENDPOINT is not that of the bucket",
    "InvalidObjectState": "the object is archived: restore it before it can be read",
    "EntityTooLarge": "the object store does not take a file of this size",
}
"""From the code of an error to what an operator can do about it."""


@dataclass(frozen=True, slots=True)
class ObjectStoreAddress:
    """Where an object store is, and the key to it.

    Attributes:
        endpoint: `http://…` or `https://…`; None for Amazon's.
        access_key: and `secret_key`: hidden from `repr`.
    """

    endpoint: str | None
    region: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
