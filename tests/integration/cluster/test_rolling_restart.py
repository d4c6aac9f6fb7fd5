"""Each replica is ended and started again in turn, while requests come through the balancer: none of them fails."""

import asyncio
from collections import Counter

import httpx

from tests.integration.cluster.support import V1, Cluster, Portrait, caller, callers, found, index

CLIENTS = 4
PAUSE_S = 0.01
PATHS = ("/health/live", f"{V1}/upload/supported-formats", f"{V1}/index/status")
"""Not `/health`, with which a replica that stops tells the balancer so."""
SEARCH_EVERY = 40


async def test_a_rolling_restart_fails_no_request(cluster: Cluster, portrait: Portrait) -> None:
    outcomes: Counter[str] = Counter()
    over = asyncio.Event()
    async with callers(cluster) as clients:
        await index(clients[0], "rolling", "a", portrait(1))

    async def visit(key: str) -> None:
        async with caller(cluster.url, {"X-API-Key": key}) as client:
            turn = 0
            while not over.is_set():
                turn += 1
                try:
                    if turn % SEARCH_EVERY == 0:
                        assert await found(client, "rolling", portrait(1)) == {"a"}
                        outcomes["searched"] += 1
                    else:
                        outcomes[str((await client.get(PATHS[turn % len(PATHS)])).status_code)] += 1
                except httpx.HTTPError as error:
                    outcomes[repr(error)] += 1
                await asyncio.sleep(PAUSE_S)

    async def restart_each() -> list[int]:
        try:
            return [await asyncio.to_thread(cluster.restart, part) for part in cluster.replicas]
        finally:
            over.set()

    keys = [await _key(cluster, number) for number in range(CLIENTS)]
    before = [part.pid for part in cluster.replicas]
    async with asyncio.TaskGroup() as group:
        restarting = group.create_task(restart_each())
        for key in keys:
            group.create_task(visit(key))
    assert restarting.result() == [0, 0, 0]
    assert not set(before) & {part.pid for part in cluster.replicas}
    assert set(outcomes) == {"200", "searched"}, outcomes
    assert outcomes["200"] > 300
    assert outcomes["searched"] > 5


async def _key(cluster: Cluster, number: int) -> str:
    """Each client has its own, so that no limit is met."""
    async with callers(cluster) as clients:
        made = await clients[0].post(f"{V1}/keys", json={"name": f"rolling {number}", "scopes": ["search"]})
    secret: str = made.json()["secret"]
    return secret
