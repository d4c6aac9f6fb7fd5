"""What Prometheus reads."""

from litestar.testing import AsyncTestClient

from facepass.adapters.memory.vector_index import NoVectorIndex
from facepass.adapters.telemetry.vector_index import MeteredVectorIndex
from facepass.entrypoints.container import in_memory
from facepass.entrypoints.http.app import create_app
from facepass.entrypoints.settings import Recognition, Settings


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
