"""The inference threads: busy, cancelled, closed. Work waits on events, never on the clock."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from facepass.adapters.onnx.runtime.executor import InferenceExecutor
from facepass.domain.errors import Overloaded
from tests.tasks import under_way

PATIENCE_S = 10


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Holds work until it is set; opened at the end in any case."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def executor(gate: threading.Event) -> Iterator[InferenceExecutor]:
    made = InferenceExecutor(threads=1)
    yield made
    gate.set()
    made.close()


def held(gate: threading.Event, begun: threading.Event, result: str) -> Callable[[], str]:
    def work() -> str:
        begun.set()
        assert gate.wait(PATIENCE_S)
        return result

    return work


async def begin(executor: InferenceExecutor, gate: threading.Event) -> "asyncio.Task[str]":
    """Occupy the thread, and return once it is."""
    begun = threading.Event()
    task = await under_way(executor.run(held(gate, begun, "first")))
    assert await asyncio.to_thread(begun.wait, PATIENCE_S)
    return task


async def test_returns_what_the_work_returns(executor: InferenceExecutor) -> None:
    assert await executor.run(lambda: threading.current_thread().name) != threading.current_thread().name


async def test_raises_what_the_work_raises(executor: InferenceExecutor) -> None:
    def fail() -> None:
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        await executor.run(fail)


async def test_work_waits_its_turn(executor: InferenceExecutor, gate: threading.Event) -> None:
    order: list[int] = []
    first = await begin(executor, gate)
    waiting = [await under_way(executor.run(lambda number=number: order.append(number))) for number in range(100)]
    assert order == []
    gate.set()
    assert await first == "first"
    await asyncio.gather(*waiting)
    assert order == list(range(100))


async def test_a_cancelled_caller_leaves_the_queue(executor: InferenceExecutor, gate: threading.Event) -> None:
    first = await begin(executor, gate)
    ran = threading.Event()
    second = await under_way(executor.run(ran.set))
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    gate.set()
    assert await first == "first"
    assert await executor.run(lambda: "third") == "third"
    assert not ran.is_set()


async def test_running_work_ends_though_its_caller_left(executor: InferenceExecutor, gate: threading.Event) -> None:
    ended = threading.Event()
    begun = threading.Event()

    def work() -> None:
        held(gate, begun, "")()
        ended.set()

    first = await under_way(executor.run(work))
    assert await asyncio.to_thread(begun.wait, PATIENCE_S)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert not ended.is_set()
    gate.set()
    assert await executor.run(ended.is_set)


async def test_closing_fails_what_waits_and_lets_finish_what_runs(
    executor: InferenceExecutor, gate: threading.Event
) -> None:
    first = await begin(executor, gate)
    second = await under_way(executor.run(lambda: "second"))
    closing = asyncio.create_task(asyncio.to_thread(executor.close))
    with pytest.raises(Overloaded, match="stopping"):
        await second
    gate.set()
    assert await first == "first"
    await closing
    with pytest.raises(Overloaded, match="stopping") as refused:
        await executor.run(lambda: "late")
    assert refused.value.retry_after_s >= 1


def test_it_needs_a_thread() -> None:
    with pytest.raises(ValueError, match="thread"):
        InferenceExecutor(threads=0)
