"""Rate limits as callers meet them: who is counted, what is told, and what wrong credentials cost."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from dependency_injector import providers

from facepass.domain.errors import DependencyUnavailable
from facepass.domain.ports import RateLimiter
from facepass.domain.rate import RateDecision, RateLimit
from facepass.entrypoints.container import Container
from facepass.entrypoints.http.app import create_app
from tests.clocks import HandClock
from tests.integration.http.support import HEADERS, V1, index, memory_container, problem, scene

Connect = Callable[[str], httpx.AsyncClient]


@asynccontextmanager
async def service(clock: HandClock, container: Container | None = None, **options: Any) -> AsyncIterator[Connect]:
    """A service whose callers come from addresses of their choice."""
    container = container or memory_container(**{"rate_limit_index": 3, "rate_limit_search": 2, **options})
    container.clock.override(providers.Object(clock))
    app = create_app(container)

    def connect(address: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app, client=(address, 1), raise_app_exceptions=False)  # type: ignore[arg-type]  # Litestar's own ASGI types
        return httpx.AsyncClient(transport=transport, base_url="http://service")

    async with connect("192.0.2.99") as client:
        await index(client, "s", "first", scene(1))
    clock.pass_s(60)
    yield connect


async def search(client: httpx.AsyncClient, headers: dict[str, str] | None = None) -> httpx.Response:
    return await client.post(
        f"{V1}/search", headers=headers, data={"session_id": "s"}, files={"file": ("me.jpg", scene(1))}
    )


def told(response: httpx.Response) -> dict[str, str]:
    return {name: response.headers.get(f"ratelimit-{name}", "") for name in ("limit", "remaining", "reset", "policy")}


async def test_searching_is_counted_by_address() -> None:
    clock = HandClock()
    async with service(clock) as connect, connect("192.0.2.1") as one, connect("192.0.2.2") as other:
        assert told(await search(one)) == {"limit": "2", "remaining": "1", "reset": "60", "policy": "2;w=60"}
        clock.pass_s(10)
        assert told(await search(one)) == {"limit": "2", "remaining": "0", "reset": "50", "policy": "2;w=60"}
        refused = await search(one)
        body = problem(refused, 429, "rate_limited")
        assert (body["retry_after_s"], refused.headers["retry-after"]) == (50, "50")
        assert told(refused) == {"limit": "2", "remaining": "0", "reset": "50", "policy": "2;w=60"}
        assert (await search(other)).status_code == 200
        clock.pass_s(50)
        assert (await search(one)).status_code == 200
        problem(await search(one), 429, "rate_limited")


async def test_a_token_has_a_count_of_its_own() -> None:
    async with service(HandClock()) as connect, connect("192.0.2.1") as venue:
        issued = [await venue.post(f"{V1}/tokens", headers=HEADERS, json={"session_id": "s"}) for _ in range(2)]
        tokens = [{"Authorization": f"Bearer {answer.json()['token']}"} for answer in issued]
        for headers in (*tokens, None):
            assert [(await search(venue, headers)).status_code for _ in range(3)] == [200, 200, 429]


async def test_indexing_is_counted_by_key_wherever_it_comes_from() -> None:
    clock = HandClock()
    async with service(clock) as connect, connect("192.0.2.1") as one, connect("192.0.2.2") as other:
        for client in (one, other, one):
            assert (await index(client, "s", "p", scene(1))).status_code == 200
        problem(await index(other, "s", "p", scene(1)), 429, "rate_limited")
        batch = {"session_id": "s", "photos": [{"photo_id": "p", "s3_key": "k"}]}
        problem(await one.post(f"{V1}/index/batch", headers=HEADERS, json=batch), 429, "rate_limited")
        made = await one.post(f"{V1}/keys", headers=HEADERS, json={"name": "n", "scopes": ["index"]})
        headers = {"X-API-Key": made.json()["secret"]}
        assert (await one.post(f"{V1}/index/batch", headers=headers, json=batch)).status_code == 200
        assert (await search(one)).status_code == 200


async def test_nothing_is_counted_where_no_limit_is_wanted() -> None:
    async with (
        service(HandClock(), rate_limit_index=0, rate_limit_search=0) as connect,
        connect("192.0.2.1") as client,
    ):
        for _ in range(20):
            answer = await index(client, "s", "p", scene(1))
            assert answer.status_code == 200
        assert "ratelimit-limit" not in answer.headers


async def test_a_refused_call_reads_no_body_and_looks_at_no_picture() -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("the body was asked for")
        yield b""

    async with service(HandClock()) as connect, connect("192.0.2.1") as client:
        for _ in range(2):
            await search(client)
        headers = {"Expect": "100-continue", "Content-Length": "1000"}
        problem(await client.post(f"{V1}/search", headers=headers, content=never()), 429, "rate_limited")


async def test_wrong_credentials_are_counted_by_address_and_right_ones_stay_right() -> None:
    clock = HandClock()
    async with service(clock) as connect, connect("192.0.2.1") as guesser, connect("192.0.2.2") as other:
        for number in range(60):
            headers = {"X-API-Key": f"guess {number}"} if number % 2 else {"Authorization": f"Bearer {number}"}
            problem(await guesser.get(f"{V1}/keys", headers=headers), 401, "unauthorized")
        refused = await guesser.get(f"{V1}/keys", headers={"X-API-Key": "one too many"})
        problem(refused, 429, "rate_limited")
        assert told(refused)["limit"] == "60"
        assert (await guesser.get(f"{V1}/keys", headers=HEADERS)).status_code == 200
        problem(await guesser.get(f"{V1}/keys"), 401, "unauthorized")
        problem(await other.get(f"{V1}/keys", headers={"X-API-Key": "guess"}), 401, "unauthorized")
        clock.pass_s(60)
        problem(await guesser.get(f"{V1}/keys", headers={"X-API-Key": "guess"}), 401, "unauthorized")


async def test_health_metrics_and_documentation_are_not_counted() -> None:
    async with service(HandClock()) as connect, connect("192.0.2.1") as client:
        for path in ("/health/live", "/metrics", "/docs", f"{V1}/upload/supported-formats"):
            for _ in range(5):
                assert "ratelimit-limit" not in (await client.get(path)).headers


class Away(RateLimiter):
    """A limiter whose server is gone."""

    async def hit(self, subject: str, limit: RateLimit) -> RateDecision:
        raise DependencyUnavailable("redis", "the rate limiter cannot be reached")


@pytest.mark.parametrize("access", ["public", "token", "key"])
async def test_callers_are_known_without_the_limiter(access: str) -> None:
    """The decorator that lets everybody pass stands around the limiter; credentials are looked at all the same."""
    container = memory_container(search_access=access)
    async with service(HandClock(), container) as connect, connect("192.0.2.1") as client:
        container.shared_rate_limiter.override(providers.Object(Away()))
        container.reset_singletons()
        for number in range(70):
            problem(await client.get(f"{V1}/keys", headers={"X-API-Key": f"{number}"}), 401, "unauthorized")
        assert (await client.get(f"{V1}/keys", headers=HEADERS)).status_code == 200
