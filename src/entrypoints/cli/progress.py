"""How far a long run is, on standard error: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from facepass.entrypoints.cli.indexing import Observer, Tally
from facepass.entrypoints.cli.output import console, note

LINE_EVERY_S = 10.0
"""Between two lines where there is no terminal."""


@contextmanager
def progress_of(photos: int) -> Iterator[Observer]:
    """An observer of a run over so many photos."""
    stderr = console(stderr=True)
    if not stderr.is_terminal:
        yield Lines()
        return
    columns = (
        TextColumn("Indexing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rates]}"),
        TextColumn("ETA"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr) as progress:
        yield Bar(progress, progress.add_task("index", total=photos, rates=""))


class Rates:
    """Photos and faces a second since the run began."""

    def __init__(self) -> None:
        self._started_s = time.monotonic()

    def __call__(self, tally: Tally) -> str:
        """As text."""
        elapsed_s = max(time.monotonic() - self._started_s, 1e-6)
        return f"{tally.indexed / elapsed_s:.1f} photos/s, {tally.faces_detected / elapsed_s:.1f} faces/s"


class Bar(Observer):
    """A bar that moves."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task
        self._rates = Rates()

    def advanced(self, tally: Tally) -> None:
        """See `Observer.advanced`."""
        failed = f", {len(tally.failures)} failed" if tally.failures else ""
        self._progress.update(self._task, completed=tally.finished, rates=self._rates(tally) + failed)


class Lines(Observer):
    """A line every `LINE_EVERY_S` seconds, for logs."""

    def __init__(self) -> None:
        self._rates = Rates()
        self._last_s = time.monotonic()

    def advanced(self, tally: Tally) -> None:
        """See `Observer.advanced`."""
        now_s = time.monotonic()
        if now_s - self._last_s >= LINE_EVERY_S:
            self._last_s = now_s
            note(f"{tally.finished} of {tally.photos} photos, {self._rates(tally)}, {len(tally.failures)} failed")
