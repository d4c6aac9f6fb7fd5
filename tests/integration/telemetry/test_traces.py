"""A real service, on real models and a real PostgreSQL, tells a real OTLP receiver where a search spends its time."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from facepass import __version__
from tests.integration.telemetry.process import HEADERS, V1, Service, serving
from tests.integration.telemetry.receiver import Received, Receiver
from tests.log_scan.leaks import Scanner

SESSION, PHOTO, KEY_OF_PHOTO = "session-of-traces", "photo-of-traces", "folder-of-traces/photo.jpg"
COLLECTOR_KEY = "key-of-the-collector"
LOOK = ("admission", "decode", "detect", "assess", "embed")
JOB = "job unit"


def index(service: Service, picture: bytes) -> None:
    answer = service.client.post(
        f"{V1}/index",
        headers=HEADERS,
        data={"session_id": SESSION, "photo_id": PHOTO},
        files={"file": ("photo.jpg", picture)},
    )
    assert answer.status_code == 200, answer.text


def search(service: Service, selfie: bytes) -> None:
    answer = service.client.post(f"{V1}/search", data={"session_id": SESSION}, files={"file": ("me.jpg", selfie)})
    assert answer.status_code == 200, answer.text
    assert answer.json()["matches"], answer.text


def index_in_a_job(service: Service) -> str:
    photos = [{"photo_id": "photo-of-a-job", "s3_key": KEY_OF_PHOTO}]
    answer = service.client.post(
        f"{V1}/index/batch",
        headers={**HEADERS, "Prefer": "respond-async"},
        json={"session_id": SESSION, "photos": photos},
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job_id"])


def trace_of(spans: list[Received], root: str) -> tuple[Received, dict[str, list[Received]]]:
    """The only root of a name, and everything of its trace by name."""
    (found,) = (span for span in spans if span.name == root and not span.parent_id)
    children: dict[str, list[Received]] = {}
    for span in spans:
        if span.trace_id == found.trace_id and span is not found:
            children.setdefault(span.name, []).append(span)
    return found, children


def check_tree(spans: list[Received], root: str, direct: tuple[str, ...]) -> Received:
    """Each child once, below the root and within its time; `align` below `embed`."""
    found, children = trace_of(spans, root)
    assert children.keys() == {*direct, "align"}
    for name, (span,) in children.items():
        parent = children["embed"][0] if name == "align" else found
        assert span.parent_id == parent.span_id, name
        assert parent.begun_ns <= span.begun_ns <= span.ended_ns <= parent.ended_ns, name
        assert not span.is_error
    (align,), (embed,) = children["align"], children["embed"]
    assert 0 < align.ended_ns - align.begun_ns < embed.ended_ns - embed.begun_ns
    assert align.attributes == {"facepass.faces": 1}
    return found


def test_the_whole_tree_of_a_search_an_index_and_a_job(
    receiver: Receiver,
    database_url: str,
    onnx_models_dir: Path,
    portrait: Callable[..., bytes],
    data_dir: Path,
) -> None:
    photo = data_dir / "photos" / KEY_OF_PHOTO
    photo.parent.mkdir(parents=True)
    photo.write_bytes(portrait(2))
    settings = {
        "DATABASE_URL": database_url,
        "MODELS_DIR": str(onnx_models_dir),
        "PHOTO_ROOT": str(data_dir / "photos"),
        "JOB_CONCURRENCY": "1",
        "LOG_LEVEL": "DEBUG",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"x-collector-key={COLLECTOR_KEY}",
        "OTEL_SERVICE_NAME": "photos-of-parties",
        "OTEL_TRACES_SAMPLER_ARG": "1",
    }
    with serving(data_dir, settings) as service:
        index(service, portrait(1))
        search(service, portrait(1, 2))
        job_id = index_in_a_job(service)
        receiver.wait_for(lambda spans: any(span.name == JOB for span in spans))
        metrics = service.client.get("/metrics", headers={"Accept": "application/openmetrics-text"}).text
        service.stop()
    spans = receiver.spans

    search_root = check_tree(spans, f"POST {V1}/search", (*LOOK, "search"))
    assert search_root.attributes == {
        "http.request.method": "POST",
        "http.route": f"{V1}/search",
        "http.response.status_code": 200,
    }
    check_tree(spans, f"POST {V1}/index", (*LOOK, "store"))
    unit = check_tree(spans, JOB, ("read photo", *LOOK, "store"))
    assert unit.attributes == {"facepass.job.id": job_id, "facepass.job.unit": 0}
    assert "POST /api/v1/index/batch" in {span.name for span in spans}

    assert receiver.headers["x-collector-key"] == COLLECTOR_KEY
    resource = spans[0].resource
    assert (resource["service.name"], resource["service.version"]) == ("photos-of-parties", __version__)

    check_nothing_private(spans)
    check_lines(service, search_root, unit)
    pointed_to = {
        (family.name, sample.exemplar.labels["trace_id"])
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if sample.exemplar
    }
    assert ("search_duration_seconds", search_root.trace_id) in pointed_to


def check_nothing_private(spans: list[Received]) -> None:
    """Numbers, kinds and codes, and nothing of whoever was photographed."""
    everything = "\n".join(span.raw + json.dumps(span.resource) for span in spans)
    for private in (SESSION, PHOTO, KEY_OF_PHOTO, "photo-of-a-job", "127.0.0.1", COLLECTOR_KEY, HEADERS["X-API-Key"]):
        assert private not in everything
    assert list(Scanner().scan(everything)) == []
    texts = {value for span in spans for value in span.attributes.values() if isinstance(value, str)}
    assert all(re.fullmatch(r"[A-Za-z0-9_/{}.:-]{1,64}", text) for text in texts), texts
    assert all(isinstance(value, str | int | float) for span in spans for value in span.attributes.values())


def check_lines(service: Service, search_root: Received, unit: Received) -> None:
    lines = service.lines()
    (line,) = [line for line in lines if line.get("route") == f"{V1}/search"]
    assert (line["trace_id"], line["span_id"]) == (search_root.trace_id, search_root.span_id)
    (line,) = [line for line in lines if line["event"] == "job_unit"]
    assert (line["trace_id"], line["span_id"], line["outcome"]) == (unit.trace_id, unit.span_id, "ended")
    assert COLLECTOR_KEY not in service.log.read_text()
