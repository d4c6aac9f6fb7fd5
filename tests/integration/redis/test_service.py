"""The service with a real Redis beside it."""

from prometheus_client import CollectorRegistry

from facepass.domain.rate import RateLimit
from facepass.entrypoints.container import Container, in_memory
from facepass.entrypoints.lifespan import running
from facepass.entrypoints.settings import Redis, Secret, Settings
from tests.fixtures_valkey import ValkeyServer
from tests.integration.http.support import api

LIMIT = RateLimit(2, 3600.0)


def service(server: ValkeyServer) -> Container:
    """All in memory but what Redis is for."""
    container = in_memory(Settings(redis=Redis(redis_url=Secret(server.url))))
    container.rates.reset_override()
    return container


def nothing(_: str) -> None:
    """Who is told of progress."""


async def test_health_follows_redis_and_the_service_answers_without_it(own_valkey: ValkeyServer) -> None:
    container = service(own_valkey)
    async with running(container, progress=nothing), api(container) as client:
        body = (await client.get("/health/detailed")).json()
        assert body["dependencies"]["redis"].pop("latency_ms") > 0
        assert "admitted" in body["dependencies"]["redis"].pop("without_it")
        assert body["dependencies"]["redis"] == {
            "status": "connected",
            "essential": False,
            "breaker": "closed",
            "policy": "open",
        }
        own_valkey.kill()
        away = await client.get("/health/detailed")
        assert (away.status_code, away.json()["status"]) == (200, "degraded")
        assert away.json()["dependencies"]["redis"]["status"] == "unreachable"
        assert (await client.get("/health")).json()["status"] == "degraded"
        own_valkey.start()
        assert (await client.get("/health")).json()["status"] == "healthy"


async def test_replicas_count_together_and_each_measures_itself(own_valkey: ValkeyServer) -> None:
    one, other = service(own_valkey), service(own_valkey)
    async with running(one, progress=nothing), running(other, progress=nothing):
        hits = [await container.rate_limiter().hit("search:token:t", LIMIT) for container in (one, other, one)]
    assert [hit.admitted for hit in hits] == [True, True, False]

    def counted(registry: CollectorRegistry, decision: str) -> float | None:
        return registry.get_sample_value("rate_limit_decisions_total", {"kind": "search", "decision": decision})

    assert [counted(one.metrics(), decision) for decision in ("admitted", "refused")] == [1, 1]
    assert [counted(other.metrics(), decision) for decision in ("admitted", "refused")] == [1, 0]


async def test_a_service_starts_and_serves_while_redis_is_away(own_valkey: ValkeyServer) -> None:
    own_valkey.kill()
    container = service(own_valkey)
    async with running(container, progress=nothing), api(container) as client:
        assert (await client.get("/health")).json()["status"] == "degraded"
        assert [(await container.rate_limiter().hit("search", LIMIT)).admitted for _ in range(3)] == [True] * 3
