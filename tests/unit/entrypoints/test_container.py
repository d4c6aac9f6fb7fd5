"""The wiring: what the settings bound, and where."""

import asyncio
import threading

import pytest

from facepass.domain.errors import Overloaded
from facepass.entrypoints.adapter_settings import RUNNING_PER_THREAD
from facepass.entrypoints.container import build_container
from facepass.entrypoints.settings import Recognition, Settings
from tests.tasks import under_way

PATIENCE_S = 10


@pytest.mark.parametrize(("threads", "queue_max"), [(1, 1), (4, 1), (2, 8)])
async def test_admission_alone_refuses_pictures(threads: int, queue_max: int) -> None:
    container = build_container(Settings(recognition=Recognition(ml_threads=threads, ml_queue_max=queue_max)))
    admission, workers = container.admission(), container.workers()
    gate = threading.Event()

    async def picture() -> bool:
        async with admission.admit():
            return await workers.run(lambda: gate.wait(PATIENCE_S))

    pictures = [await under_way(picture()) for _ in range(RUNNING_PER_THREAD * threads + queue_max)]
    with pytest.raises(Overloaded, match="Too many pictures"):
        await picture()
    gate.set()
    assert all(await asyncio.gather(*pictures))
    await asyncio.to_thread(workers.close)
