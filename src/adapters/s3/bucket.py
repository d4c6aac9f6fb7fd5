"""One bucket: the address of each of its objects, and the signature without which nobody is given one.

Addresses are built here, from settings alone. Callers only choose the key, and all of it but its slashes is
percent-encoded: whatever it holds, it stays the end of the path, of this bucket on this host. The signature covers host
and path, so a proxy that rewrites them on the way gets nothing.
"""

import re
from urllib.parse import quote, urlsplit

from botocore.auth import S3SigV4Auth  # type: ignore[import-untyped] # it has no types
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped] # as above
from botocore.credentials import Credentials  # type: ignore[import-untyped] # as above

from facepass.adapters.s3.address import ObjectStoreAddress
from facepass.domain.errors import ConfigurationError

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]", re.ASCII)
"""More than Amazon takes for new buckets: old ones and other stores have capitals and underscores."""
_HOST_LABEL = re.compile(r"[a-z0-9-]+", re.ASCII)
"""Buckets of such a name are hosts of their own at Amazon's, with a certificate that covers them."""
_REGION = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)


class Bucket:
    """A bucket of an object store.

    Args:
        address: of the store.
        name: of the bucket.

    Raises:
        ConfigurationError: one of them is malformed.
    """

    def __init__(self, address: ObjectStoreAddress, name: str) -> None:
        if not _BUCKET.fullmatch(name):
            raise ConfigurationError("S3_BUCKET is no name of a bucket: 3 to 63 letters, digits, dots and hyphens")
        if not _REGION.fullmatch(address.region):
            raise ConfigurationError("S3_REGION is no name of a region, such as eu-central-1")
        self._root = _amazon(name, address.region) if address.endpoint is None else _path(address.endpoint, name)
        self._signer = S3SigV4Auth(Credentials(address.access_key, address.secret_key), "s3", address.region)

    def url_of(self, key: str) -> str:
        """Where an object is; `key` is neither decoded nor normalised."""
        return f"{self._root}/{quote(key, safe='/')}"

    def signed_headers(self, url: str) -> dict[str, str]:
        """What a GET of one of the bucket's addresses must bring along, within the next minutes."""
        request = AWSRequest("GET", url)
        self._signer.add_auth(request)
        return dict(request.headers.items())


def _path(endpoint: str, bucket: str) -> str:
    try:
        parts = urlsplit(endpoint)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, brackets that do not match
        valid = False
    if not valid or "@" in endpoint or "?" in endpoint or "#" in endpoint:
        raise ConfigurationError("S3_ENDPOINT is no address of an object store")
    return f"{endpoint.rstrip('/')}/{bucket}"


def _amazon(bucket: str, region: str) -> str:
    host = f"s3.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"
    return f"https://{bucket}.{host}" if _HOST_LABEL.fullmatch(bucket) else f"https://{host}/{bucket}"
