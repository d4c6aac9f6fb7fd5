"""What the service says about itself and what it depends on."""

import httpx
import pytest
from dependency_injector import providers

from facepass import __version__
from facepass.adapters.memory.readiness import AlwaysReady
from facepass.adapters.resilience.breaker import CircuitBreaker
from facepass.application.ports import Readiness
from facepass.entrypoints.container import Container
from facepass.entrypoints.container.outages import database_dependency, redis_dependency
from tests.clocks import HandClock
from tests.integration.http.support import V1, Unreachable, api, memory_container

BASES = ["", V1, "/api/v2"]


def depending_on(*, database: Readiness, redis: Readiness) -> Container:
    """A service with both."""
    container = memory_container()
    circuit = CircuitBreaker("redis", probe=redis, clock=HandClock(), metrics=container.breaker_metrics())
    container.outside.override(
        providers.Object({"database": database_dependency(database, None), "redis": redis_dependency(redis, circuit)})
    )
    return container


@pytest.mark.parametrize("base", ["", V1, "/api/v2"])
async def test_health_while_all_is_well(client: httpx.AsyncClient, base: str) -> None:
    for path in ("/health", "/health/ready"):
        response = await client.get(base + path)
        assert response.status_code == 200
        body = response.json()
        assert body.pop("uptime_seconds") >= 0
        assert body == {
            "status": "healthy",
            "database": "connected",
            "face_recognition_model": "loaded",
            "version": __version__,
        }
    assert (await client.get(f"{base}/health/live")).json() == {"status": "healthy"}


async def test_liveness_does_not_know_the_database() -> None:
    container = memory_container()
    container.database_readiness.override(providers.Object(Unreachable()))
    async with api(container) as client:
        for path in ("/health", "/health/ready"):
            response = await client.get(path)
            assert response.status_code == 503
            assert response.headers["retry-after"] == "5"
            assert (response.json()["status"], response.json()["database"]) == ("unhealthy", "unreachable")
        assert (await client.get("/health/live")).status_code == 200


@pytest.mark.parametrize("base", BASES)
async def test_each_dependency_is_told_of(client: httpx.AsyncClient, base: str) -> None:
    response = await client.get(f"{base}/health/detailed")
    assert response.status_code == 200
    body = response.json()
    assert body.pop("uptime_seconds") >= 0
    assert body["dependencies"]["database"].pop("latency_ms") >= 0
    assert "503" in body["dependencies"]["database"].pop("without_it")
    assert body == {
        "status": "healthy",
        "version": __version__,
        "dependencies": {"database": {"status": "connected", "essential": True, "breaker": None, "policy": "closed"}},
    }


async def test_without_an_optional_dependency_the_service_is_degraded_and_answers() -> None:
    async with api(depending_on(database=AlwaysReady(), redis=Unreachable())) as client:
        for path in ("/health", "/health/ready"):
            response = await client.get(path)
            assert (response.status_code, "retry-after" in response.headers) == (200, False)
            assert (response.json()["status"], response.json()["database"]) == ("degraded", "connected")
        detailed = await client.get("/health/detailed")
        assert (detailed.status_code, detailed.json()["status"]) == (200, "degraded")
        found = {
            name: (one["status"], one["essential"], one["breaker"], one["policy"])
            for name, one in detailed.json()["dependencies"].items()
        }
        assert found == {
            "database": ("connected", True, None, "closed"),
            "redis": ("unreachable", False, "closed", "open"),
        }


async def test_without_an_essential_one_it_is_unhealthy_whatever_the_others_do() -> None:
    for redis in (AlwaysReady(), Unreachable()):
        async with api(depending_on(database=Unreachable(), redis=redis)) as client:
            for path in ("/health", "/health/ready", "/health/detailed"):
                response = await client.get(path)
                assert (response.status_code, response.headers["retry-after"]) == (503, "5")
                assert response.json()["status"] == "unhealthy"
            assert (await client.get("/health/live")).status_code == 200


async def test_a_service_that_stops_is_alive_but_not_ready() -> None:
    container = memory_container()
    async with api(container) as client:
        assert "connection" not in (await client.get("/health/ready")).headers
        container.serving().stop()
        for path in ("/health", "/health/ready"):
            response = await client.get(path)
            assert (response.status_code, response.headers["retry-after"]) == (503, "5")
            assert (response.json()["status"], response.json()["database"]) == ("stopping", "connected")
        live = await client.get("/health/live")
        assert (live.status_code, live.headers["connection"]) == (200, "close")
