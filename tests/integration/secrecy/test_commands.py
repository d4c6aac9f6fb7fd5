"""The same for processes: what commands print, and what anybody on the machine sees of them while they run."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from facepass.entrypoints.demo.service_process import free_port
from tests.fixtures_s3 import ObjectStore
from tests.integration.secrecy.markers import assert_clean, core, in_files, markers

TIMEOUT_S = 120
NOBODY = "postgresql://facepass:p@127.0.0.1:1/facepass"
EXTERNAL = {"DATABASE_URL", "POSTGRES_PASSWORD"}
"""Without these the database is our own child."""
KEPT = ("PATH", "PYTHONPATH", "HOME", "LANG", "COVERAGE_PROCESS_START")
Run = Callable[..., subprocess.CompletedProcess[str]]


def environment_of(given: dict[str, str], data_dir: Path) -> dict[str, str]:
    """Of a process with these settings and no other of this machine."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, **given, "DATA_DIR": str(data_dir), "API_PORT": str(free_port()), "LOG_LEVEL": "DEBUG"}


@pytest.fixture
def facepass(tmp_path: Path) -> Run:
    """Runs a command with every secret marked, whose database is out of reach."""
    environment = environment_of(markers(NOBODY), tmp_path / "data")

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "facepass", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**environment, **variables},
            timeout=TIMEOUT_S,
            check=False,
        )

    return run


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("doctor",), 1),
        (("doctor", "--json"), 1),
        (("doctor", "--production"), 0),
        (("openapi",), 0),
        (("status", "--session", "s"), 4),
        (("--debug", "status", "--session", "s"), 4),
        (("db", "current"), 4),
        (("serve",), 4),
        (("db", "backup", "--to", "here"), 4),
    ],
)
def test_no_command_prints_a_secret(
    facepass: Run, onnx_models_dir: Path, arguments: tuple[str, ...], status: int
) -> None:
    done = facepass(*arguments, MODELS_DIR=str(onnx_models_dir))
    assert done.returncode == status, done.stderr
    assert_clean(done.stdout + done.stderr)


def test_secrets_from_files_are_hidden_as_well(facepass: Run, tmp_path: Path) -> None:
    files = in_files(markers(NOBODY), tmp_path / "secrets")
    done = facepass("doctor", "--production", "--json", **dict.fromkeys(markers(NOBODY), ""), **files)
    assert done.returncode == 0, done.stdout
    assert_clean(done.stdout + done.stderr)


def test_a_setting_that_cannot_be_read_is_told_without_any_value(facepass: Run) -> None:
    for wrong in ({"API_PORT": "many"}, {"FACEPASS_NONSENSE": core("API_KEYS")}, {"ENCRYPTION_KEY_FILE": "/nowhere"}):
        done = facepass("doctor", "--json", **wrong)
        assert done.returncode == 1
        assert_clean(done.stdout + done.stderr)


def test_a_store_that_refuses_our_keys_is_told_by_their_names(facepass: Run, object_store: ObjectStore) -> None:
    done = facepass("db", "backups", "--at", "s3://bucket/prefix", S3_ENDPOINT=object_store.address.endpoint)
    assert done.returncode == 3
    assert "S3_ACCESS_KEY" in done.stderr
    assert_clean(done.stdout + done.stderr)


def test_others_on_the_machine_see_no_secret_in_what_runs(onnx_models_dir: Path, data_dir: Path) -> None:
    marked = {name: value for name, value in markers(NOBODY).items() if name not in EXTERNAL}
    environment = {**environment_of(marked, data_dir), "MODELS_DIR": str(onnx_models_dir)}
    service = subprocess.Popen(
        [sys.executable, "-m", "facepass", "serve"], stderr=subprocess.PIPE, text=True, cwd=data_dir, env=environment
    )
    printed = []
    try:
        assert service.stderr is not None
        for line in service.stderr:
            printed.append(line)
            if "FacePass listens on" in line:
                break
        children = psutil.Process(service.pid).children(recursive=True)
        commands = [process.cmdline() for process in (psutil.Process(service.pid), *children)]
        inherited = [process.environ() for process in children]
    finally:
        service.send_signal(signal.SIGTERM)
        printed += service.communicate(timeout=TIMEOUT_S)[1].splitlines()
    assert service.returncode == 0, printed
    assert children, "the database runs as a child"
    its_password = (data_dir / "postgres" / "password").read_text(encoding="ascii").strip()
    for text in (repr(commands), "\n".join(printed), repr(inherited)):
        assert_clean(text)
        assert its_password not in text
