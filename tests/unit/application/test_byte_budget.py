"""The memory that pictures share: never more than there is, first come, first served, and nothing left behind."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.adapters.memory.photos import MemoryImageSource
from facepass.application import byte_budget
from facepass.application.byte_budget import ByteBudget
from facepass.application.read_photo import ReadPhoto
from facepass.domain.errors import NotFound, Overloaded
from tests.tasks import under_way

PATIENCE_S = 10


class Holder:
    """Waits for bytes, and holds them until it is told to let go."""

    def __init__(self, budget: ByteBudget, size_bytes: int) -> None:
        self._budget = budget
        self._size_bytes = size_bytes
        self.has = False
        self.end = asyncio.Event()

    async def __call__(self) -> None:
        with self._budget.lease() as lease:
            await lease.wait_for(self._size_bytes)
            self.has = True
            await self.end.wait()
        self.has = False


@given(st.lists(st.integers(0, 12), min_size=1, max_size=20), st.randoms())
async def test_who_asks_first_has_room_first_and_there_is_never_too_much(sizes: Sequence[int], random: object) -> None:
    budget = ByteBudget(10)
    holders = [Holder(budget, size) for size in sizes]
    tasks = [await under_way(holder()) for holder in holders]
    done: list[Holder] = []
    while len(done) < len(holders):
        assert budget.held_bytes <= 10
        having = [holder for holder in holders if holder.has]
        assert having, "somebody always goes on"
        waiting = [holder for holder in holders if not holder.has and holder not in done]
        assert not waiting or holders.index(waiting[0]) > max(map(holders.index, having))
        gone = random.choice(having)  # type: ignore[attr-defined]  # a Random
        gone.end.set()
        done.append(gone)
        for _ in range(5):
            await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert budget.held_bytes == 0


async def test_who_leaves_the_line_lets_the_next_go_on() -> None:
    budget = ByteBudget(10)
    first, large, small = (Holder(budget, size) for size in (6, 8, 4))
    tasks = [await under_way(holder()) for holder in (first, large, small)]
    assert (first.has, large.has, small.has) == (True, False, False)
    tasks[1].cancel()
    await asyncio.gather(tasks[1], return_exceptions=True)
    await asyncio.sleep(0)
    assert small.has
    for holder in (first, small):
        holder.end.set()
    await asyncio.gather(tasks[0], tasks[2])
    assert budget.held_bytes == 0


async def test_room_given_too_late_is_given_back() -> None:
    budget = ByteBudget(10)
    first, second = Holder(budget, 10), Holder(budget, 10)
    tasks = [await under_way(holder()) for holder in (first, second)]
    first.end.set()
    await asyncio.sleep(0)  # the second has its room, and has not yet come round to knowing
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert budget.held_bytes == 0


async def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(byte_budget, "MOST_WAIT_S", 0.01)
    budget = ByteBudget(10)
    with budget.lease() as holding, budget.lease() as waiting:
        holding.take(5)
        with pytest.raises(Overloaded):
            await asyncio.wait_for(waiting.wait_for(6), PATIENCE_S)
        holding.take(5)
        with pytest.raises(Overloaded):
            holding.take(1)
    assert budget.held_bytes == 0


async def test_a_photo_counts_as_the_largest_until_it_is_known() -> None:
    budget = ByteBudget(100)
    read = ReadPhoto(source=MemoryImageSource({"a": b"x" * 30}, max_bytes=80), budget=budget, max_bytes=80)
    async with read.open("a") as data:
        assert (len(data), budget.held_bytes) == (30, 30)
        with budget.lease() as other:
            other.take(70)
            second = await under_way(opened(read))
            assert not second.done()
        assert not second.done(), "30 are held, and 80 may be needed"
    await asyncio.wait_for(second, PATIENCE_S)
    with pytest.raises(NotFound):
        await opened(read, "b")
    assert budget.held_bytes == 0


async def opened(read: ReadPhoto, key: str = "a") -> None:
    async with read.open(key):
        pass
