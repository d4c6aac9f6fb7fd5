"""How far a run of several counted parts is, on standard error: bars on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from facepass.entrypoints.cli.output import console, note

LINE_EVERY_S = 10.0
"""Between two lines where there is no terminal."""

Counter = Callable[[str, int], Callable[[], None]]


@contextmanager
def counting() -> Iterator[Counter]:
    """Begins a part, called so and of so many steps; what that returns is called after each."""
    stderr = console(stderr=True)
    if not stderr.is_terminal:
        yield _lines
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("ETA"))
    with Progress(*columns, TimeRemainingColumn(), console=stderr) as progress:

        def bar(name: str, steps: int) -> Callable[[], None]:
            task = progress.add_task(name, total=steps)
            return lambda: progress.advance(task)

        yield bar


def _lines(name: str, steps: int) -> Callable[[], None]:
    last_s, done = time.monotonic(), 0

    def step() -> None:
        nonlocal last_s, done
        done += 1
        if time.monotonic() - last_s >= LINE_EVERY_S:
            last_s = time.monotonic()
            note(f"{name}: {done:,} of {steps:,}")

    return step
