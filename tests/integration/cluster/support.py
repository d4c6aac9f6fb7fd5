"""What the tests of several replicas share: the cluster's own code, and callers of one replica or of the balancer."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx

sys.path.append(str(Path(__file__).parents[3] / "deploy" / "local-cluster"))

from cluster import Cluster, Options, running
from parts import Part
from recipes import BUCKET, haproxy
from recipes import HERE as FOLDER

__all__ = ["BUCKET", "FOLDER", "Cluster", "Options", "Part", "haproxy", "running"]

V1 = "/api/v1"
RATE_LIMIT_SEARCH = 300
TIMEOUT_S = 30.0

Portrait = Callable[[int], bytes]


@asynccontextmanager
async def callers(cluster: Cluster) -> AsyncIterator[list[httpx.AsyncClient]]:
    """One of each replica, past the balancer, with the key for everything."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(caller(cluster.url_of(part), {"X-API-Key": cluster.api_key}))
            for part in cluster.replicas
        ]


def caller(url: str, headers: dict[str, str]) -> httpx.AsyncClient:
    """Keeps its connections and tries nothing twice."""
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=TIMEOUT_S, trust_env=False)


async def index(client: httpx.AsyncClient, session_id: str, photo_id: str, picture: bytes) -> None:
    fields = {"session_id": session_id, "photo_id": photo_id}
    response = await client.post(f"{V1}/index", data=fields, files={"file": ("p.jpg", picture)})
    assert response.status_code in {200, 201}, response.text


async def search(client: httpx.AsyncClient, session_id: str, selfie: bytes, **headers: str) -> httpx.Response:
    return await client.post(
        f"{V1}/search",
        data={"session_id": session_id},
        files={"file": ("me.jpg", selfie)},
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


async def found(client: httpx.AsyncClient, session_id: str, selfie: bytes) -> set[str]:
    """Ids of the photos that show whoever the selfie shows; nothing where there is no such session."""
    response = await search(client, session_id, selfie)
    if response.status_code == 404:
        return set()
    assert response.status_code == 200, response.text
    return {match["photo_id"] for match in response.json()["matches"]}
