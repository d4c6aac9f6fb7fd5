"""The queue over a real PostgreSQL: what it hands out, and what happens when its connection dies."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from facepass.domain.gallery import PhotoId, SessionId
from facepass.domain.job import JobId, JobProgress, JobState, PhotoToIndex, UnitRef
from facepass.entrypoints.container import Container
from facepass.entrypoints.jobs import worked_on
from facepass.entrypoints.lifespan import running
from tests.integration.serving import service
from tests.scenes import scene
from tests.tasks import until

GALA = SessionId("gala")
TIMEOUT_S = 60.0
OTHERS_HERE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE pid <> pg_backend_pid() AND datname = current_database()"
)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number in range(60):
        (tmp_path / f"{number}.jpg").write_bytes(scene(number, number + 1))
    return tmp_path


@asynccontextmanager
async def replica(database_url: str, photos: Path) -> AsyncIterator[Container]:
    container = service(database_url, photo_root=photos)
    async with running(container, progress=print):
        yield container


async def submit(container: Container, *keys: str, session: SessionId = GALA) -> JobId:
    return (await container.submit_job()(session, [PhotoToIndex(PhotoId(key), key) for key in keys])).job_id


async def ended(container: Container, job_id: JobId) -> JobProgress:
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            progress = (await container.get_job()(job_id)).progress
            if progress.finished_at is not None:
                return progress
            await asyncio.sleep(0.02)


async def is_begun(container: Container, job_id: JobId) -> bool:
    return (await container.get_job()(job_id)).progress.done > 0


async def test_two_workers_share_a_job_and_do_each_photo_once(database_url: str, photos: Path) -> None:
    async with replica(database_url, photos) as one, replica(database_url, photos) as other:
        job_id = await submit(one, *(f"{number}.jpg" for number in range(60)), "gone.jpg")
        async with worked_on(one, concurrency=2), worked_on(other, concurrency=2):
            progress = await ended(one, job_id)
        assert (progress.done, progress.failed, progress.faces_indexed) == (60, 1, 120)
        status = await one.gallery_status()(GALA)
        assert (status.photo_count, status.face_count) == (60, 120)
    connection = await asyncpg.connect(database_url)
    try:
        attempts = Counter(row[0] for row in await connection.fetch("SELECT attempts FROM job_units"))
        assert attempts == {1: 61}
        assert await connection.fetchval("SELECT count(*) FROM audit WHERE entry LIKE '%photos_indexed%'") == 60
    finally:
        await connection.close()


async def test_a_short_job_does_not_wait_for_the_end_of_a_long_one(database_url: str, photos: Path) -> None:
    async with replica(database_url, photos) as container:
        long = await container.submit_job()(
            GALA, [PhotoToIndex(PhotoId(str(number)), f"{number % 60}.jpg") for number in range(400)]
        )
        short = await submit(container, "1.jpg", session=SessionId("other"))
        async with worked_on(container, concurrency=2):
            await ended(container, short)
            behind = (await container.get_job()(long.job_id)).progress
            assert behind.queued > 200
            await ended(container, long.job_id)


async def test_a_queue_whose_connections_die_goes_on(database_url: str, photos: Path) -> None:
    async with replica(database_url, photos) as container, worked_on(container, concurrency=2):
        job_id = await submit(container, *(f"{number}.jpg" for number in range(60)))
        killer = await asyncpg.connect(database_url)
        try:
            for _ in range(3):
                await asyncio.sleep(0.1)
                await killer.execute(OTHERS_HERE)
        finally:
            await killer.close()
        progress = await ended(container, job_id)
        assert (progress.state, progress.done) == (JobState.FINISHED, 60)
        assert (await container.gallery_status()(GALA)).photo_count == 60


async def test_what_the_queue_has_lost_is_found_again(database_url: str, photos: Path) -> None:
    async with replica(database_url, photos) as container:
        job_id = await submit(container, "1.jpg", "2.jpg", "3.jpg")
        connection = await asyncpg.connect(database_url)
        try:
            await connection.execute("DELETE FROM pgqueuer WHERE dedupe_key NOT LIKE '%:1'")
        finally:
            await connection.close()
        assert await container.queue_strayed()() == 2
        assert await container.queue_strayed()() == 0
        async with worked_on(container, concurrency=1):
            assert (await ended(container, job_id)).done == 3


async def test_at_the_end_what_is_in_hand_is_handed_back(database_url: str, photos: Path) -> None:
    async with replica(database_url, photos) as container:
        job_id = await submit(container, *(f"{number}.jpg" for number in range(8)))
        begun, never = asyncio.Event(), asyncio.Event()

        async def stuck(_: UnitRef) -> None:
            begun.set()
            await never.wait()

        container.postgres_queue().grace_s = 0.05
        async with container.job_queue().open(stuck, concurrency=2):
            await begun.wait()
        async with worked_on(container, concurrency=4):
            assert (await ended(container, job_id)).done == 8


async def test_a_job_that_is_erased_while_it_runs_leaves_nothing(database_url: str, photos: Path) -> None:
    async with replica(database_url, photos) as container, worked_on(container, concurrency=4):
        job_id = await submit(container, *(f"{number}.jpg" for number in range(60)))
        async with asyncio.timeout(TIMEOUT_S):
            await until(lambda: is_begun(container, job_id))
        await container.delete_gallery()(GALA)
        progress = await ended(container, job_id)
        assert progress.state is JobState.CANCELLED
        async with container.unit_of_work()() as unit:
            assert await unit.galleries.gallery(GALA) is None
