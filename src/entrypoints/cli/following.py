"""Watches jobs until they end; ctrl-C leaves them, and they go on."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from facepass.entrypoints.cli.output import console, note
from facepass.entrypoints.cli.progress import LINE_EVERY_S
from facepass.entrypoints.client.service import JobService
from facepass.entrypoints.http import schemas

POLL_S = 0.5
Told = Callable[[Sequence[schemas.Job]], None]


async def follow(service: JobService, job_ids: Sequence[str], stop: asyncio.Event) -> tuple[schemas.Job, ...]:
    """The jobs as they are when all have ended, or `stop` is set.

    Raises:
        NotFound: one of them is not known.
        FacePassError: the service cannot be asked any more.
    """
    jobs = [await service.job(job_id) for job_id in job_ids]
    with _telling(sum(job.total for job in jobs)) as told:
        while True:
            told(jobs)
            if stop.is_set() or all(job.finished_at is not None for job in jobs):
                return tuple(jobs)
            try:
                async with asyncio.timeout(POLL_S):
                    await stop.wait()
            except TimeoutError:
                jobs = [job if job.finished_at is not None else await service.job(job.job_id) for job in jobs]


def ended(jobs: Sequence[schemas.Job]) -> int:
    """Photos that nothing more is done with."""
    return sum(job.done + job.failed + job.cancelled for job in jobs)


@contextmanager
def _telling(photos: int) -> Iterator[Told]:
    stderr = console(stderr=True)
    if not stderr.is_terminal:
        yield _Lines()
        return
    columns = (
        TextColumn("Indexing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[more]}"),
        TextColumn("ETA"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=stderr) as progress:
        task = progress.add_task("jobs", total=photos, more="")

        def tell(jobs: Sequence[schemas.Job]) -> None:
            failed = sum(job.failed for job in jobs)
            more = f"{sum(job.faces_indexed for job in jobs)} faces" + (f", {failed} failed" if failed else "")
            progress.update(task, completed=ended(jobs), more=more)

        yield tell


class _Lines:
    """A line every `LINE_EVERY_S` seconds, for logs."""

    def __init__(self) -> None:
        self._last_s = time.monotonic()

    def __call__(self, jobs: Sequence[schemas.Job]) -> None:
        now_s = time.monotonic()
        if now_s - self._last_s >= LINE_EVERY_S:
            self._last_s = now_s
            failed = sum(job.failed for job in jobs)
            note(f"{ended(jobs)} of {sum(job.total for job in jobs)} photos, {failed} failed")
