"""What every image source promises, over every adapter."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facepass.adapters.filesystem.image_source import FolderImageSource
from facepass.adapters.memory.photos import MemoryImageSource
from facepass.domain.errors import FacePassError, InvalidRequest, NotFound, PayloadTooLarge
from facepass.domain.ports import ImageSource

MAX_BYTES = 1000
PHOTOS = {"a.jpg": b"first", "2026/summer party/ü 🙂.png": b"second", "full.bin": b"x" * 1000, "over.bin": b"x" * 1001}
MakeSource = Callable[[dict[str, bytes]], ImageSource]


@pytest.fixture(params=["memory", "folder"])
def make_source(request: pytest.FixtureRequest, tmp_path: Path) -> MakeSource:
    def memory(photos: dict[str, bytes]) -> ImageSource:
        return MemoryImageSource(photos, max_bytes=MAX_BYTES)

    def folder(photos: dict[str, bytes]) -> ImageSource:
        for key, data in photos.items():
            path = tmp_path / "photos" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return FolderImageSource(tmp_path / "photos", max_bytes=MAX_BYTES)

    return {"memory": memory, "folder": folder}[request.param]


@pytest.mark.parametrize("key", ["a.jpg", "2026/summer party/ü 🙂.png", "full.bin"])
async def test_a_photo_comes_back_byte_for_byte(make_source: MakeSource, key: str) -> None:
    assert await make_source(PHOTOS).read(key) == PHOTOS[key]


@pytest.mark.parametrize("key", ["b.jpg", "a.jpg/b", "2026", "2026/summer party/no.png", "A.JPG", "x" * 500])
async def test_what_is_not_there_is_not_found(make_source: MakeSource, key: str) -> None:
    with pytest.raises(NotFound):
        await make_source(PHOTOS).read(key)


async def test_more_bytes_than_the_budget(make_source: MakeSource) -> None:
    with pytest.raises(PayloadTooLarge):
        await make_source(PHOTOS).read("over.bin")


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "../secret", "a/../../secret", "./a.jpg", "2026//x", "2026/", "a\x00.jpg", "x" * 1025, ".."],
)
async def test_a_key_that_leaves_the_root_is_refused_by_name(make_source: MakeSource, key: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await make_source(PHOTOS).read(key)
    assert [error.field for error in refused.value.errors] == ["s3_key"]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.sampled_from("./\\~$ab \n"), max_size=12))
async def test_no_key_reads_anything_but_the_photos(make_source: MakeSource, key: str) -> None:
    source = make_source({"a": b"inside"})
    try:
        assert await source.read(key) == b"inside"
        assert key == "a"
    except FacePassError:
        assert key != "a"


async def test_the_folder_follows_no_link_out_of_its_root(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.jpg").write_bytes(b"secret")
    (root / "file.jpg").symlink_to(tmp_path / "secret")
    (root / "folder").symlink_to(tmp_path / "outside")
    source = FolderImageSource(root, max_bytes=MAX_BYTES)
    for key in ("file.jpg", "folder/a.jpg"):
        with pytest.raises(NotFound):
            await source.read(key)
