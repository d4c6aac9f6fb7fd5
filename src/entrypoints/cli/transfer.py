"""How far a download is, on standard error: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from facepass.entrypoints.cli.output import console, note

Transferred = Callable[[int, int | None], None]

LINE_EVERY_S = 10.0
"""Between two lines where there is no terminal."""


@contextmanager
def transfer_bar() -> Iterator[Transferred]:
    """Told how many bytes have come, and of how many, where that is known. Shows nothing before the first ones do."""
    stderr = console(stderr=True)
    if not stderr.is_terminal:
        yield _Lines()
        return
    from rich.progress import (  # noqa: PLC0415 only downloads need it
        BarColumn,
        DownloadColumn,
        Progress,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True) as progress:
        task = progress.add_task("", total=None, visible=False)
        yield lambda done, total: progress.update(task, completed=done, total=total, visible=True)


class _Lines:
    def __init__(self) -> None:
        self._last_s = time.monotonic()

    def __call__(self, done: int, total: int | None) -> None:
        now_s = time.monotonic()
        if now_s - self._last_s >= LINE_EVERY_S:
            self._last_s = now_s
            note(f"{done / 1e6:.0f} MB" + ("" if total is None else f" of {total / 1e6:.0f} MB"))
