"""Shows what the demo is doing: a line for each step, with a bar where there is something to count."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

T = TypeVar("T")

DETAIL_CHARS = 60


class Abandoned(Exception):
    """Ends work in a thread that nobody waits for any more."""


class Step:
    """One line of the display."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=None, counted="", detail="")

    def say(self, detail: str) -> None:
        """Put a few words behind the bar."""
        self._progress.update(self._task, detail=detail.strip()[:DETAIL_CHARS])

    def count(self, done: int, total: int) -> None:
        """Move the bar."""
        self._progress.update(self._task, completed=done, total=total, counted=f"{done}/{total}")

    def photos(self, done: int, total: int, faces: int) -> None:
        """Move the bar and say how fast photos go by."""
        self.count(done, total)
        elapsed = self._progress.tasks[self._task].elapsed
        if elapsed:
            self.say(f"{done / elapsed:.1f} photos/s, {faces} faces")

    def finish(self) -> None:
        """Fill the bar and stop its clock."""
        total = self._progress.tasks[self._task].total or 1
        self._progress.update(self._task, completed=total, total=total, detail="")


class Steps:
    """All lines; shown while inside."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[counted]}", justify="right"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[detail]}", markup=True),
            console=console,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """A line for what happens inside; it is ticked off where nothing is raised."""
        step = Step(self._progress, title)
        yield step
        step.finish()

    async def in_thread(self, title: str, work: Callable[[Callable[[int, int], None]], T]) -> T:
        """Run `work` in a thread, handing it what it reports its progress to.

        When the waiting is cancelled, the next report raises `Abandoned` in the thread, so that it ends soon.
        """
        abandoned = threading.Event()
        with self.step(title) as step:

            def told(done: int, total: int) -> None:
                if abandoned.is_set():
                    raise Abandoned
                step.count(done, total)

            try:
                return await asyncio.to_thread(work, told)
            except asyncio.CancelledError:
                abandoned.set()
                raise
