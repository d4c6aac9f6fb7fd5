"""The demo as a user runs it: a real service, the embedded database, real models, real faces, few photos."""

import io
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from facepass.entrypoints.demo.run import DemoOptions, run_demo
from facepass.entrypoints.demo.service_process import free_port
from facepass.entrypoints.demo.table import view


@pytest.fixture(scope="module")
def models_dir(onnx_models_dir):
    return onnx_models_dir


def test_the_demo_finds_its_visitors_and_leaves_nothing_running(models_dir, data_dir, tmp_path):
    said = io.StringIO()
    report = run_demo(
        DemoOptions(out_dir=tmp_path / "out", models_dir=models_dir, data_dir=data_dir, photos=12),
        console=Console(file=said, width=120),
    )
    assert report.indexing.failed == {}
    assert report.indexing.photos == 12
    assert report.detection.large.share is not None
    # Twelve photos hold about fifty faces: the promise of the full session with room for one of them.
    assert report.detection.large.share >= 0.95
    assert report.accuracy.micro.recall is not None
    assert report.accuracy.micro.recall >= 0.85
    assert report.accuracy.micro.precision is not None
    assert report.accuracy.micro.precision >= 0.9
    assert report.latency is not None
    assert report.latency.searches == 40
    parts = (report.latency.decode, report.latency.detect, report.latency.embed)
    assert all(part.p50_ms > 0 for part in parts)
    if Path("/proc").is_dir():
        assert report.memory.service_mib is not None
        assert report.memory.database_mib is not None
    assert Path(report.contact_sheet).read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "out" / "report.json").read_bytes())["indexing"]["photos"] == 12
    assert not (data_dir / "postgres" / "data" / "postmaster.pid").exists()
    table = io.StringIO()
    Console(file=table, width=120).print(view(report))
    assert "everything else" in table.getvalue()


def test_a_kept_demo_answers_until_it_is_told_to_stop(models_dir, data_dir, tmp_path):
    said = io.StringIO()
    run_demo(
        DemoOptions(out_dir=tmp_path / "out", models_dir=models_dir, data_dir=data_dir, photos=2, keep=True),
        console=Console(file=said, width=120),
    )
    words = dict(line.split(maxsplit=1) for line in said.getvalue().splitlines() if line.startswith("Stop"))
    pid = int(words["Stop"].split()[1])
    try:
        url = next(line.split()[-1] for line in said.getvalue().splitlines() if line.startswith("FacePass is running"))
        status = httpx.get(f"{url}/api/v1/search/status/demo", trust_env=False).json()
        assert status["photo_count"] == 2
    finally:
        os.kill(pid, 15)
        os.waitpid(pid, 0)


@pytest.fixture
def demo_process(models_dir, data_dir, tmp_path):
    """Starts `facepass demo --serve` on four photos; ended at the latest after the test."""
    started = []

    def start(port):
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        process = subprocess.Popen(  # noqa: S603 our own program
            [sys.executable, "-m", "facepass", "demo", "--serve", "--photos", "4", "--port", str(port)],
            env=kept | {"DATA_DIR": str(data_dir), "MODELS_DIR": str(models_dir)},
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def said_until_ready(process):
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("Stop"):
            break
    return "".join(lines)


@pytest.mark.logs_on_purpose("the demo shows its user the key that it has made, and how to call with it")
def test_a_served_demo_says_what_to_call_and_starts_again_with_its_session(demo_process, data_dir, tmp_path):
    port = free_port()
    for _ in range(2):
        process = demo_process(port)
        said = said_until_ready(process)
        words = next(shlex.split(line) for line in said.splitlines() if line.startswith("Find a visitor"))
        call = words[words.index("curl") :]
        found = subprocess.run(call, capture_output=True, check=True, cwd=tmp_path, timeout=60)  # noqa: S603 as printed
        assert "matches" in json.loads(found.stdout), found.stdout
        status = httpx.get(f"http://127.0.0.1:{port}/api/v1/search/status/demo", trust_env=False).json()
        assert status["photo_count"] == 4
        key = next(line.split()[-1] for line in said.splitlines() if line.startswith("API key"))
        tried = httpx.post(f"http://127.0.0.1:{port}/api/v1/index", headers={"X-API-Key": key}, trust_env=False)
        assert tried.status_code == 400
        assert "ratelimit-limit" not in tried.headers
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 130
        assert not (data_dir / "postgres" / "data" / "postmaster.pid").exists()


def test_a_served_demo_does_not_take_another_service_for_its_own(demo_process):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = demo_process(taken.getsockname()[1])
        _, said = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "API_PORT" in said
    assert "FacePass is running" not in said
