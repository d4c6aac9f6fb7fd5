"""Each dependency stops and comes back: what callers see is the written policy, and nothing acknowledged is lost.

`python -m tests.chaos` does the same to a service process, and slows and cuts them as well.
"""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest
from dependency_injector import providers
from prometheus_client.parser import text_string_to_metric_families

from facepass.entrypoints.settings import Redis, Secret
from tests.chaos.policy import POLICY
from tests.chaos.proxy import Fault, Proxy, proxied
from tests.chaos.stack import at_port
from tests.clocks import HandClock
from tests.fixtures_s3 import ObjectStore
from tests.fixtures_valkey import ValkeyServer
from tests.integration.http.support import HEADERS, V1, index, scene, search
from tests.integration.serving import in_bucket, index_by_key, service, serving

BUCKET, SESSION = "outages", "party"
OPEN_S = 1.0


class Service:
    """A service over dependencies that can be stopped.

    Attributes:
        proxies: by dependency.
        clock: of the service.
    """

    def __init__(self, client: httpx.AsyncClient, proxies: dict[str, Proxy], clock: HandClock) -> None:
        self.client, self.proxies, self.clock = client, proxies, clock
        self.acknowledged: list[str] = []
        self._photos = 0

    async def call(self, operation: str) -> httpx.Response:
        if operation == "search":
            return await search(self.client, SESSION, scene(1))
        if operation == "health":
            return await self.client.get("/health/ready")
        if operation == "live":
            return await self.client.get("/health/live")
        photo_id = f"photo {self._photos}"
        self._photos += 1
        if operation == "upload":
            answer = await index(self.client, SESSION, photo_id, scene(1))
        else:
            answer = await index_by_key(self.client, SESSION, photo_id, "a.jpg")
        if answer.status_code == 200:
            self.acknowledged.append(photo_id)
        return answer

    async def dependency(self, name: str) -> dict[str, object]:
        found: dict[str, object] = (await self.client.get("/health/detailed")).json()["dependencies"][name]
        return found

    async def metric(self, name: str, **labels: str) -> float:
        text = (await self.client.get("/metrics", headers={"Accept": "text/plain"})).text
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return sum(one.value for one in samples if one.name == name and labels.items() <= one.labels.items())


@pytest.fixture
async def served(database_url: str, object_store: ObjectStore, valkey: ValkeyServer) -> AsyncIterator[Service]:
    object_store.put(BUCKET, {"a.jpg": scene(1)})
    ports = {"database": urlsplit(database_url).port or 0, "photos": object_store.port, "redis": valkey.port}
    async with AsyncExitStack() as stack:
        proxies = {name: await stack.enter_async_context(proxied(port)) for name, port in ports.items()}
        address = replace(object_store.address, endpoint=f"http://127.0.0.1:{proxies['photos'].port}")
        container = service(
            at_port(database_url, proxies["database"].port),
            store=in_bucket(address, BUCKET, ""),
            redis=Redis(redis_url=Secret(at_port(valkey.url, proxies["redis"].port))),
        )
        clock = HandClock()
        container.clock.override(providers.Object(clock))
        client = await stack.enter_async_context(serving(container))
        yield Service(client, proxies, clock)


@pytest.mark.parametrize("name", ["database", "photos", "redis"])
async def test_callers_see_the_policy_while_a_dependency_is_stopped(served: Service, name: str) -> None:
    operations = POLICY[name, Fault.STOPPED]
    for operation in ("upload", *operations):
        assert (await served.call(operation)).status_code == 200, operation
    assert (await served.dependency(name))["breaker"] == "closed"
    photos_before = [*served.acknowledged]

    await served.proxies[name].become(Fault.STOPPED)
    for turn in range(4):
        for operation, expected in operations.items():
            begun_s = time.monotonic()
            answer = await served.call(operation)
            assert time.monotonic() - begun_s < expected.longest_s
            assert answer.status_code in expected.statuses, (operation, answer.text)
            assert (answer.status_code == 503) == ("retry-after" in answer.headers)
            if operation == "health":
                assert answer.json()["status"] == expected.health, turn
    told = await served.dependency(name)
    assert (told["status"], told["breaker"]) == ("unreachable", "open")
    assert told["without_it"]
    assert await served.metric("circuit_breaker_state", dependency=name) == 2
    assert await served.metric("dependency_failures_total", dependency=name) >= 3
    assert await served.metric("dependency_refused_total", dependency=name) > 0
    others = {"database", "photos", "redis"} - {name}
    assert all([await served.metric("circuit_breaker_state", dependency=other) == 0 for other in others])
    if name == "redis":
        assert await served.metric("rate_limit_decisions_total", decision="unchecked") > 0

    await served.proxies[name].become(Fault.NONE)
    served.clock.pass_s(OPEN_S)
    for operation in operations:
        assert (await served.call(operation)).status_code == 200, operation
    assert (await served.dependency(name))["breaker"] == "closed"
    assert len(photos_before) < len(served.acknowledged)
    for photo_id in served.acknowledged:
        stored = await served.client.get(f"{V1}/index/{SESSION}/photos/{photo_id}", headers=HEADERS)
        assert stored.json()["faces_detected"] == 1
    found = (await search(served.client, SESSION, scene(1), limit="1000")).json()
    assert {match["photo_id"] for match in found["matches"]} == set(served.acknowledged)


@pytest.mark.parametrize("name", ["database", "photos", "redis"])
async def test_a_health_check_finds_a_dependency_back_before_any_caller_does(served: Service, name: str) -> None:
    await served.proxies[name].become(Fault.STOPPED)
    for _ in range(4):
        assert (await served.dependency(name))["status"] == "unreachable"
    assert await served.metric("circuit_breaker_state", dependency=name) == 2
    await served.proxies[name].become(Fault.NONE)
    assert (await served.dependency(name))["status"] == "connected"  # although no time has passed
    assert await served.metric("circuit_breaker_state", dependency=name) == 0
