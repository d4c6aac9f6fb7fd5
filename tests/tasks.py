"""Tasks that are known to be under way: tests order events instead of waiting for time to pass."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def under_way(work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """A task of `work` that has run up to the first point where it waits."""
    begun = asyncio.Event()

    async def begin() -> T:
        begun.set()
        # Whoever waits for the event comes to its turn only when `work` gives up its own.
        return await work

    task = asyncio.create_task(begin())
    await begun.wait()
    return task


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Let the other tasks run until something is so; where it never is, the test's own time limit tells."""
    while True:
        now = condition()
        if await now if isinstance(now, Awaitable) else now:
            return
        await asyncio.sleep(0)
