"""What Prometheus reads."""

import asyncio

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar.testing import AsyncTestClient

from facepass.adapters.memory.vector_index import NoVectorIndex
from facepass.adapters.telemetry.vector_index import MeteredVectorIndex
from facepass.entrypoints.container import in_memory
from facepass.entrypoints.http.app import create_app
from facepass.entrypoints.settings import Recognition, Settings
from tests.integration.http.support import V1, api, index, memory_container, scene, search


class FoundMost(NoVectorIndex):
    """An index whose canary has an answer."""

    def __init__(self) -> None:
        self.recall: float | None = 0.97

    async def measure_recall(self, *, probes: int) -> float | None:
        return self.recall


async def test_the_recall_of_the_index_is_exported() -> None:
    container = in_memory(Settings(recognition=Recognition(ml_threads=1)))
    inner = FoundMost()
    index = MeteredVectorIndex(inner, registry=container.metrics())
    async with AsyncTestClient(create_app(container)) as client:
        assert "search_recall{" not in (await client.get("/metrics")).text
        await index.measure_recall(probes=5)
        for path in ("/metrics", "/metrics/prometheus"):
            answer = await client.get(path)
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/plain; version=")
            assert 'search_recall{index="hnsw"} 0.97' in answer.text
        openmetrics = await client.get("/metrics", headers={"Accept": "application/openmetrics-text"})
        assert openmetrics.text.endswith("# EOF\n")
        inner.recall = None
        await index.measure_recall(probes=5)
        assert "search_recall{" not in (await client.get("/metrics")).text


async def samples(client: httpx.AsyncClient) -> dict[str, float]:
    """All counts of requests; scrapes are requests, too, and left out."""
    text = (await client.get("/metrics")).text
    found = {}
    for line in text.splitlines():
        name, _, value = line.rpartition(" ")
        if not line.startswith("#") and "/metrics" not in name and ("_total" in name or "_count" in name):
            found[name] = float(value)
    return found


def moved(before: dict[str, float], after: dict[str, float], *parts: str) -> float:
    """By how much the metrics whose names hold all of these parts have moved."""
    return sum(value - before.get(name, 0.0) for name, value in after.items() if all(part in name for part in parts))


CALLS = {
    "search": lambda client, number: search(client, "party", scene(number)),
    "no search": lambda client, number: search(client, f"unknown {number}", scene(number)),
    "index": lambda client, number: index(client, "party", f"photo {number}", scene(number)),
    "no face": lambda client, number: index(client, "party", f"empty {number}", scene()),
    "status": lambda client, _: client.get(f"{V1}/search/status/party"),
    "nowhere": lambda client, number: client.get(f"/nowhere/{number}"),
    "invented": lambda client, number: client.request(f"BREW{number}", "/health"),
}

LOOKED_AT = {"search", "index", "no face"}
STEPS = {"decode": LOOKED_AT, "detect": LOOKED_AT, "assess": LOOKED_AT, "embed": {"search", "index"}}
"""What is done with the picture of which call; one for a session that nobody knows is not looked at."""


def assert_work_counted(kinds: list[str], before: dict[str, float], after: dict[str, float]) -> None:
    """See that every step of every picture, every search and every photo stored was counted once."""
    for step, of_it in STEPS.items():
        done = sum(kind in of_it for kind in kinds)
        assert moved(before, after, "inference_seconds_count{", f'step="{step}"') == done, step
    stored = kinds.count("index") + kinds.count("no face")
    assert moved(before, after, "gallery_search_seconds_count{", 'mode="exact"') == kinds.count("search")
    assert moved(before, after, "photos_stored_total{", 'outcome="new"') == stored
    assert moved(before, after, "photos_stored_total{", 'outcome="replaced"') == 0
    faces = kinds.count("search") + kinds.count("index")
    assert moved(before, after, "faces_detected_total") == moved(before, after, "embeddings_total{") == faces


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(sorted(CALLS)), min_size=1, max_size=12))
@pytest.mark.property
async def test_property_12_every_request_moves_its_counter_and_its_histogram_by_one(kinds: list[str]) -> None:
    """All at once, whatever they answer."""
    async with api(memory_container()) as client:
        await index(client, "party", "first", scene(0))
        before = await samples(client)
        answers = await asyncio.gather(*(CALLS[kind](client, number) for number, kind in enumerate(kinds)))
        after = await samples(client)
    assert moved(before, after, "http_requests_total{") == len(kinds)
    assert moved(before, after, "http_request_duration_seconds_count{") == len(kinds)
    for operation, of_it in (("search", {"search", "no search"}), ("index", {"index", "no face"})):
        expected = sum(kind in of_it for kind in kinds)
        assert moved(before, after, f"{operation}_requests_total{{") == expected
        assert moved(before, after, f"{operation}_duration_seconds_count") == expected
    assert_work_counted(kinds, before, after)
    for status in {answer.status_code for answer in answers}:
        expected = sum(answer.status_code == status for answer in answers)
        assert moved(before, after, "http_requests_total{", f'status="{status}"') == expected
    problems = [answer.json()["code"] for answer in answers if "problem+json" in answer.headers.get("content-type", "")]
    assert moved(before, after, "http_problems_total{") == len(problems)
    for code in set(problems):
        assert moved(before, after, "http_problems_total{", f'code="{code}"') == problems.count(code)
    assert not [name for name in after if "BREW" in name or "party" in name or "nowhere/" in name]
