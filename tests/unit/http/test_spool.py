"""Files of forms while they arrive and wait: small ones in memory, larger ones on disk, and nothing left behind."""

import asyncio
import errno
import gc
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.application.byte_budget import ByteBudget
from facepass.domain.errors import Overloaded
from facepass.entrypoints.http.body import BodyBudget
from facepass.entrypoints.http.spool import MAX_IN_MEMORY_BYTES, Spooled

CHUNK_BYTES = 64 * 1024
LARGE = os.urandom(3 * MAX_IN_MEMORY_BYTES)
MIB = 1024 * 1024


@pytest.fixture
def budget() -> BodyBudget:
    return BodyBudget(memory=ByteBudget(8 * MIB), disk=ByteBudget(4 * MIB))


@pytest.fixture(autouse=True)
def no_file_is_left() -> Iterator[None]:
    before = open_files()
    yield
    gc.collect()
    assert open_files() == before


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def arrive(lease: object, data: bytes) -> object:
    spool = lease.spool()  # type: ignore[attr-defined]  # a BodyLease
    for at in range(0, len(data), CHUNK_BYTES):
        chunk = data[at : at + CHUNK_BYTES]
        lease.take(len(chunk))  # type: ignore[attr-defined]
        spool.write(chunk)
    return spool.finish()


async def test_a_large_file_waits_on_disk(budget: BodyBudget) -> None:
    with budget.lease() as lease:
        picture = arrive(lease, LARGE)
        assert isinstance(picture, Spooled)
        assert (budget.memory.held_bytes, budget.disk.held_bytes) == (0, len(LARGE))
        assert [await picture.read() for _ in range(2)] == [LARGE, LARGE]
    assert (budget.memory.held_bytes, budget.disk.held_bytes) == (0, 0)


async def test_several_read_one_file_at_once(budget: BodyBudget) -> None:
    with budget.lease() as lease:
        picture = arrive(lease, LARGE)
        assert isinstance(picture, Spooled)
        assert await asyncio.gather(*(picture.read() for _ in range(8))) == [LARGE] * 8


def test_a_small_file_stays_in_memory(budget: BodyBudget) -> None:
    small = LARGE[:MAX_IN_MEMORY_BYTES]
    with budget.lease() as lease:
        assert arrive(lease, small) == small
        assert (budget.memory.held_bytes, budget.disk.held_bytes) == (len(small), 0)


@given(st.lists(st.integers(0, 400_000), max_size=12))
def test_whatever_arrives_is_read_and_accounted_for(sizes: Sequence[int]) -> None:
    budget = BodyBudget(memory=ByteBudget(8 * MIB), disk=ByteBudget(8 * MIB))
    sent = b""
    with budget.lease() as lease:
        spool = lease.spool()
        for size in sizes:
            lease.take(size)
            spool.write(LARGE[:size])
            sent += LARGE[:size]
        picture = spool.finish()
        held = (budget.memory.held_bytes, budget.disk.held_bytes)
        assert held == ((len(sent), 0) if len(sent) <= MAX_IN_MEMORY_BYTES else (0, len(sent)))
        assert (picture if isinstance(picture, bytes) else asyncio.run(picture.read())) == sent


def test_the_disk_is_bounded(budget: BodyBudget) -> None:
    with budget.lease() as first, budget.lease() as second:
        arrive(first, LARGE)
        with pytest.raises(Overloaded):
            arrive(second, LARGE)
    assert (budget.memory.held_bytes, budget.disk.held_bytes) == (0, 0)


async def test_where_no_file_can_be_made_it_stays_in_memory(
    budget: BodyBudget, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with budget.lease() as lease:
        assert arrive(lease, LARGE) == LARGE
        assert (budget.memory.held_bytes, budget.disk.held_bytes) == (len(LARGE), 0)


def test_a_full_disk_is_an_overload(budget: BodyBudget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Path("/dev/full").open("wb", buffering=0))  # noqa: SIM115
    with budget.lease() as lease, pytest.raises(Overloaded, match="no room"):
        arrive(lease, LARGE)
    assert (budget.memory.held_bytes, budget.disk.held_bytes) == (0, 0)


def test_the_file_has_no_name(budget: BodyBudget, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with budget.lease() as lease:
        arrive(lease, LARGE)
        assert list(tmp_path.iterdir()) == []
