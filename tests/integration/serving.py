"""A whole service for tests: HTTP, PostgreSQL and the configured photo source; only its eyes are the in-memory ones."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from dependency_injector import providers

from facepass.adapters.s3.address import ObjectStoreAddress
from facepass.entrypoints.container import Container, build_container
from facepass.entrypoints.http.app import create_app
from facepass.entrypoints.lifespan import running
from facepass.entrypoints.settings import Database, ObjectStore, Photos, Redis, Retention, Secret, Security, Settings
from tests.integration.http.support import HEADERS, KEY, V1, client_of

MAX_SOURCE_BYTES = 4096
Rows = dict[str, list[tuple[Any, ...]]]


def in_bucket(address: ObjectStoreAddress, bucket: str, prefix: str) -> ObjectStore:
    """The settings that lead there."""
    return ObjectStore(
        s3_endpoint=address.endpoint,
        s3_access_key=Secret(address.access_key),
        s3_secret_key=Secret(address.secret_key),
        s3_region=address.region,
        s3_bucket=bucket,
        s3_prefix=prefix,
    )


def service(
    database_url: str,
    *,
    photo_root: Path | None = None,
    store: ObjectStore | None = None,
    retention: Retention | None = None,
    redis: Redis | None = None,
) -> Container:
    """The service as these settings make it."""
    container = build_container(
        Settings(
            database=Database(database_url=Secret(database_url)),
            security=Security(api_keys=(Secret(KEY),)),
            photos=Photos(photo_root=photo_root, max_source_bytes=MAX_SOURCE_BYTES),
            object_store=store or ObjectStore(),
            retention=retention or Retention(),
            redis=redis or Redis(),
        )
    )
    container.vision.override(providers.Object("memory"))
    return container


@asynccontextmanager
async def serving(container: Container) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service, for as long as it runs."""
    async with running(container, progress=print), client_of(create_app(container)) as client:
        yield client


async def index_by_key(client: httpx.AsyncClient, session_id: str, photo_id: str, key: str) -> httpx.Response:
    fields = {"session_id": session_id, "photo_id": photo_id, "s3_key": key}
    return await client.post(
        f"{V1}/index", headers=HEADERS, files={name: (None, text.encode()) for name, text in fields.items()}
    )


async def index_batch(client: httpx.AsyncClient, session_id: str, keys: dict[str, str]) -> httpx.Response:
    """Of photos by id, each with its key."""
    photos = [{"photo_id": photo_id, "s3_key": key} for photo_id, key in keys.items()]
    return await client.post(f"{V1}/index/batch", headers=HEADERS, json={"session_id": session_id, "photos": photos})


async def rows_of(database_url: str) -> Rows:
    """Everything that is stored, table by table, with the transaction that wrote each row."""
    connection = await asyncpg.connect(database_url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return {
            table: [tuple(row) for row in await connection.fetch(f'SELECT *, xmin::text FROM "{table}" ORDER BY 1, 2')]  # noqa: S608 - ours
            for (table,) in tables
        }
    finally:
        await connection.close()
