"""Walking a folder in order: where links lead it does not go, and no number of files fills memory."""

import os
import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.adapters.filesystem.folder_walk import keys_below
from facepass.adapters.filesystem.image_source import FolderImageSource
from facepass.domain.errors import DependencyUnavailable

NAMES = ["a.jpg", "b/a.jpg", "b/b.jpg", "b/c/d.jpg", "b-c.jpg", "b.jpg", "c.jpg"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.jpg").write_bytes(b"secret")
    photos = tmp_path / "photos"
    for name in NAMES:
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_bytes(b"photo")
    return photos


async def keys(root: Path, prefix: str = "") -> list[str]:
    return [key async for key in FolderImageSource(root, max_bytes=1000).keys(prefix)]


@pytest.mark.parametrize("batch_names", [1, 2, 3, 100])
def test_batches_change_nothing(root: Path, batch_names: int) -> None:
    assert list(keys_below(root, "", batch_names=batch_names)) == sorted(NAMES)


@given(prefix=st.sampled_from([name[:end] for name in NAMES for end in range(len(name) + 1)]))
def test_a_prefix_finds_what_begins_with_it(tmp_path_factory: pytest.TempPathFactory, prefix: str) -> None:
    root = tmp_path_factory.getbasetemp() / "prefixes"
    for name in NAMES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    assert list(keys_below(root, prefix, batch_names=2)) == [name for name in sorted(NAMES) if name.startswith(prefix)]


async def test_links_are_passed_over(root: Path) -> None:
    (root / "file.jpg").symlink_to(root.parent / "outside" / "secret.jpg")
    (root / "within.jpg").symlink_to(root / "a.jpg")
    (root / "folder").symlink_to(root.parent / "outside")
    (root / "loop").symlink_to(".")
    os.mkfifo(root / "pipe.jpg")
    (root / "folder.jpg").mkdir()
    assert await keys(root) == sorted(NAMES)
    assert await keys(root, "folder/") == await keys(root, "loop/") == []


async def test_what_is_swapped_for_a_link_while_it_is_walked_is_passed_over(root: Path) -> None:
    found = keys_below(root, "")
    assert next(found) == "a.jpg"
    (root / "b").rename(root / "elsewhere")
    (root / "b").symlink_to(root.parent / "outside")
    assert list(found) == ["b-c.jpg", "b.jpg", "c.jpg"]


async def test_names_that_are_no_text_are_passed_over(root: Path) -> None:
    folder = root / os.fsdecode(b"\xfe")
    folder.mkdir()
    (root / os.fsdecode(b"\xff.jpg")).write_bytes(b"photo")
    (folder / "a.jpg").write_bytes(b"photo")
    assert await keys(root) == sorted(NAMES)


async def test_a_folder_deeper_than_keys_are_long(root: Path) -> None:
    deep = root / "x"
    for _ in range(12):
        deep /= "y" * 100
        deep.mkdir(parents=True)
    (deep / "a.jpg").write_bytes(b"photo")
    assert await keys(root) == sorted(NAMES)


async def test_a_missing_folder_holds_nothing(tmp_path: Path) -> None:
    assert await keys(tmp_path / "photos") == []


async def test_a_folder_that_cannot_be_read_is_an_outage_and_not_an_empty_one(root: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        with pytest.raises(DependencyUnavailable):
            await keys(root)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert await keys(root) == sorted(NAMES)


def opened() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


def test_nothing_is_open_between_two_keys(root: Path) -> None:
    before = opened()
    found = keys_below(root, "")
    for _ in range(4):
        next(found)
        assert opened() == before
