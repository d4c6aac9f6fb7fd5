"""The processes of a small installation, each of which can be killed and comes back by itself, as under systemd."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from facepass.adapters.embedded_postgres.server import Server, TimeLimits
from facepass.adapters.pgvector import migrate
from facepass.adapters.pgvector.engine import PoolSettings
from facepass.entrypoints.demo.service_process import free_port

KEY = "kills-" + 32 * "k"
LIMITS = TimeLimits()


@dataclass
class Machine:
    """One process, started again whenever it is found dead."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    log: Path
    starts: int = 0
    _process: "subprocess.Popen[bytes] | None" = None

    def revive(self) -> None:
        """Start it, unless it runs."""
        if self._process is not None and self._process.poll() is None:
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-m", "facepass", *self.arguments],
                env=dict(self.environment),
                cwd=self.log.parent,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.starts += 1

    def kill(self) -> None:
        """End it as the kernel would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> int | None:
        """End it in order; its exit status."""
        if self._process is None:
            return None
        self._process.terminate()
        try:
            return self._process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            return self._process.wait()


class Database:
    """The embedded PostgreSQL, as a server of its own."""

    name = "postgresql"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._server = Server(folder, port=self._port, limits=LIMITS)
        self.url = self._server.open()
        self.starts = 1

    def kill(self) -> None:
        """End the postmaster as the kernel would, without a word, and see it gone."""
        pid = int((self._folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
        process = psutil.Process(pid)
        process.kill()
        psutil.wait_procs([process], timeout=5)

    def revive(self) -> None:
        """Start it, unless it runs."""
        pid_file = self._folder / "postgres" / "data" / "postmaster.pid"
        try:
            alive = psutil.pid_exists(int(pid_file.read_text().split()[0]))
        except (OSError, ValueError):
            alive = False
        if not alive:
            self._server.close()
            self._server = Server(self._folder, port=self._port, limits=LIMITS)
            self._server.open()
            self.starts += 1

    def close(self) -> None:
        """Stop it."""
        self._server.close()


@dataclass(frozen=True)
class Installation:
    """PostgreSQL, one API process and some workers over one folder of photos."""

    database: Database
    api: Machine
    workers: tuple[Machine, ...]
    url: str

    @property
    def machines(self) -> "tuple[Database | Machine, ...]":
        """All that can be killed."""
        return (self.database, self.api, *self.workers)

    def revive(self) -> None:
        """Start whatever is dead."""
        for machine in self.machines:
            machine.revive()


@contextmanager
def installed(
    photos: Path, models_dir: Path, *, workers: int, concurrency: int = 2, settings: Mapping[str, str] | None = None
) -> Iterator[Installation]:
    """An installation on loopback, ready to be used; all of it is ended with the block.

    Args:
        photos: folder of the photos.
        models_dir: prepared models.
        workers: how many processes.
        concurrency: photos that each has in hand at once.
        settings: environment variables beside the installation's own.
    """
    folder = Path(tempfile.mkdtemp(prefix="facepass-kills-"))
    folder.chmod(0o755)
    database = Database(folder)
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("FACEPASS_")},
        "FACEPASS_DATABASE_URL": database.url,
        "FACEPASS_DATA_DIR": str(folder),
        "FACEPASS_MODELS_DIR": str(models_dir.absolute()),
        "FACEPASS_PHOTO_ROOT": str(photos.absolute()),
        "FACEPASS_API_KEYS": KEY,
        "FACEPASS_API_PORT": str(port),
        "FACEPASS_RATE_LIMIT_INDEX": "0",
        "FACEPASS_RATE_LIMIT_SEARCH": "0",
        "FACEPASS_ML_THREADS": "1",
        "FACEPASS_LOG_FORMAT": "json",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        **(settings or {}),
    }
    asyncio.run(migrate.upgrade(database.url, PoolSettings()))
    installation = Installation(
        database,
        Machine("api", ["serve"], environment, folder / "api.log"),
        tuple(
            Machine(
                f"worker-{number}",
                ["worker", "--concurrency", str(concurrency)],
                environment,
                folder / f"worker-{number}.log",
            )
            for number in range(workers)
        ),
        f"http://127.0.0.1:{port}",
    )
    try:
        installation.revive()
        yield installation
    finally:
        for machine in (installation.api, *installation.workers):
            machine.stop()
        database.close()
        shutil.rmtree(folder)
