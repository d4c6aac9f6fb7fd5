"""The script itself: it explains itself, keeps out of a folder in use, and ends all that it started."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.integration.cluster.support import FOLDER, Cluster, haproxy

UP = FOLDER / "up"
PATIENCE_S = 60


def test_it_explains_itself() -> None:
    shown = subprocess.run([sys.executable, UP, "--help"], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert "kill -TERM" in shown.stdout
    wrong = subprocess.run([sys.executable, UP, "--set", "X"], capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert (wrong.returncode, "'X' is not NAME=VALUE" in wrong.stderr) == (2, True)


def test_two_do_not_share_a_folder(cluster: Cluster) -> None:
    known = json.loads(cluster.state_file.read_text())
    assert (known["ready"], known["url"], known["api_key"]) == (True, cluster.url, cluster.api_key)
    command = [sys.executable, UP, "--data-dir", cluster.state_file.parent]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert refused.returncode == 1
    assert f"in use by processes {os.getpid()} " in refused.stderr
    assert json.loads(cluster.state_file.read_text()) == known


@pytest.mark.skipif(haproxy() is None, reason="haproxy is not installed")
def test_a_signal_ends_all_of_it() -> None:
    with tempfile.TemporaryDirectory(prefix="facepass-cluster-") as folder:
        Path(folder).chmod(0o755)  # the database runs as another user when this one is root
        command = [sys.executable, UP, "--data-dir", folder, "--port", "0", "--replicas", "0", "--workers", "0"]
        script = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours
        assert script.stdout is not None
        with script.stdout as said:
            last = next((line for line in said if line.startswith("FacePass answers on")), "")
            assert last
            state = json.loads((Path(folder) / "state.json").read_text())
            pids = [state["postgres_pid"], *(part["pid"] for part in state["parts"].values())]
            assert len(pids) == 4
            assert all(map(lives, pids))
            script.send_signal(signal.SIGTERM)
            assert script.wait(PATIENCE_S) == 0
        deadline = time.monotonic() + PATIENCE_S
        while any(map(lives, pids)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert not (Path(folder) / "state.json").exists()


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
