"""The wiring: what the settings bound, and where."""

import asyncio
import threading

import msgspec
import pytest

from facepass.adapters.filesystem.image_source import FolderImageSource
from facepass.adapters.memory.photos import MemoryImageSource
from facepass.adapters.s3.image_source import S3ImageSource
from facepass.domain.errors import ConfigurationError, Overloaded
from facepass.entrypoints.adapter_settings import RUNNING_PER_THREAD
from facepass.entrypoints.container import build_container, in_memory
from facepass.entrypoints.lifespan import running
from facepass.entrypoints.settings import ObjectStore, Recognition, Secret, Settings
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


IN_A_BUCKET = ObjectStore(s3_bucket="photos", s3_access_key=Secret("access"), s3_secret_key=Secret("secret"))


def test_photos_come_from_the_bucket_where_there_is_one() -> None:
    assert isinstance(build_container(Settings()).image_source(), FolderImageSource)
    settings = Settings(object_store=IN_A_BUCKET)
    assert isinstance(build_container(settings).image_source(), S3ImageSource)
    assert isinstance(in_memory(settings).image_source(), MemoryImageSource)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"s3_bucket": "no/bucket"}, "S3_BUCKET"),
        ({"s3_prefix": "/photos"}, "S3_PREFIX"),
        ({"s3_endpoint": "ftp://host"}, "S3_ENDPOINT"),
        ({"s3_region": "no region"}, "S3_REGION"),
        ({"s3_secret_key": None}, "S3_SECRET_KEY"),
    ],
)
async def test_a_bucket_that_cannot_be_is_refused_before_anything_is_opened(wrong: dict[str, str], named: str) -> None:
    container = build_container(Settings(object_store=msgspec.structs.replace(IN_A_BUCKET, **wrong)))
    with pytest.raises(ConfigurationError, match=named):
        async with running(container, progress=print):
            pass
