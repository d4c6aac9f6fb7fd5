"""Works on jobs in the background, inside `facepass serve` or as a process of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from facepass.entrypoints.adapter_settings import pictures_at_work
from facepass.entrypoints.container import Container
from facepass.entrypoints.settings import Settings


def served_concurrency(settings: Settings) -> int:
    """How many photos of jobs `facepass serve` works on at once; 0 for none."""
    if settings.jobs.job_concurrency is not None:
        return settings.jobs.job_concurrency
    return pictures_at_work(settings) if settings.database.is_embedded else 0


@asynccontextmanager
async def worked_on(container: Container, *, concurrency: int) -> AsyncIterator[None]:
    """Photos of jobs are indexed while the block lasts, so many at once; leaving it hands back what is in hand."""
    if not concurrency:
        yield
        return
    async with container.job_queue().open(container.job_units(), concurrency=concurrency):
        yield
