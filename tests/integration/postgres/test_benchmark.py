"""The database benchmark runs, and prints what it promises."""

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "database.py"


def test_every_figure_is_printed_as_json() -> None:
    ran = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, BENCHMARK, "--galleries", "20", "--searches", "2", "--json"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    figures = {figure["what"]: figure for figure in json.loads(ran.stdout)}
    assert list(figures) == [
        *("first start", "second start", "recovery start"),
        *("write 20 faces", "search 20 faces", "index 2 faces", "reindex 2 faces"),
    ]
    assert all(0 < figure["p50_ms"] <= figure["p95_ms"] for figure in figures.values())
    assert figures["write 20 faces"]["faces_per_second"] > 0
