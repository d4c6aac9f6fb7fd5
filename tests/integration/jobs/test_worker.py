"""`facepass worker` as a process: it works, and stops in order."""

import asyncio
from pathlib import Path

import httpx

from tests.kills.machines import KEY, installed
from tests.kills.run import draw, look, submit, until_ended, until_ready
from tests.tasks import until

PHOTOS = 60


async def is_begun(client: httpx.AsyncClient, job_id: str) -> bool:
    job = await look(client, job_id)
    return job is not None and job["done"] > 0


async def test_a_worker_that_is_told_to_stop_hands_back_what_it_has(tmp_path: Path, onnx_models_dir: Path) -> None:
    keys = await asyncio.to_thread(draw, tmp_path, different=6, seed=1)
    listed = [{"photo_id": str(number), "s3_key": keys[number % len(keys)]} for number in range(PHOTOS)]
    manager = installed(tmp_path, onnx_models_dir, workers=1)
    machines = await asyncio.to_thread(manager.__enter__)
    try:
        (worker,) = machines.workers
        headers = {"X-API-Key": KEY, "Prefer": "respond-async"}
        async with httpx.AsyncClient(base_url=f"{machines.url}/api/v1", headers=headers, trust_env=False) as client:
            await until_ready(client)
            job_id = await submit(client, "gala", listed)
            async with asyncio.timeout(60):
                await until(lambda: is_begun(client, job_id))
            assert await asyncio.to_thread(worker.stop) == 0
            stopped = await look(client, job_id)
            assert stopped is not None
            assert 0 < stopped["done"] < PHOTOS
            # nothing has to be waited for: what was in hand is in the queue again
            done = await until_ended(client, machines, job_id)
        assert (done["done"], done["failed"]) == (PHOTOS, 0)
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)
