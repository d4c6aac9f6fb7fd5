"""Which spans requests have, below which, in a service in memory: every request kept."""

import io
import itertools
import json
from typing import Any

import httpx
import pytest
from dependency_injector import providers
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from facepass.entrypoints import logs
from facepass.entrypoints.container import Container
from facepass.entrypoints.jobs import worked_on
from facepass.entrypoints.settings import Logging, Network
from tests.integration.http.live_support import live_container
from tests.integration.http.support import HEADERS, V1, api, index, memory_container, scene, search
from tests.tasks import until
from tests.unit.telemetry.recorded_spans import RecordedSpans

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


def traced(recorded: RecordedSpans, container: Container | None = None) -> Container:
    """A fresh service whose spans are recorded."""
    made = container or memory_container()
    made.tracing.override(providers.Object(recorded))
    return made


def below(name: str, *children: str) -> list[str]:
    return sorted([name, *(f"{name} > {child}" for child in children)])


LOOK = ("admission", "decode", "detect", "assess")


async def test_an_index_and_a_search() -> None:
    recorded = RecordedSpans()
    async with api(traced(recorded)) as client:
        assert (await index(client, "s", "p", scene(1, 2))).status_code == 200
        index_tree = recorded.tree()
        assert (await search(client, "s", scene(1))).status_code == 200
    root = f"POST {V1}/index"
    assert index_tree == below(root, *LOOK, "embed", "store")
    search_tree = [line for line in recorded.tree() if line not in index_tree]
    assert search_tree == below(f"POST {V1}/search", *LOOK, "embed", "search")
    assert recorded.one("search").attributes == {"facepass.search.mode": "exact", "facepass.search.matches": 1}
    admissions = [dict(span.attributes or {}) for span in recorded.spans if span.name == "admission"]
    assert admissions == [{"facepass.work": "index"}, {"facepass.work": "search"}]


async def test_spans_follow_one_another_within_their_root() -> None:
    recorded = RecordedSpans()
    async with api(traced(recorded)) as client:
        await index(client, "s", "p", scene(1))
        await search(client, "s", scene(1))
    root = recorded.one(f"POST {V1}/search")
    assert root.context is not None
    inside = [span for span in recorded.spans if span.parent and span.parent.span_id == root.context.span_id]
    times = [(span.start_time or 0, span.end_time or 0) for span in inside]
    assert times == sorted(times)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(times))
    assert (root.start_time or 0) <= times[0][0]
    assert times[-1][1] <= (root.end_time or 0)


async def test_a_batch_reads_stores_and_a_failure_shows() -> None:
    recorded = RecordedSpans()
    container = traced(recorded)
    container.memory_photos()["a.jpg"] = scene(1)
    async with api(container) as client:
        photos = [{"photo_id": "a", "s3_key": "a.jpg"}, {"photo_id": "b", "s3_key": "gone.jpg"}]
        answer = await client.post(f"{V1}/index/batch", headers=HEADERS, json={"session_id": "s", "photos": photos})
        assert answer.status_code == 200
    tree = recorded.tree()
    root = f"POST {V1}/index/batch"
    assert [line for line in tree if line.endswith("> read photo")] == [f"{root} > read photo"] * 2
    assert f"{root} > store" in tree
    failed = [span.attributes for span in recorded.spans if span.name == "read photo" and not span.status.is_unset]
    assert failed == [{"error.type": "not_found"}]


async def test_a_job_unit_is_a_trace_of_its_own() -> None:
    recorded = RecordedSpans()
    container = traced(recorded)
    container.memory_photos()["a.jpg"] = scene(1)
    async with api(container) as client:
        body = {"session_id": "s", "photos": [{"photo_id": "a", "s3_key": "a.jpg"}]}
        answer = await client.post(f"{V1}/index/batch", headers={**HEADERS, "Prefer": "respond-async"}, json=body)
        assert answer.status_code == 202
        job_id = answer.json()["job_id"]
    async with worked_on(container, concurrency=1):
        await until(lambda: any(span.name == "job unit" for span in recorded.spans))
    unit = [line for line in recorded.tree() if line.startswith("job unit")]
    assert unit[0] == "job unit"
    assert {line.partition(" > ")[2] for line in unit if " > " in line} == {"read photo", *LOOK, "embed", "store"}
    assert recorded.one("job unit").attributes == {"facepass.job.id": job_id, "facepass.job.unit": 0}


async def test_a_live_frame_is_a_trace_of_its_own_that_points_to_its_connection() -> None:
    recorded = RecordedSpans()
    container = traced(recorded, live_container())
    with recorded.traces.root("WS /ws/detect"):
        await container.live_frames()(scene(1), container.upload_limits())
    frame = recorded.one("live frame")
    assert frame.parent is None
    connection = recorded.one("WS /ws/detect").context
    assert [link.context for link in frame.links] == [connection]
    assert [line for line in recorded.tree() if "live frame >" in line] == sorted(f"live frame > {at}" for at in LOOK)


async def test_what_is_not_kept_costs_no_span_but_has_an_id() -> None:
    recorded = RecordedSpans(kept=False)
    async with api(traced(recorded)) as client:
        assert (await index(client, "s", "p", scene(1))).status_code == 200
    assert recorded.spans == ()


@pytest.mark.parametrize("kept", [True, False])
async def test_every_line_of_a_request_tells_its_trace(kept: bool, logging_as_before: None) -> None:
    stream = io.StringIO()
    logs.configure(Logging(log_format="json"), stream)
    recorded, container = RecordedSpans(kept=kept), memory_container()
    container.index_status.override(providers.Object(broken))
    async with api(traced(recorded, container)) as client:
        answer = await client.get(f"{V1}/index/status", headers=HEADERS)
        assert answer.status_code == 500
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert {line["event"] for line in lines} == {"unhandled_error", "request"}
    assert len({(line["trace_id"], line["span_id"], line["request_id"]) for line in lines}) == 1
    assert len(lines[0]["trace_id"]) == 32
    (failed,) = [line for line in lines if line["event"] == "unhandled_error"]
    assert "Traceback" in failed["exception"]
    if kept:
        span = recorded.one(f"GET {V1}/index/status")
        assert span.context is not None
        assert f"{span.context.trace_id:032x}" == lines[0]["trace_id"]
        assert (span.attributes or {})["error.type"] == "internal"


async def broken() -> None:
    raise ZeroDivisionError


async def test_without_a_collector_there_is_no_id(logging_as_before: None) -> None:
    stream = io.StringIO()
    logs.configure(Logging(log_format="json"), stream)
    async with api(memory_container()) as client:
        await client.get("/health", headers={"traceparent": PARENT})
    (line,) = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert "trace_id" not in line


@pytest.mark.parametrize(("proxies", "goes_on"), [((), False), ((Network("127.0.0.1"),), True)])
async def test_only_a_trusted_proxy_s_trace_goes_on(proxies: tuple[Network, ...], goes_on: bool) -> None:
    recorded, container = RecordedSpans(), memory_container()
    container.trusted_proxies.override(providers.Object(proxies))
    async with api(traced(recorded, container)) as client:
        await client.get("/health", headers={"traceparent": PARENT})
        await client.get("/health", headers=[("traceparent", PARENT), ("traceparent", PARENT)])
    first, second = (span.parent for span in recorded.spans)
    assert (first is not None) is goes_on
    assert second is None, "two of them are none"


async def test_a_line_tells_the_session_of_a_token_without_its_id(logging_as_before: None) -> None:
    stream = io.StringIO()
    logs.configure(Logging(log_format="json"), stream)
    container = memory_container(search_access="token")
    async with api(container) as client:
        await index(client, "the-party", "p", scene(1))
        made = await client.post(f"{V1}/tokens", headers=HEADERS, json={"session_id": "the-party"})
        token = {"Authorization": f"Bearer {made.json()['token']}"}
        answer = await client.get(f"{V1}/search/status/the-party", headers=token)
        assert answer.status_code == 200
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(lines[-1].pop("session")) == 16
    assert lines[-1]["caller"].startswith("token:")
    assert all("session" not in line for line in lines[:-1])
    assert "the-party" not in stream.getvalue()


def exemplars(text: str) -> dict[str, list[dict[str, str]]]:
    """Of each histogram that has any."""
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.exemplar:
                found.setdefault(family.name, []).append(dict(sample.exemplar.labels))
    return found


async def scraped(client: httpx.AsyncClient, **headers: Any) -> httpx.Response:
    answer = await client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    return answer


async def test_durations_point_to_traces_that_are_kept() -> None:
    recorded = RecordedSpans()
    async with api(traced(recorded)) as client:
        await index(client, "s", "p", scene(1))
        await search(client, "s", scene(1))
        openmetrics = await scraped(client, **OPENMETRICS)
        plain = await scraped(client)
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
    assert plain.headers["content-type"].startswith("text/plain")
    assert "trace_id" not in plain.text
    ids = {f"{span.context.trace_id:032x}" for span in recorded.spans if span.context}
    found = exemplars(openmetrics.text)
    assert found.keys() == {"http_request_duration_seconds", "search_duration_seconds", "index_duration_seconds"}
    assert all(labels["trace_id"] in ids for each in found.values() for labels in each)


async def test_durations_point_to_no_trace_that_is_not_kept() -> None:
    async with api(traced(RecordedSpans(kept=False))) as client:
        await search(client, "s", scene(1))
        assert exemplars((await scraped(client, **OPENMETRICS)).text) == {}
