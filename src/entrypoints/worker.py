"""A process that works on jobs and does nothing else."""

import asyncio
import signal
import socket
from contextlib import ExitStack

import structlog

from facepass.entrypoints.adapter_settings import pictures_at_work
from facepass.entrypoints.container import Container
from facepass.entrypoints.jobs import worked_on
from facepass.entrypoints.lifespan import Progress, running
from facepass.entrypoints.production import check_production
from facepass.entrypoints.serving import Serving
from facepass.entrypoints.watched import watch_listener, watched

SIGNALS = (signal.SIGTERM, signal.SIGINT)

_log = structlog.stdlib.get_logger("facepass.worker")


def work(container: Container, *, concurrency: int | None, progress: Progress) -> None:
    """Start and work until SIGTERM or SIGINT; then finish or hand back what is in hand, and return.

    Args:
        container: of the service.
        concurrency: photos in hand at once; None for as many as `ML_THREADS` keep busy.
        progress: told in a line what takes time while starting.

    Raises:
        ConfigurationError: production does not start like this, METRICS_PORT cannot be listened on, or `running`
            refuses to start.
        DependencyUnavailable: the database is out of reach.
    """
    settings = container.settings()
    check_production(settings)
    with ExitStack() as stack:
        listener = watch_listener(settings)
        if listener is not None:
            stack.enter_context(listener)
        asyncio.run(_work(container, listener, concurrency or pictures_at_work(settings), progress))


async def _work(container: Container, listener: socket.socket | None, concurrency: int, progress: Progress) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is None:
        raise RuntimeError("runs inside a task")
    stop = _Stop(task, container.serving())
    for number in SIGNALS:
        loop.add_signal_handler(number, stop, number.name)
    try:
        async with (
            running(container, progress=progress),
            watched(container, listener),
            worked_on(container, concurrency=concurrency),
        ):
            progress(f"Working on jobs, {concurrency} photos at once.")
            await stop.until_asked()
    except asyncio.CancelledError:
        if not stop.asked.is_set():
            raise
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


class _Stop:
    """What SIGTERM and SIGINT do: end the work, cancel a start, and hurry the end when they come again."""

    def __init__(self, task: "asyncio.Task[None]", serving: Serving) -> None:
        self.asked = asyncio.Event()
        self._task = task
        self._serving = serving
        self._works = False

    def __call__(self, name: str) -> None:
        _log.info("stopping", signal=name)
        self._serving.stop()
        if self.asked.is_set() or not self._works:
            self._task.cancel()
        self.asked.set()

    async def until_asked(self) -> None:
        """The start is over: wait for the end."""
        self._works = True
        await self.asked.wait()
