"""Ends a run in order when it is asked to end, by ctrl-C, a closed terminal or a supervisor."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

ENDING = ("SIGTERM", "SIGHUP")
"""Signals handled as ctrl-C is; a platform may lack some."""


def run_to_end(main: Coroutine[None, None, T]) -> T:
    """`asyncio.run`, where the signals of `ENDING` also cancel `main`, so that its cleanup runs.

    Raises:
        KeyboardInterrupt: it was ended by a signal.
    """

    async def guarded() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        if task is None:
            raise AssertionError("a coroutine that runs has a task")
        for name in ENDING:
            # Windows has neither the signals nor the method.
            with suppress(AttributeError, NotImplementedError):
                loop.add_signal_handler(getattr(signal, name), task.cancel)
        return await main

    try:
        return asyncio.run(guarded())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
