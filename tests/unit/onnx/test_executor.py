"""The bounded threads: full, cancelled, closed. Work waits on events, never on the clock."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from facepass.adapters.onnx.executor import InferenceExecutor
from facepass.domain.errors import Overloaded

PATIENCE_S = 10


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Holds work until it is set; opened at the end in any case."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def executor(gate: threading.Event) -> Iterator[InferenceExecutor]:
    made = InferenceExecutor(threads=1, queue_max=1)
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
    task = asyncio.create_task(executor.run(held(gate, begun, "first")))
    assert await asyncio.to_thread(begun.wait, PATIENCE_S)
    return task


async def test_returns_what_the_work_returns(executor: InferenceExecutor) -> None:
    assert await executor.run(lambda: threading.current_thread().name) != threading.current_thread().name
    assert executor.pending == 0


async def test_raises_what_the_work_raises(executor: InferenceExecutor) -> None:
    def fail() -> None:
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        await executor.run(fail)
    assert executor.pending == 0


async def test_a_full_queue_refuses_at_once(executor: InferenceExecutor, gate: threading.Event) -> None:
    first = await begin(executor, gate)
    second = asyncio.create_task(executor.run(lambda: "second"))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded) as refused:
        await executor.run(lambda: "third")
    assert refused.value.retry_after_s >= 1
    gate.set()
    assert await asyncio.gather(first, second) == ["first", "second"]
    assert await executor.run(lambda: "fourth") == "fourth"


async def test_admitted_work_passes_a_full_queue(executor: InferenceExecutor, gate: threading.Event) -> None:
    first = await begin(executor, gate)
    second = asyncio.create_task(executor.run(lambda: "second"))
    third = asyncio.create_task(executor.run_admitted(lambda: "third"))
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(first, second, third) == ["first", "second", "third"]


async def test_a_cancelled_caller_leaves_the_queue(executor: InferenceExecutor, gate: threading.Event) -> None:
    first = await begin(executor, gate)
    ran = threading.Event()
    second = asyncio.create_task(executor.run(ran.set))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert executor.pending == 1
    gate.set()
    await first
    assert not ran.is_set()


async def test_running_work_holds_its_place_after_its_caller_left(
    executor: InferenceExecutor, gate: threading.Event
) -> None:
    first = await begin(executor, gate)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert executor.pending == 1
    gate.set()
    assert await executor.run(lambda: "next") == "next"
    assert executor.pending == 0


async def test_closing_fails_what_waits_and_lets_finish_what_runs(
    executor: InferenceExecutor, gate: threading.Event
) -> None:
    first = await begin(executor, gate)
    second = asyncio.create_task(executor.run(lambda: "second"))
    await asyncio.sleep(0)
    closing = asyncio.create_task(asyncio.to_thread(executor.close))
    with pytest.raises(Overloaded, match="stopping"):
        await second
    gate.set()
    assert await first == "first"
    await closing
    with pytest.raises(Overloaded, match="stopping"):
        await executor.run(lambda: "late")
    assert executor.pending == 0


@pytest.mark.parametrize(("threads", "queue_max"), [(0, 1), (1, -1)])
def test_bounds_are_checked(threads: int, queue_max: int) -> None:
    with pytest.raises(ValueError, match="executor"):
        InferenceExecutor(threads=threads, queue_max=queue_max)
