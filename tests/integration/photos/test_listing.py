"""Lists of photos: the same from every source, what is said when a store refuses, and stores that answer anything."""

import asyncio
import tempfile
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from facepass.adapters.filesystem.image_source import FolderImageSource
from facepass.adapters.memory.photos import MemoryImageSource
from facepass.adapters.s3.object_list import ObjectList
from facepass.domain.errors import ConfigurationError, DependencyUnavailable, FacePassError
from facepass.domain.ports import ImageSource
from tests.fixtures_s3 import ObjectStore
from tests.integration.photos.reading import reading
from tests.integration.photos.test_lying_store import CHUNK, CHUNKED, Answer, Liar, for_ever, lying, saying, silent

BUCKET = "lists-of-photos"
MAX_BYTES = 1000
_prefixes = (f"listing-{number}" for number in count())
_name = st.sampled_from("ab-. \u00fc\uff21\U0001f642").flatmap(
    lambda first: st.text("a-.", max_size=2).map(first.__add__)
)
_key = st.builds(
    lambda folders, name, suffix: "/".join([*folders, name + suffix]),
    st.lists(_name, max_size=2),
    _name,
    st.sampled_from([".jpg", ".PNG", ".txt", ""]),
)


async def keys(source: ImageSource, prefix: str = "") -> list[str]:
    return [key async for key in source.keys(prefix)]


def storable(names: set[str]) -> set[str]:
    """Without `..`, which stores refuse, and files that would have to be folders."""
    clean = {name for name in names if not {".", ".."} & {*name.split("/")}}
    return {name for name in clean if not any(other.startswith(f"{name}/") for other in clean)}


def lay(root: Path, photos: dict[str, bytes]) -> None:
    for name, data in photos.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(_key, max_size=12).map(storable), st.sampled_from(["", "a", "a/", "b", "a-", "\u00fc/", "a.", "no"]))
async def test_every_source_lists_the_same(
    object_store: ObjectStore, rclone_store: ObjectStore, names: set[str], prefix: str
) -> None:
    photos = dict.fromkeys(names, b"photo")
    place = next(_prefixes)
    stores = (
        [object_store, rclone_store] if sorted(names) == sorted(names, key=lambda n: n.split("/")) else [rclone_store]
    )
    for store in stores:  # nanio lists folder by folder, which is another order where `a/b` meets `a.jpg`
        store.put(BUCKET, {f"{place}/{name}": data for name, data in photos.items()})
    with tempfile.TemporaryDirectory() as root:
        lay(Path(root), photos)
        expected = await keys(MemoryImageSource(photos, max_bytes=MAX_BYTES), prefix)
        assert await keys(FolderImageSource(Path(root), max_bytes=MAX_BYTES), prefix) == expected
        for store in stores:
            async with reading(store.address, BUCKET, place, page_names=4) as bucket:
                assert await keys(bucket, prefix) == expected


async def test_several_pages_of_the_largest_size(rclone_store: ObjectStore) -> None:
    names = [f"{number:04}.jpg" for number in range(1100)]
    rclone_store.put(BUCKET, dict.fromkeys((f"many/{name}" for name in names), b""))
    async with reading(rclone_store.address, BUCKET, "many") as source:
        assert await keys(source) == names
        assert await keys(source, "10") == names[1000:1100]


async def test_nothing_is_listed_but_what_is_below_the_prefix(object_store: ObjectStore) -> None:
    inside, beside = ("2026/a.jpg", "2026/b/a.jpg"), ("a.jpg", "20261/a.jpg", "2026.jpg", "2025/a.jpg")
    object_store.put("lists-beside", dict.fromkeys((*inside, *beside), b"photo"))
    async with reading(object_store.address, "lists-beside", "2026") as source:
        assert await keys(source) == ["a.jpg", "b/a.jpg"]
        assert await keys(source, "b") == ["b/a.jpg"]
        assert await keys(source, "ü" * 600) == []  # longer than a name can be


@pytest.mark.parametrize("kind", ["object_store", "rclone_store"])
@pytest.mark.parametrize(
    ("wrong", "bucket", "reason"),
    [
        ({"access_key": "another"}, BUCKET, "does not know S3_ACCESS_KEY"),
        ({"secret_key": "another"}, BUCKET, "S3_SECRET_KEY is not the one that belongs to S3_ACCESS_KEY"),
        ({}, "elsewhere", "bucket does not exist"),
    ],
)
async def test_a_refusal_says_what_to_do(
    request: pytest.FixtureRequest, kind: str, wrong: dict[str, str], bucket: str, reason: str
) -> None:
    store: ObjectStore = request.getfixturevalue(kind)
    store.put(BUCKET, {"a.jpg": b"photo"})
    async with reading(replace(store.address, **wrong), bucket) as source:
        with capture_logs() as lines, pytest.raises(ConfigurationError, match=reason) as refused:
            await keys(source)
    assert [line["event"] for line in lines] == ["photo_store_refuses"]
    assert "another" not in f"{lines} {refused.value.detail}"


async def test_a_server_that_is_killed_is_an_outage_until_it_is_back(own_object_store: ObjectStore) -> None:
    store = own_object_store
    store.put(BUCKET, {"a.jpg": b"photo"})
    async with reading(store.address, BUCKET) as source:
        store.kill()
        with capture_logs() as lines, pytest.raises(DependencyUnavailable) as failed:
            await keys(source)
        assert (failed.value.dependency, failed.value.detail) == ("photos", "The photo store is out of reach.")
        assert "EndpointConnectionError" in lines[-1]["reason"]
        store.start()
        assert await keys(source) == ["a.jpg"]


LAST = "<IsTruncated>false</IsTruncated>"


def page(*names: str, more: str = "") -> Answer:
    entries = "".join(f"<Contents><Key>{name}</Key></Contents>" for name in names)
    rest = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{more}</NextContinuationToken>" if more else LAST
    return xml("200 OK", f"<ListBucketResult>{entries}{rest}</ListBucketResult>")


def xml(status: str, body: str) -> Answer:
    return saying(f"{status}\r\nContent-Length: {len(body.encode())}", body.encode())


async def listing(liar: Liar, *, page_timeout_s: float = 5.0) -> list[str]:
    listed = ObjectList(liar.address, "photos", page_timeout_s=page_timeout_s)
    return [name async for name in listed.names("")]


@pytest.mark.parametrize(
    "head",
    [
        *(f"{status} Elsewhere\r\nLocation: {{there}}/photos?list-type=2" for status in (301, 302, 303, 307, 308)),
        "301 Moved\r\nx-amz-bucket-region: eu-west-3\r\nLocation: {there}/photos",
    ],
)
@pytest.mark.parametrize("body", ["", "<Error><Code>PermanentRedirect</Code></Error>"])
async def test_nobody_is_asked_but_the_store_wherever_it_sends(head: str, body: str) -> None:
    async with lying(page("secret.jpg")) as other:
        async with lying(xml(head.format(there=f"http://127.0.0.1:{other.port}"), body)) as liar:
            with pytest.raises(ConfigurationError, match="sends us elsewhere"):
                await listing(liar)
        assert len(liar.heads) == 1
    assert other.heads == []


@pytest.mark.parametrize("header", ["", "\r\nx-amz-bucket-region: eu-west-3"])
@pytest.mark.parametrize(
    "code", ["AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException"]
)
async def test_a_bucket_that_is_said_to_be_elsewhere_is_not_looked_for(header: str, code: str) -> None:
    async with lying(xml(f"400 Bad Request{header}", f"<Error><Code>{code}</Code></Error>")) as liar:
        with pytest.raises(ConfigurationError):
            await listing(liar)
    assert {head.split(b" ")[0] for head in liar.heads} == {b"GET"}


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (page("b.jpg", "a.jpg"), ConfigurationError, "in order"),
        (page("a.jpg", more="again"), ConfigurationError, "in order"),
        (page(more="again"), DependencyUnavailable, "PaginationError"),
        (xml("200 OK", "<html></html>"), ConfigurationError, "no object store"),
        (xml("404 Not Found", "<html></html>"), ConfigurationError, "no object store"),
        (xml("404 Not Found", "hello"), ConfigurationError, "no object store"),
        (xml("403 Forbidden", ""), ConfigurationError, "refuses S3_ACCESS_KEY"),
    ],
    ids=["disorder", "the same again", "no end", "a page", "no page", "a word", "a closed door"],
)
async def test_whatever_answers(answer: Answer, error: type[FacePassError], reason: str) -> None:
    async with lying(answer) as liar:
        with pytest.raises(error, match=reason):
            await listing(liar)


@pytest.mark.parametrize(
    "answer",
    [silent, for_ever(f"200 OK\r\n{CHUNKED}", b"1\r\nx\r\n", pause_s=0.02)],
    ids=["silence", "a byte now and then"],
)
async def test_time_does_not_run_away(answer: Answer) -> None:
    async with lying(answer) as liar:
        with pytest.raises(DependencyUnavailable, match=r"took longer than 0\.2 s"):
            await asyncio.wait_for(listing(liar, page_timeout_s=0.2), timeout=10)


async def test_no_answer_is_read_without_an_end() -> None:
    async with lying(for_ever(f"200 OK\r\n{CHUNKED}", CHUNK)) as liar:
        with pytest.raises(DependencyUnavailable, match=r"ConnectionClosedError|took longer"):
            await listing(liar, page_timeout_s=20)


async def test_what_passes_is_waited_out() -> None:
    answers = [xml("503 Slow Down", "<Error><Code>SlowDown</Code></Error>"), page("a.jpg", more="more"), page("b.jpg")]

    async def one_after_another(writer: asyncio.StreamWriter) -> None:
        await answers.pop(0)(writer)

    async with lying(one_after_another) as liar:
        assert await listing(liar) == ["a.jpg", "b.jpg"]
