"""A collector that is away, hangs or refuses costs its traces: no request, and no second more than the stop allows."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from facepass.adapters.telemetry.tracing.span_queue import CLOSE_TIMEOUT_S
from facepass.entrypoints.demo.service_process import free_port
from tests.integration.http.support import scene
from tests.integration.telemetry import process
from tests.integration.telemetry.process import Service
from tests.integration.telemetry.receiver import Receiver

SERVE = """
import os
from pathlib import Path
from facepass.entrypoints import logs
from facepass.entrypoints.container import in_memory
from facepass.entrypoints.environment import load_settings
from facepass.entrypoints.serve import serve
settings = load_settings(os.environ)
logs.configure(settings.logging)
serve(in_memory(settings), progress=print)
"""
STOP_S = 5.0
"""Beyond the grace, after which whoever stops a service may kill it."""
REQUESTS = 40


@contextmanager
def serving(folder: Path, collector: str) -> Iterator[Service]:
    """In memory, every request kept."""
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector, "OTEL_TRACES_SAMPLER_ARG": "1", "SHUTDOWN_GRACE_S": "1"}
    with process.serving(folder, settings, command=[sys.executable, "-c", SERVE]) as service:
        yield service


def search_often(service: Service) -> None:
    fields = {"session_id": "s", "photo_id": "p"}
    indexed = service.client.post(
        "/api/v1/index", headers=process.HEADERS, data=fields, files={"file": ("p.jpg", scene(1))}
    )
    assert indexed.status_code == 200, indexed.text
    for _ in range(REQUESTS):
        answer = service.client.post("/api/v1/search", data={"session_id": "s"}, files={"file": ("m.jpg", scene(1))})
        assert answer.status_code == 200, answer.text


def dropped(service: Service) -> float:
    (line,) = [
        line
        for line in service.client.get("/metrics").text.splitlines()
        if line.startswith("trace_spans_dropped_total ")
    ]
    return float(line.split()[1])


@pytest.mark.parametrize("listens", [False, True], ids=["nobody listens", "it refuses"])
def test_a_collector_that_takes_nothing(receiver: Receiver, tmp_path: Path, listens: bool) -> None:
    collector = f"{receiver.url}/elsewhere" if listens else f"http://127.0.0.1:{free_port()}"
    with serving(tmp_path, collector) as service:
        search_often(service)
        while dropped(service) < REQUESTS:
            pass  # the exporter gives up within its own bound
        assert service.stop() < CLOSE_TIMEOUT_S + STOP_S
    told = [line for line in service.lines() if line["event"] == "traces_dropped"]
    assert len(told) == 1, "once a minute"
    assert {line["event"] for line in service.lines()} <= {"request", "traces_dropped", "stopping"}


def test_a_collector_that_hangs(receiver: Receiver, tmp_path: Path) -> None:
    receiver.taking.clear()
    with serving(tmp_path, receiver.url) as service:
        search_often(service)
        assert receiver.hanging.wait(process.TIMEOUT_S)
        search_often(service)
        assert service.stop() < CLOSE_TIMEOUT_S + STOP_S
    assert receiver.spans == []
    requests = [line for line in service.lines() if line["event"] == "request"]
    assert max(line["duration_ms"] for line in requests) < 1e3 * CLOSE_TIMEOUT_S, "none waited for it"


def test_one_that_takes_everything_gets_the_last_spans_too(receiver: Receiver, tmp_path: Path) -> None:
    with serving(tmp_path, receiver.url) as service:
        search_often(service)
        service.stop()
    names = [span.name for span in receiver.spans]
    assert names.count("POST /api/v1/search") == REQUESTS
