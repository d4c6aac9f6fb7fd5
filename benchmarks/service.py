"""The real service in a process of its own, for benchmarks that measure it from outside."""

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import load

READY_TIMEOUT_S = 600.0
STOP_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Running:
    """A service that answers.

    Attributes:
        port: on 127.0.0.1.
        pid: of the process itself; the embedded PostgreSQL is its descendant or stands beside it.
        folder: its `DATA_DIR`.
    """

    port: int
    pid: int
    folder: Path

    def database_pid(self) -> int | None:
        """Process of the embedded PostgreSQL; None when it is not there."""
        try:
            return int((self.folder / "postgres" / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None


@contextlib.contextmanager
def running(
    models_dir: Path,
    settings: Mapping[str, str] | None = None,
    *,
    command: Sequence[str] = ("-m", "facepass", "serve"),
) -> Iterator[Running]:
    """`facepass serve` on an embedded PostgreSQL in a temporary folder, until the block is left.

    Args:
        models_dir: prepared models.
        settings: environment variables beside the benchmark's own.
        command: arguments of Python.
    """
    with tempfile.TemporaryDirectory(prefix="facepass-bench-") as folder:
        Path(folder).chmod(0o711)  # the embedded database runs as another user when this one is root
        port = load.free_port()
        environment = {
            **os.environ,
            "FACEPASS_DATA_DIR": folder,
            "FACEPASS_MODELS_DIR": str(models_dir.absolute()),
            "FACEPASS_API_KEYS": load.KEY,
            "FACEPASS_API_PORT": str(port),
            "FACEPASS_LOG_FORMAT": "json",
            **(settings or {}),
        }
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen([sys.executable, *command], env=environment, stdout=log, stderr=log)  # noqa: S603 - ours
            try:
                asyncio.run(load.until_ready(port, timeout_s=READY_TIMEOUT_S))
                yield Running(port, process.pid, Path(folder))
            finally:
                process.terminate()
                process.wait(STOP_TIMEOUT_S)
