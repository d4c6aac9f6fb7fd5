"""The benchmarks of the store run, and print what they promise."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


def test_every_figure_is_printed_as_json() -> None:
    ran = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, BENCHMARKS / "database.py", "--galleries", "20", "--searches", "2", "--json"],
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


@pytest.mark.property
def test_property_21_and_25_sessions_keep_to_themselves_while_writers_are_at_work() -> None:
    small = ["--sessions", "10", "--faces", "40", "--searches", "300", "--dimension", "32", "--erase-every", "3"]
    ran = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, BENCHMARKS / "isolation.py", *small], capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    searched, judged = ran.stdout.splitlines()
    assert searched.startswith("300 searches in")
    assert judged == "leaks 0, ghosts 0, missed 0"
