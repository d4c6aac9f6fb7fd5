"""Batching across callers: what is batched, what a bad item does, who may leave. Events instead of the clock."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.adapters.onnx.runtime.executor import InferenceExecutor
from facepass.adapters.onnx.runtime.micro_batcher import MicroBatcher
from facepass.domain.errors import Overloaded
from tests.tasks import under_way

PATIENCE_S = 10
BATCH_MAX = 4
CALLERS = 6


class Doubling:
    """Doubles numbers and records its batches; -1 spoils a batch, and the first batch waits for the gate."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = threading.Event()
        self.gate = threading.Event()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.begun.set()
        assert self.gate.wait(PATIENCE_S)
        if -1 in items:
            raise ArithmeticError("a bad item")
        return [2 * item for item in items]


@pytest.fixture
def work() -> Iterator[Doubling]:
    doubling = Doubling()
    yield doubling
    doubling.gate.set()


@pytest.fixture
async def batcher(work: Doubling) -> AsyncIterator[MicroBatcher[int, int]]:
    workers = InferenceExecutor(threads=1)
    made = MicroBatcher(work, workers=workers, batch_max=BATCH_MAX)
    yield made
    work.gate.set()
    await made.close()
    await asyncio.to_thread(workers.close)


async def occupy(batcher: MicroBatcher[int, int], work: Doubling) -> "asyncio.Task[list[int]]":
    """Start a batch of one and return when it runs."""
    first = await under_way(batcher.submit([1]))
    assert await asyncio.to_thread(work.begun.wait, PATIENCE_S)
    return first


async def queued(batcher: MicroBatcher[int, int], *calls: list[int]) -> "list[asyncio.Task[list[int]]]":
    return [await under_way(batcher.submit(items)) for items in calls]


async def test_a_lone_caller_is_served_at_once(batcher: MicroBatcher[int, int], work: Doubling) -> None:
    work.gate.set()
    assert await batcher.submit([3]) == [6]
    assert await batcher.submit([]) == []
    assert work.batches == [[3]]


async def test_what_queues_while_a_batch_runs_becomes_the_next(batcher: MicroBatcher[int, int], work: Doubling) -> None:
    first = await occupy(batcher, work)
    others = await queued(batcher, [2], [3, 4], [5, 6])
    work.gate.set()
    assert await asyncio.gather(first, *others) == [[2], [4], [6, 8], [10, 12]]
    assert work.batches == [[1], [2, 3, 4, 5], [6]]


async def test_a_lone_caller_is_served_by_all_free_threads(work: Doubling) -> None:
    workers = InferenceExecutor(threads=2)
    batcher = MicroBatcher(work, workers=workers, batch_max=BATCH_MAX)
    task = await under_way(batcher.submit([1, 2, 3, 4, 5, 6, 7]))
    work.gate.set()
    assert await task == [2, 4, 6, 8, 10, 12, 14]
    assert sorted(len(batch) for batch in work.batches) == [3, 4]
    await batcher.close()
    await asyncio.to_thread(workers.close)


async def test_a_bad_item_spoils_no_other(batcher: MicroBatcher[int, int], work: Doubling) -> None:
    first = await occupy(batcher, work)
    good, bad, also_good = await queued(batcher, [2], [-1], [3])
    work.gate.set()
    assert await asyncio.gather(first, good, also_good) == [[2], [4], [6]]
    with pytest.raises(ArithmeticError, match="bad item"):
        await bad
    assert work.batches == [[1], [2, -1, 3], [2], [-1], [3]]


async def test_items_of_a_cancelled_caller_are_dropped(batcher: MicroBatcher[int, int], work: Doubling) -> None:
    first = await occupy(batcher, work)
    leaving, staying = await queued(batcher, [2, 3], [4])
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    work.gate.set()
    assert await asyncio.gather(first, staying) == [[2], [8]]
    assert work.batches == [[1], [4]]


async def test_a_caller_that_leaves_a_running_batch_does_no_harm(
    batcher: MicroBatcher[int, int], work: Doubling
) -> None:
    first = await occupy(batcher, work)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    work.gate.set()
    assert await batcher.submit([7]) == [14]


async def test_closing_fails_those_who_wait_and_serves_those_who_run(
    batcher: MicroBatcher[int, int], work: Doubling
) -> None:
    first = await occupy(batcher, work)
    (waiting,) = await queued(batcher, [2])
    closing = asyncio.create_task(batcher.close())
    with pytest.raises(Overloaded, match="stopping"):
        await waiting
    work.gate.set()
    await closing
    assert await first == [2]
    with pytest.raises(Overloaded, match="stopping"):
        await batcher.submit([3])


async def test_work_that_loses_a_result_is_an_error() -> None:
    workers = InferenceExecutor(threads=1)
    batcher: MicroBatcher[int, int] = MicroBatcher(lambda _: [], workers=workers, batch_max=2)
    with pytest.raises(ValueError, match="zip"):
        await batcher.submit([1])
    await batcher.close()
    await asyncio.to_thread(workers.close)


@pytest.mark.property
@given(
    calls=st.lists(st.lists(st.integers(-1, 50), max_size=6), max_size=CALLERS),
    batch_max=st.integers(1, 5),
    threads=st.integers(1, 3),
)
async def test_property_24_every_caller_gets_its_own_results(
    calls: list[list[int]], batch_max: int, threads: int
) -> None:
    work = Doubling()
    work.gate.set()
    workers = InferenceExecutor(threads=threads)
    batcher = MicroBatcher(work, workers=workers, batch_max=batch_max)
    results = await asyncio.gather(*(batcher.submit(items) for items in calls), return_exceptions=True)
    for items, result in zip(calls, results, strict=True):
        if -1 in items:
            assert isinstance(result, ArithmeticError)
        else:
            assert result == [2 * item for item in items]
    assert all(len(batch) <= batch_max for batch in work.batches)
    await batcher.close()
    await asyncio.to_thread(workers.close)


def test_a_batch_has_room() -> None:
    workers = InferenceExecutor(threads=1)
    with pytest.raises(ValueError, match="at least one"):
        MicroBatcher(Doubling(), workers=workers, batch_max=0)
    workers.close()
