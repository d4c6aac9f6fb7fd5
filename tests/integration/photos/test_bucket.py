"""Photos in a bucket of a real object store: what no key reaches, and what is said when the store refuses."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from facepass.adapters.s3.address import ObjectStoreAddress
from facepass.adapters.s3.image_source import S3ImageSource
from facepass.adapters.s3.object_reader import ReadLimits
from facepass.adapters.s3.readiness import PhotoStoreReadiness
from facepass.domain.errors import (
    ConfigurationError,
    DependencyRefused,
    DependencyUnavailable,
    FacePassError,
    InvalidRequest,
    NotFound,
)
from facepass.entrypoints import logs
from facepass.entrypoints.settings import Logging
from tests.fixtures_s3 import ObjectStore
from tests.integration.photos.reading import reading

BUCKET, SECRETS = "photos-of-guests", "photos-of-guests-secrets"
PREFIX = "2026/summer"
PHOTO, SECRET = b"a photo", b"a secret"
HURRIED = ReadLimits(first_pause_s=0.001)


@pytest.fixture(scope="module")
def address(object_store: ObjectStore) -> ObjectStoreAddress:
    """Of a store with photos below the prefix, and secrets wherever else a key might lead."""
    object_store.put(BUCKET, {f"{PREFIX}/{name}": PHOTO for name in ("a.jpg", "b/a.jpg", "b.b/a", ".a", "a..b")})
    beside = ("a.jpg", "secret", "2026/a.jpg", "2026/secret", "2026/summer2/a.jpg", f"2026/{SECRETS}/a.jpg")
    object_store.put(BUCKET, dict.fromkeys((*beside, f"{BUCKET}/{PREFIX}/secret"), SECRET))
    object_store.put(SECRETS, dict.fromkeys(("a.jpg", "secret", f"{PREFIX}/a.jpg", f"{PREFIX}/secret"), SECRET))
    return object_store.address


@pytest.fixture
async def source(address: ObjectStoreAddress) -> AsyncIterator[S3ImageSource]:
    async with reading(address, BUCKET, PREFIX, limits=HURRIED) as opened:
        yield opened


HOSTILE = [
    *("..", ".", "/", "\\", "%2e%2e", "%2F", "%5c", "%00", "\x00", "\n", "\r\n", "?", "#", "&", "=", ";", "@", ":"),
    *("a.jpg", "secret", "2026", "summer", "b", BUCKET, SECRETS, "s3://", "http://", "//", "..;", "．．", "／"),
    *("?versionId=1", "?list-type=2", "#", " ", "+", "~", "*", "arn:aws:s3:::" + SECRETS, "Host: elsewhere"),
]


@given(st.lists(st.sampled_from(HOSTILE) | st.text(max_size=2), min_size=1, max_size=8).map("".join))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_key_reads_anything_outside_of_the_prefix(source: S3ImageSource, key: str) -> None:
    with suppress(FacePassError):
        assert await source.read(key) == PHOTO


@pytest.mark.parametrize(
    "key",
    [
        *("../a.jpg", "../../secret", "b/../../a.jpg", f"../../{SECRETS}/secret", f"/{SECRETS}/secret", "..\\a.jpg"),
        *(f"s3://{SECRETS}/secret", f"//{SECRETS}/secret", f"http://127.0.0.1/{SECRETS}/secret"),
    ],
)
async def test_a_key_that_leads_elsewhere_is_refused_by_name(source: S3ImageSource, key: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^s3_key: "):
        await source.read(key)


@pytest.mark.parametrize(
    "key", ["%2e%2e/a.jpg", "..%2fa.jpg", "2/a.jpg", "a.jpg?versionId=1", f"arn:aws:s3:::{SECRETS}"]
)
async def test_a_key_is_taken_as_it_is_written(source: S3ImageSource, key: str) -> None:
    # DependencyUnavailable: this server mistakes names with a percent sign, and then takes the signature for wrong.
    with pytest.raises((NotFound, DependencyUnavailable)):
        await source.read(key)


async def test_a_name_that_is_too_long_with_its_prefix_is_refused(source: S3ImageSource) -> None:
    most = 1024 - len(PREFIX) - 1
    with pytest.raises(InvalidRequest, match=f"at most {most} bytes"):
        await source.read("ü" * (most // 2 + 1))
    with pytest.raises(NotFound):
        await source.read("/".join(["ü" * 49] * 10))


async def test_without_a_prefix_the_whole_bucket_is_the_source(address: ObjectStoreAddress) -> None:
    async with reading(address, BUCKET) as source:
        assert await source.read(f"{PREFIX}/a.jpg") == PHOTO


@pytest.mark.parametrize("prefix", [f"{PREFIX}/", PREFIX])
async def test_a_slash_at_the_end_of_the_prefix_changes_nothing(address: ObjectStoreAddress, prefix: str) -> None:
    async with reading(address, BUCKET, prefix) as source:
        assert await source.read("a.jpg") == PHOTO


@pytest.mark.parametrize(
    "prefix", ["/", "/photos", "photos//", "..", "a/../b", "s3://bucket", "a\\..\\b", "a\nb", "x" * 1025]
)
async def test_a_malformed_prefix_is_refused(address: ObjectStoreAddress, prefix: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^S3_PREFIX "):
        async with reading(address, BUCKET, prefix):
            pass


async def test_what_is_stored_compressed_comes_as_it_is_stored(
    object_store: ObjectStore, address: ObjectStoreAddress
) -> None:
    object_store.put(BUCKET, {"zeros.gz": b"\x1f\x8b no gzip"}, ContentEncoding="gzip")
    async with reading(address, BUCKET) as source:
        assert await source.read("zeros.gz") == b"\x1f\x8b no gzip"


@pytest.mark.parametrize(
    ("wrong", "bucket", "reason"),
    [
        ({"access_key": "another"}, BUCKET, "does not know S3_ACCESS_KEY"),
        ({"secret_key": "another"}, BUCKET, "S3_SECRET_KEY is not the one that belongs to S3_ACCESS_KEY"),
        ({"secret_key": ""}, BUCKET, "S3_SECRET_KEY"),
        ({}, "elsewhere", "bucket does not exist"),
    ],
)
async def test_a_refusal_is_told_to_the_operator_and_kept_from_the_caller(
    address: ObjectStoreAddress, wrong: dict[str, str], bucket: str, reason: str
) -> None:
    async with reading(replace(address, **wrong), bucket, PREFIX) as source:
        with capture_logs() as lines, pytest.raises(DependencyUnavailable) as refused:
            await source.read("a.jpg")
        with pytest.raises(ConfigurationError, match=reason) as told:
            await source.check()
        await PhotoStoreReadiness(source).check()  # it answers
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("photo_store_refuses", "error")
    assert reason in line["reason"]
    assert refused.value.dependency == "photos"
    assert isinstance(refused.value, DependencyRefused)  # which opens no breaker
    for internal in ("S3_", "another", bucket, PREFIX, "127.0.0.1", "Signature"):
        assert internal not in refused.value.detail
    assert "another" not in f"{line} {told.value.detail}"


async def test_a_store_that_answers_is_found_in_order(source: S3ImageSource) -> None:
    await source.check()


async def test_a_server_that_is_killed_is_an_outage_until_it_is_back(own_object_store: ObjectStore) -> None:
    store = own_object_store
    store.put(BUCKET, {"a.jpg": PHOTO})
    async with reading(store.address, BUCKET, limits=HURRIED) as source:
        assert await source.read("a.jpg") == PHOTO
        store.kill()
        with (
            capture_logs() as lines,
            pytest.raises(DependencyUnavailable, match=r"^The photo store is out of reach\.$"),
        ):
            await asyncio.wait_for(source.read("a.jpg"), timeout=10)
        assert "does not answer (ConnectError" in lines[-1]["reason"]
        with pytest.raises(DependencyUnavailable):
            await PhotoStoreReadiness(source).check()

        store.start()
        await PhotoStoreReadiness(source).check()
        assert await source.read("a.jpg") == PHOTO


async def test_more_readers_than_connections_take_turns(address: ObjectStoreAddress) -> None:
    async with reading(address, BUCKET, PREFIX, limits=ReadLimits(max_connections=2)) as source:
        assert await asyncio.gather(*[source.read("a.jpg") for _ in range(20)]) == [PHOTO] * 20


async def test_no_line_of_any_library_holds_a_key_or_a_signature(
    source: S3ImageSource, logging_as_before: None
) -> None:
    stream = io.StringIO()
    logs.configure(Logging(log_level="DEBUG"), stream)
    await source.read("a.jpg")
    with pytest.raises(NotFound):
        await source.read("nobody.jpg")
    for private in ("a.jpg", "nobody", PREFIX, "Signature", "AWS4"):
        assert private not in stream.getvalue()
