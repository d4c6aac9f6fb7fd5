"""Addresses of objects, built from settings alone."""

import pytest

from facepass.adapters.s3.address import ObjectStoreAddress
from facepass.adapters.s3.bucket import Bucket
from facepass.domain.errors import ConfigurationError


def bucket(name: str = "photos", *, endpoint: str | None = None, region: str = "eu-central-1") -> Bucket:
    return Bucket(ObjectStoreAddress(endpoint, region, "access", "secret"), name)


@pytest.mark.parametrize(
    ("name", "endpoint", "region", "url"),
    [
        ("photos", None, "eu-central-1", "https://photos.s3.eu-central-1.amazonaws.com/k"),
        ("photos", None, "us-east-1", "https://photos.s3.us-east-1.amazonaws.com/k"),
        ("photos", None, "cn-north-1", "https://photos.s3.cn-north-1.amazonaws.com.cn/k"),
        ("my.photos", None, "eu-central-1", "https://s3.eu-central-1.amazonaws.com/my.photos/k"),
        ("Old_Photos", None, "us-east-1", "https://s3.us-east-1.amazonaws.com/Old_Photos/k"),
        ("photos", "http://minio:9000", "us-east-1", "http://minio:9000/photos/k"),
        ("photos", "https://minio/", "us-east-1", "https://minio/photos/k"),
        ("photos", "https://gateway/s3/", "us-east-1", "https://gateway/s3/photos/k"),
        ("photos", "http://[::1]:9000", "us-east-1", "http://[::1]:9000/photos/k"),
    ],
)
def test_where_an_object_is(name: str, endpoint: str | None, region: str, url: str) -> None:
    assert bucket(name, endpoint=endpoint, region=region).url_of("k") == url


def test_a_request_names_the_key_it_is_signed_with_and_not_the_secret() -> None:
    made = bucket()
    headers = made.signed_headers(made.url_of("k"))
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=access/")
    assert "/eu-central-1/s3/aws4_request" in headers["Authorization"]
    assert "secret" not in str(headers)


@pytest.mark.parametrize(
    "name",
    ["", "ab", "a/b", "photos/", "../x", "-photos", "photos.", "s3://photos", "arn:aws:s3:::x", "x" * 64, "ä" * 5],
)
def test_a_name_that_is_no_bucket_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="S3_BUCKET"):
        bucket(name)


@pytest.mark.parametrize(
    "endpoint",
    [
        *("nonsense", "ftp://host", "http://", "https://:9000", "http://host:port", "http://host:99999", "http://[::1"),
        *("http://user:password@host", "http://host?x=1", "http://host#x", "file:///etc", "http://host:0"),
    ],
)
def test_an_endpoint_that_is_no_address_is_refused(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match="S3_ENDPOINT") as refused:
        bucket(endpoint=endpoint)
    assert "password" not in refused.value.detail


@pytest.mark.parametrize("region", ["", "eu central", "evil.com/", "x" * 65])
def test_a_region_that_is_none_is_refused(region: str) -> None:
    with pytest.raises(ConfigurationError, match="S3_REGION"):
        bucket(region=region)
