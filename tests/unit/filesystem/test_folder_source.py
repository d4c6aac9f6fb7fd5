"""A folder of photos in which anything may lie, and change while it is read: beside `tests/contract`."""

import asyncio
import os
import resource
import stat
import threading
from pathlib import Path

import pytest

from facepass.adapters.filesystem.image_source import FolderImageSource
from facepass.domain.errors import DependencyUnavailable, NotFound, PayloadTooLarge

MAX_BYTES = 1000
READS = 10_000
TERABYTE = 1 << 40
PROC_STATUS = Path("/proc/self/status")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of photos beside a secret file and a folder with another."""
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.jpg").write_bytes(b"secret")
    (tmp_path / "photos" / "inside").mkdir(parents=True)
    (tmp_path / "photos" / "inside" / "a.jpg").write_bytes(b"photo")
    return tmp_path / "photos"


def source(root: Path, *, max_bytes: int = MAX_BYTES) -> FolderImageSource:
    return FolderImageSource(root, max_bytes=max_bytes)


async def test_links_are_not_followed_wherever_they_lead(root: Path) -> None:
    (root / "file.jpg").symlink_to(root.parent / "secret")
    (root / "folder").symlink_to(root.parent / "outside")
    (root / "inside" / "up").symlink_to("..")
    (root / "within.jpg").symlink_to(root / "inside" / "a.jpg")
    (root / "loop").symlink_to("loop")
    for key in ("file.jpg", "folder/a.jpg", "inside/up/inside/a.jpg", "within.jpg", "loop", "loop/a.jpg"):
        with pytest.raises(NotFound):
            await source(root).read(key)


async def test_the_folder_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert await source(tmp_path / "link").read("inside/a.jpg") == b"photo"


@pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFSOCK], ids=["pipe", "socket"])
async def test_what_is_no_file_holds_no_photo_and_nobody_up(root: Path, kind: int) -> None:
    os.mknod(root / "a.jpg", kind | 0o644)
    for key in ("a.jpg", "a.jpg/b", "inside"):
        with pytest.raises(NotFound):
            await asyncio.wait_for(source(root).read(key), timeout=10)


async def test_a_device_is_not_even_opened(root: Path) -> None:
    try:
        os.mknod(root / "zero", stat.S_IFCHR | 0o644, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only an administrator makes devices")
    # a mount that forbids devices would refuse opening, which is an outage: looking before opening finds none
    with pytest.raises(NotFound):
        await source(root).read("zero")


async def test_a_huge_file_is_refused_unread(root: Path) -> None:
    with (root / "huge.jpg").open("wb") as file:
        file.truncate(TERABYTE)
    with pytest.raises(PayloadTooLarge):
        await source(root, max_bytes=TERABYTE - 1).read("huge.jpg")


@pytest.mark.skipif(
    not PROC_STATUS.exists() or PROC_STATUS.stat().st_size > 0, reason="needs a file that is longer than it says"
)
async def test_a_file_that_is_longer_than_its_size_says_is_cut_off() -> None:
    with pytest.raises(PayloadTooLarge):
        await source(PROC_STATUS.parent, max_bytes=10).read(PROC_STATUS.name)


async def test_a_missing_folder_holds_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await source(tmp_path / "photos").read("a.jpg")


async def test_a_folder_that_cannot_be_read_is_an_outage(root: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        with pytest.raises(DependencyUnavailable):
            await source(root).read("inside/a.jpg")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert await source(root).read("inside/a.jpg") == b"photo"


async def test_a_name_that_is_no_place_is_not_there(root: Path) -> None:
    with pytest.raises(NotFound):
        await source(root).read("x" * 300)


def swap_file(photo: Path, other: Path, done: threading.Event) -> None:
    """Exchange two files, each with one step, until it is enough."""
    aside = other.with_name("aside")
    while not done.is_set():
        os.link(photo, aside)
        other.rename(photo)
        os.link(photo, other, follow_symlinks=False)
        aside.rename(photo)


def swap_folder(folder: Path, link: Path, done: threading.Event) -> None:
    aside = link.with_name("aside")
    while not done.is_set():
        folder.rename(aside)
        link.rename(folder)
        folder.rename(link)
        aside.rename(folder)


@pytest.mark.parametrize("other", ["link to a file", "link to a folder", "pipe"])
async def test_what_is_swapped_in_while_photos_are_read_gives_nothing_away(root: Path, other: str) -> None:
    stranger = root.parent / "stranger"
    swap, photo = swap_file, root / "inside" / "a.jpg"
    match other:
        case "pipe":
            os.mkfifo(stranger)
        case "link to a file":
            stranger.symlink_to(root.parent / "secret")
        case _:
            stranger.symlink_to(root.parent / "outside")
            swap, photo = swap_folder, root / "inside"
    done = threading.Event()
    thread = threading.Thread(target=swap, args=(photo, stranger, done))
    thread.start()
    seen = set()
    try:
        for _ in range(READS):
            try:
                seen.add(await source(root).read("inside/a.jpg"))
            except NotFound:
                seen.add(None)
    finally:
        done.set()
        thread.join()
    assert seen == {b"photo", None}
