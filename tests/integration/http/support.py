"""What the HTTP tests share: a service in memory, scenes to send it, and forms built byte by byte."""

import functools
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from dependency_injector import providers
from litestar import Litestar

from facepass.adapters.imaging.decode import PillowImageDecoder
from facepass.adapters.memory.vision import InlineWorkers
from facepass.application.byte_budget import ByteBudget
from facepass.application.ports import Readiness
from facepass.domain.errors import DependencyUnavailable
from facepass.entrypoints.container import Container, in_memory
from facepass.entrypoints.http.app import create_app
from facepass.entrypoints.http.body import BodyBudget
from facepass.entrypoints.settings import (
    Application,
    Logging,
    Photos,
    Secret,
    Security,
    Settings,
    Uploads,
)

KEY = "a-key-for-tests"
HEADERS = {"X-API-Key": KEY}
V1 = "/api/v1"


def settings(
    *,
    search_access: str = "public",
    environment: str = "development",
    max_upload_bytes: int = 10 * 1024 * 1024,
    batch_sync_max: int = 200,
    access_log: bool = True,
    rate_limit_index: int = 100,
    rate_limit_search: int = 1000,
) -> Settings:
    return Settings(
        application=Application(environment=environment),
        security=Security(
            api_keys=(Secret(KEY),),
            search_access=search_access,
            rate_limit_index=rate_limit_index,
            rate_limit_search=rate_limit_search,
        ),
        uploads=Uploads(max_upload_bytes=max_upload_bytes),
        photos=Photos(batch_sync_max=batch_sync_max),
        logging=Logging(access_log=access_log),
    )


def body_budget(memory_bytes: int = 2**28) -> BodyBudget:
    """Room for bodies."""
    return BodyBudget(memory=ByteBudget(memory_bytes), disk=ByteBudget(2**28))


def memory_container(**options: Any) -> Container:
    return in_memory(settings(**options))


@functools.cache
def _service(*, real_decoder: bool, **options: Any) -> tuple[Litestar, Container]:
    container = memory_container(**options)
    if real_decoder:
        container.decoder.override(providers.Object(PillowImageDecoder(InlineWorkers())))
    return create_app(container), container


def fresh(*, real_decoder: bool = False, **options: Any) -> Container:
    """A service's container with nothing stored. Building an application takes longer than most tests: it is shared,
    and with it what is not stored in the container's singletons, such as the budget for bodies.
    """
    _, container = _service(real_decoder=real_decoder, **options)
    container.reset_singletons()
    return container


@asynccontextmanager
async def api(container: Container | None = None, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service without a socket: of a container given, which a test may have changed, or a fresh one."""
    if container is None:
        fresh(**options)
        app, _ = _service(**{"real_decoder": False, **options})
    else:
        app = create_app(container)
    async with client_of(app) as client:
        yield client


def client_of(app: Litestar) -> httpx.AsyncClient:
    """Errors are answered, as a server would: httpx would raise them instead."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)  # type: ignore[arg-type]  # Litestar's own ASGI types
    return httpx.AsyncClient(transport=transport, base_url="http://service")


def scene(*people: int, size: int = 80, width: int = 640, height: int = 480) -> bytes:
    """A picture of people side by side, for the in-memory decoder; the first is the largest."""
    faces = [
        {"person": person, "x": 5 + (size + 10) * place, "y": 10, "size": size - place}
        for place, person in enumerate(people)
    ]
    return json.dumps({"width": width, "height": height, "faces": faces}).encode()


async def index(
    client: httpx.AsyncClient, session_id: str, photo_id: str, picture: bytes, *, base: str = V1
) -> httpx.Response:
    return await client.post(
        f"{base}/index",
        headers=HEADERS,
        data={"session_id": session_id, "photo_id": photo_id},
        files={"file": ("photo.jpg", picture)},
    )


async def search(client: httpx.AsyncClient, session_id: str, selfie: bytes, **fields: str) -> httpx.Response:
    return await client.post(
        f"{V1}/search", data={"session_id": session_id, **fields}, files={"file": ("me.jpg", selfie)}
    )


def form(parts: Sequence[tuple[str, bytes]], boundary: str = "limit0") -> tuple[bytes, dict[str, str]]:
    """A form with exactly these parts, and its content type: what no well-behaved client would send, too."""
    body = b"".join(
        b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (boundary.encode(), name.encode(), value)
        for name, value in parts
    )
    return body + f"--{boundary}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem a response holds, checked for everything that all problems share."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["code"] == code
    assert body["type"] == f"urn:facepass:problem:{code}"
    assert body["status"] == status
    assert body["request_id"] == response.headers["x-request-id"]
    assert body["instance"] == response.request.url.raw_path.decode("ascii").partition("?")[0]
    assert body["title"]
    assert body["detail"]
    return body


def wrong_fields(response: httpx.Response) -> set[str]:
    """The fields that a 400 names."""
    return {error["field"] for error in problem(response, 400, "invalid_request")["errors"]}


class Unreachable(Readiness):
    """A dependency that does not answer."""

    async def check(self) -> None:
        raise DependencyUnavailable("database", "The database does not answer.")


async def counts(container: Container, session_id: str) -> tuple[int, int] | None:
    """Photos and faces that a session holds; None for none such."""
    async with container.unit_of_work()() as transaction:
        status = await transaction.galleries.gallery(session_id)
    return None if status is None else (status.photo_count, status.face_count)
