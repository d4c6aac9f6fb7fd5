"""The wiring: what the settings bound, and where."""

import asyncio
import threading

import msgspec
import pytest

from facepass.adapters.filesystem.image_source import FolderImageSource
from facepass.adapters.memory.photos import MemoryImageSource
from facepass.adapters.memory.rate_limiter import InMemoryRateLimiter
from facepass.adapters.redis.rate_limiter import RedisRateLimiter
from facepass.adapters.resilience.image_source import GuardedImageSource
from facepass.adapters.resilience.rate_limiter import GuardedRateLimiter
from facepass.adapters.s3.image_source import S3ImageSource
from facepass.application.ports import WorkKind
from facepass.domain.errors import ConfigurationError, Overloaded
from facepass.domain.rate import RateLimit
from facepass.entrypoints.adapter_settings import RUNNING_PER_THREAD, rate_limits
from facepass.entrypoints.container import build_container, in_memory
from facepass.entrypoints.http.access import Counted
from facepass.entrypoints.lifespan import running
from facepass.entrypoints.settings import ObjectStore, Recognition, Redis, Secret, Security, Settings
from tests.tasks import under_way

PATIENCE_S = 10


@pytest.mark.parametrize(("threads", "queue_max"), [(1, 1), (4, 1), (2, 8)])
async def test_admission_alone_refuses_pictures(threads: int, queue_max: int) -> None:
    container = build_container(Settings(recognition=Recognition(ml_threads=threads, ml_queue_max=queue_max)))
    admission, workers = container.admission(), container.workers()
    gate = threading.Event()

    async def picture() -> bool:
        async with admission.admit(WorkKind.SEARCH):
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
    guarded = build_container(settings).image_source()
    assert isinstance(guarded, GuardedImageSource)
    assert isinstance(guarded._inner, S3ImageSource)
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


@pytest.mark.parametrize(
    ("redis", "host", "port", "db", "password"),
    [
        (Redis(redis_host="h"), "h", 6379, 0, None),
        (Redis(redis_host="::1", redis_port=1, redis_db=2, redis_password=Secret("a/b@c")), "::1", 1, 2, "a/b@c"),
        (Redis(redis_url=Secret("redis://:x@u:7/3"), redis_host="h", redis_password=Secret("y")), "u", 7, 3, "x"),
    ],
)
def test_redis_is_found_by_its_address_or_by_its_parts(
    redis: Redis, host: str, port: int, db: int, password: str | None
) -> None:
    options = build_container(Settings(redis=redis)).redis().connection_pool.connection_kwargs
    assert (options["host"], options["port"], options["db"], options.get("password")) == (host, port, db, password)


def test_limits_are_counted_in_redis_where_there_is_one() -> None:
    shared = build_container(Settings(redis=Redis(redis_host="h")))
    alone = build_container(Settings())
    assert isinstance(shared.rate_limiter()._inner, GuardedRateLimiter)
    assert isinstance(shared.rate_limiter()._inner._inner, RedisRateLimiter)
    assert isinstance(alone.rate_limiter()._inner, InMemoryRateLimiter)
    assert isinstance(in_memory(Settings(redis=Redis(redis_host="h"))).rate_limiter()._inner, InMemoryRateLimiter)


def test_limits_are_per_minute_and_can_be_lifted() -> None:
    usual = rate_limits(Settings())
    assert (usual[Counted.INDEX], usual[Counted.SEARCH]) == (RateLimit(100, 60.0), RateLimit(1000, 60.0))
    lifted = rate_limits(Settings(security=Security(rate_limit_index=0, rate_limit_search=5)))
    assert (lifted[Counted.INDEX], lifted[Counted.SEARCH]) == (None, RateLimit(5, 60.0))


async def test_a_wrong_address_of_redis_ends_the_start() -> None:
    container = in_memory(Settings(redis=Redis(redis_url=Secret("http://:hunter2@h"))))
    container.rates.reset_override()
    with pytest.raises(ConfigurationError, match="REDIS_URL") as refused:
        async with running(container, progress=print):
            pass
    assert "hunter2" not in refused.value.detail
