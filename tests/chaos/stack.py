"""A real service process with a real PostgreSQL, Valkey and object store, each behind a proxy."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from facepass.adapters.embedded_postgres.server import Server, TimeLimits
from facepass.adapters.pgvector import migrate
from facepass.adapters.pgvector.engine import PoolSettings
from facepass.entrypoints.demo.people import People
from facepass.entrypoints.demo.photos import render_selfie
from facepass.entrypoints.demo.service_process import ServiceProcess, private_launch
from facepass.entrypoints.environment import PREFIX
from tests.chaos.proxy import LOOPBACK, Proxy, proxied
from tests.fixtures_s3 import ObjectStore
from tests.fixtures_valkey import ValkeyServer

REPOSITORY = Path(__file__).parents[2]
BUCKET = "chaos"
WARNINGS = 60
API_KEY = "a-key-for-chaos"
PEOPLE = 8
KEYS = tuple(f"{person}.jpg" for person in range(1, PEOPLE + 1))


@dataclass(frozen=True, slots=True)
class Stack:
    """Everything there is.

    Attributes:
        url: of the service.
        api_key: it knows.
        pictures: each of one person; in the bucket under `KEYS`, in this order.
        proxies: by dependency, named as in the health answer.
        log: of the service.
    """

    url: str
    api_key: str
    pictures: tuple[bytes, ...]
    proxies: dict[str, Proxy]
    log: Path

    def warnings(self) -> list[str]:
        """What the service warned of, newest last."""
        lines = self.log.read_text("utf-8", "replace").splitlines()
        return [line for line in lines if '"level": "info"' not in line and "dependency_unavailable" not in line][
            -WARNINGS:
        ]


def at_port(url: str, port: int) -> str:
    """The same address at another port."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{port}").geturl()


def _folder() -> Path:
    """An empty one that the account may enter under which the database runs."""
    folder = Path(tempfile.mkdtemp(prefix="facepass-chaos-"))
    folder.chmod(0o755)
    return folder


@asynccontextmanager
async def running_stack() -> AsyncIterator[Stack]:
    """Start it all; everything is gone in the end."""
    people = People.installed()
    pictures = tuple(render_selfie(people, person, 1) for person in range(1, PEOPLE + 1))
    folder = _folder()
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        database = Server(folder, port=None, limits=TimeLimits())
        database_url = await asyncio.to_thread(database.open)
        stack.callback(database.close)
        await migrate.upgrade(database_url, PoolSettings())

        (folder / "object-store").mkdir()
        store = ObjectStore(folder / "object-store")
        store.start()
        stack.callback(store.stop)
        await asyncio.to_thread(store.put, BUCKET, dict(zip(KEYS, pictures, strict=True)))

        valkey = ValkeyServer()
        valkey.start()
        stack.callback(valkey.kill)

        ports = {"database": urlsplit(database_url).port or 0, "photos": store.port, "redis": valkey.port}
        proxies = {name: await stack.enter_async_context(proxied(port)) for name, port in ports.items()}
        models = Path(os.environ.get("MODELS_DIR", REPOSITORY / ".facepass" / "models"))
        (folder / "service").mkdir()
        launch = private_launch(
            os.environ,
            data_dir=folder / "service",
            models_dir=models,
            log=folder / "service.log",
            api_key=API_KEY,
            port=0,
        )
        settings = {
            "DATABASE_URL": at_port(database_url, proxies["database"].port),
            "REDIS_URL": at_port(valkey.url, proxies["redis"].port),
            "S3_ENDPOINT": f"http://{LOOPBACK}:{proxies['photos'].port}",
            "S3_ACCESS_KEY": store.address.access_key,
            "S3_SECRET_KEY": store.address.secret_key,
            "S3_REGION": store.address.region,
            "S3_BUCKET": BUCKET,
            # never reached, but counted in Redis
            "RATE_LIMIT_INDEX": "100000",
            "RATE_LIMIT_SEARCH": "100000",
        }
        environment = {**launch.environment, **{PREFIX + name: value for name, value in settings.items()}}
        process = ServiceProcess.start(replace(launch, environment=environment))
        stack.push_async_callback(process.stop)
        await process.ready(lambda _: None)
        yield Stack(launch.url, API_KEY, pictures, proxies, launch.log)
