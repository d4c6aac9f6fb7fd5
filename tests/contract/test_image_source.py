"""What every image source promises, over every adapter: memory, a folder, and a bucket of a real object store."""

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facepass.adapters.filesystem.image_source import FolderImageSource
from facepass.adapters.memory.photos import MemoryImageSource
from facepass.adapters.s3.bucket import Bucket
from facepass.adapters.s3.image_source import S3ImageSource
from facepass.adapters.s3.object_reader import ObjectReader
from facepass.adapters.system.clock import SystemClock
from facepass.domain.errors import FacePassError, InvalidRequest, NotFound, PayloadTooLarge
from facepass.domain.ports import ImageSource
from tests.fixtures_s3 import ObjectStore

MAX_BYTES = 1000
BUCKET = "image-source-contract"
PHOTOS = {
    "a.jpg": b"first",
    "2026/summer party/ü 🙂.png": b"second",
    "full.bin": b"x" * 1000,
    "over.bin": b"x" * 1001,
    "empty.bin": b"",
    "what? #1+1&a=b;c.jpg": b"third",
    "DCIM\\100.jpg": b"fourth",
    "~!$'()*,:=@[]{}|^`<>\".jpg": b"fifth",
}
MakeSource = Callable[[dict[str, bytes]], ImageSource]
_prefixes = (f"prefix {number}" for number in itertools.count())


@pytest.fixture(params=["memory", "folder", "bucket"])
async def make_source(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MakeSource]:
    async with AsyncExitStack() as stack:

        def memory(photos: dict[str, bytes]) -> ImageSource:
            return MemoryImageSource(photos, max_bytes=MAX_BYTES)

        def folder(photos: dict[str, bytes]) -> ImageSource:
            for key, data in photos.items():
                path = tmp_path / "photos" / key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            return FolderImageSource(tmp_path / "photos", max_bytes=MAX_BYTES)

        def bucket(photos: dict[str, bytes]) -> ImageSource:
            store: ObjectStore = request.getfixturevalue("object_store")
            prefix = next(_prefixes)
            store.put(BUCKET, {f"{prefix}/{key}": data for key, data in photos.items()})
            reader = ObjectReader(Bucket(store.address, BUCKET), clock=SystemClock())
            stack.push_async_callback(reader.close)
            return S3ImageSource(reader, prefix, max_bytes=MAX_BYTES)

        yield {"memory": memory, "folder": folder, "bucket": bucket}[request.param]


@pytest.mark.parametrize("key", sorted(PHOTOS.keys() - {"over.bin"}))
async def test_a_photo_comes_back_byte_for_byte(make_source: MakeSource, key: str) -> None:
    assert await make_source(PHOTOS).read(key) == PHOTOS[key]


@pytest.mark.parametrize(
    "key",
    [
        "b.jpg",
        "a.jpg/b",
        "2026",
        "2026/summer party/no.png",
        "A.JPG",
        "x" * 200,
        "what?",
        "what? #1 1&a=b;c.jpg",
        "2026/summer+party/ü 🙂.png",
        "DCIM/100.jpg",
    ],
)
async def test_what_is_not_there_is_not_found(make_source: MakeSource, key: str) -> None:
    with pytest.raises(NotFound):
        await make_source(PHOTOS).read(key)


async def test_more_bytes_than_the_budget(make_source: MakeSource) -> None:
    with pytest.raises(PayloadTooLarge):
        await make_source(PHOTOS).read("over.bin")


@pytest.mark.parametrize(
    "key",
    [
        *("", "/", "/etc/passwd", "../secret", "a/../../secret", "./a.jpg", "2026//x", "2026/", "..", "x" * 1025),
        *("..\\secret", "a\\..\\..\\secret", "\\\\host\\share", "a\\"),
        *("s3://bucket/a.jpg", "http://host/a.jpg", "file:///etc/passwd"),
        *("a\x00.jpg", "a\n.jpg", "a\r\nHost: x", "\x7f", "\ud800"),
    ],
)
async def test_a_key_that_leaves_the_root_or_is_no_name_is_refused(make_source: MakeSource, key: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await make_source(PHOTOS).read(key)
    assert [error.field for error in refused.value.errors] == ["s3_key"]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.sampled_from("./\\~$ab \n%2e?#"), max_size=12))
async def test_no_key_reads_anything_but_the_photos(make_source: MakeSource, key: str) -> None:
    source = make_source({"a": b"inside"})
    try:
        assert await source.read(key) == b"inside"
        assert key == "a"
    except FacePassError:
        assert key != "a"
