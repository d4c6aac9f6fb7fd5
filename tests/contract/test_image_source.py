"""What every image source promises, over every adapter: memory, a folder, and a bucket of two real object stores."""

import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facepass.adapters.filesystem.image_source import FolderImageSource
from facepass.adapters.memory.photos import MemoryImageSource
from facepass.adapters.s3.bucket import Bucket
from facepass.adapters.s3.image_source import S3ImageSource
from facepass.adapters.s3.object_list import ObjectList
from facepass.adapters.s3.object_reader import ObjectReader
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
STORES = {"bucket": "object_store", "bucket of rclone": "rclone_store"}
MakeSource = Callable[[dict[str, bytes]], ImageSource]
_prefixes = (f"prefix {number}" for number in itertools.count())


@pytest.fixture(params=["memory", "folder", "bucket", "bucket of rclone"])
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
            store: ObjectStore = request.getfixturevalue(STORES[request.param])
            prefix = next(_prefixes)
            store.put(BUCKET, {f"{prefix}/{key}": data for key, data in photos.items()})
            reader = ObjectReader(Bucket(store.address, BUCKET))
            stack.push_async_callback(reader.close)
            # pages so small that a list has several
            listing = ObjectList(store.address, BUCKET, page_names=3)
            return S3ImageSource(reader, listing, prefix, max_bytes=MAX_BYTES)

        yield {"memory": memory, "folder": folder}.get(request.param, bucket)


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


LISTED = [
    *("2026/A/x.jpg", "2026/a/x.jpg", "2026/a/y/z.JPEG", "2026/a-b.png", "2026/a.webp", "2026/ab.bmp"),
    *("2026/summer party/\u00fc \U0001f642.Png", "2026/\U0001f642.jpg", "2026/\uff21.jpg", "DCIM\\100.jpg", "a..b.jpg"),
    *("what? #1+1&a=b;c.jpg", "x.jpg/y.jpg"),
]
BEYOND_NANIO = ["2026/a\\..\\b.jpg", "2026/c.jpg\n.jpg", "2026/a-b.png", "2026/a.webp"]
"""Names that this store refuses, mistakes, or lists after those below `2026/a/`, and loses between two pages."""
UNLISTED = [
    *(".hidden.jpg", ".jpg", "2026/.hidden/a.jpg", "2026/a/.b.jpg", "2026/readme.txt", "2026/jpg", "2026/a.jpg.part"),
    *BEYOND_NANIO,
]


async def keys(source: ImageSource, prefix: str = "") -> list[str]:
    return [key async for key in source.keys(prefix)]


@pytest.fixture
def listed(make_source: MakeSource, request: pytest.FixtureRequest) -> tuple[ImageSource, list[str]]:
    """A source, and the keys it is to tell of."""
    names = {*UNLISTED, *LISTED}
    if request.node.callspec.params["make_source"] == "bucket":
        names -= {*BEYOND_NANIO}
    return make_source(dict.fromkeys(names, b"photo")), [key for key in sorted(LISTED, key=str.encode) if key in names]


async def test_keys_of_pictures_come_in_order_and_can_be_read(listed: tuple[ImageSource, list[str]]) -> None:
    source, expected = listed
    found = await keys(source)
    assert found == expected
    assert {await source.read(key) for key in found} == {b"photo"}


@pytest.mark.parametrize(
    "prefix",
    [
        *("2026", "2026/", "2026/a", "2026/a/", "2026/a/x.jpg", "2026/a/y/", "2026/a/y/z", "2026/A", "2026/s", "20"),
        *(
            "2026/summer party/\u00fc",
            "DCIM\\",
            "x.jpg",
            "x.jpg/",
            "what? #1+1&",
            "a..",
            "no",
            "2026/a/x.jpg/",
            "2026/b/",
        ),
        *(".hidden", "2026/a/.b", "%", "x" * 1024),
    ],
)
async def test_a_prefix_is_the_beginning_of_a_key(listed: tuple[ImageSource, list[str]], prefix: str) -> None:
    source, expected = listed
    assert await keys(source, prefix) == [key for key in expected if key.startswith(prefix)]


@pytest.mark.parametrize(
    "prefix",
    [
        *("/", "/etc", "..", "../", "../secret", "a/../b", "a/..", "./a", ".", "a//b", "a//", "x" * 1025),
        *("..\\", "a\\..\\b", "s3://bucket/", "a\x00", "a\n/", "\ud800"),
    ],
)
async def test_a_prefix_that_leaves_the_root_is_refused(make_source: MakeSource, prefix: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await keys(make_source(PHOTOS), prefix)
    assert [error.field for error in refused.value.errors] == ["prefix"]


async def test_keys_may_be_left_before_the_end(make_source: MakeSource) -> None:
    source = make_source({f"{number:02}.jpg": b"photo" for number in range(10)})
    found = source.keys("")
    assert isinstance(found, AsyncGenerator)
    async with aclosing(found):
        assert [await anext(found) for _ in range(4)] == ["00.jpg", "01.jpg", "02.jpg", "03.jpg"]
    assert len(await keys(source)) == 10


async def test_nothing_there_is_no_key(make_source: MakeSource) -> None:
    assert await keys(make_source({"a.txt": b"text"})) == []
