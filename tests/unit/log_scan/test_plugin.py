"""A session that logs what it must not fails, however it comes into the log, and says which test it was."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]

TESTS = """
import io, logging, os, subprocess, sys
import pytest, structlog
from facepass.entrypoints import logs
from facepass.entrypoints.settings import Logging, Secret

SECRET = "planted-secret-of-a-setting"
SAY = "import os, sys; sys.stderr.write(os.environ.get('SECRET_KEY', '') + ' from 203.0.113.7\\\\n')"

def test_ours_to_any_stream():
    logs.configure(Logging(log_format="json"), io.StringIO())
    Secret(SECRET)
    structlog.stdlib.get_logger("facepass.t").info("said", given=SECRET)

def test_ours_without_configuration():
    structlog.get_logger().info("said", given="203.0.113.7")

def test_a_library():
    logging.getLogger("library").warning("sent to %s", "203.0.113.7")

def test_standard_error():
    print("203.0.113.7", file=sys.stderr)

def test_a_process_with_a_pipe():
    subprocess.run([sys.executable, "-c", SAY], capture_output=True, check=True, env={"SECRET_KEY": SECRET})

def test_a_process_read_line_by_line():
    with subprocess.Popen([sys.executable, "-c", SAY], stderr=subprocess.PIPE, text=True, env={}) as process:
        assert [line for line in process.stderr]

def test_a_process_with_a_file(tmp_path):
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", SAY], stdout=log, stderr=subprocess.STDOUT, env={})
    process.wait()

def test_a_process_nobody_listens_to():
    process = subprocess.Popen([sys.executable, "-c", SAY], stderr=subprocess.DEVNULL, env={})
    process.wait()

def test_a_process_that_inherits():
    subprocess.run([sys.executable, "-c", SAY], check=True, env={})

@pytest.mark.logs_on_purpose("to be seen left out")
def test_on_purpose():
    structlog.get_logger().info("said", given="203.0.113.7")

def test_clean():
    structlog.get_logger().info("said", given="203.0.113.0/24")
    print("203.0.113.7 is an answer on standard output")
"""


ALONE, SIDE_BY_SIDE = ("-p", "no:xdist"), ("-n", "2")


def run(tmp_path: Path, *names: str, processes: tuple[str, ...] = ALONE) -> "subprocess.CompletedProcess[str]":
    (tmp_path / "test_planted.py").write_text(TESTS)
    chosen = [f"test_planted.py::{name}" for name in names] or ["test_planted.py"]
    return subprocess.run(  # noqa: S603 - ourselves
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "tests.log_scan.plugin",
            *processes,
            *chosen,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"},
        check=False,
    )


@pytest.mark.logs_on_purpose("shows what the inner session has found")
@pytest.mark.parametrize("processes", [ALONE, SIDE_BY_SIDE])
def test_every_way_into_the_log_is_heard(tmp_path: Path, processes: tuple[str, ...]) -> None:
    done = run(tmp_path, processes=processes)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    assert "11 passed" in done.stdout
    told = [line for line in done.stdout.splitlines() if line.startswith("test_planted.py::")]
    leaking = {line.split(":")[2] for line in told}
    planted = {line.split("(")[0][4:] for line in TESTS.splitlines() if line.startswith("def test_")}
    assert leaking == planted - {"test_on_purpose", "test_clean"}, done.stdout
    assert any("test_ours_to_any_stream: a secret of a test" in line for line in told)
    assert any("test_a_process_with_a_pipe: a secret of a test" in line for line in told)
    assert "not looked through: test_planted.py::test_on_purpose: to be seen left out" in done.stdout


def test_a_session_that_is_clean_passes(tmp_path: Path) -> None:
    done = run(tmp_path, "test_clean", "test_on_purpose")
    assert done.returncode == pytest.ExitCode.OK, done.stdout
    assert "none holds what it must not" in done.stdout
