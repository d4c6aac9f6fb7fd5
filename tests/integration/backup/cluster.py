"""A PostgreSQL of a test's own, with a superuser: what the embedded one, for good reason, does not have."""

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from facepass.adapters.embedded_postgres.account import prepare_home
from facepass.adapters.embedded_postgres.binaries import program_folder

PASSWORD = "super"  # noqa: S105 - of a server that lives for one test
START_TIMEOUT_S = 60.0
POLL_S = 0.02
ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC"}


class Cluster:
    """Files below a folder that the server's account may enter; `start` and `stop` as often as wanted."""

    def __init__(self, root: Path) -> None:
        self.home = root / "cluster"
        self.account = prepare_home(self.home)
        self.programs = program_folder(self.home, self.account)
        self.environment = {**ENVIRONMENT, "PATH": f"{self.programs}:/usr/local/bin:/usr/bin:/bin"}
        self.port = 0
        self._running: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        return self.url_of("postgres", PASSWORD, "postgres")

    def url_of(self, role: str, password: str, database: str) -> str:
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}?sslmode=disable"

    def make(self, *parts: str) -> Path:
        """A folder of the account."""
        folder = self.home.joinpath(*parts)
        folder.mkdir(mode=0o700)
        self.account.own(folder)
        return folder

    def run(self, *command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a program as the account, with libpq's variables for the superuser."""
        libpq = {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "postgres", "PGPASSWORD": PASSWORD}
        return subprocess.run(  # noqa: S603 - our own arguments, no shell
            [str(part) for part in command],
            env={**self.environment, **libpq, **variables},
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            timeout=START_TIMEOUT_S,
            **self.account.run_as,
        )

    def initialise(self) -> Path:
        data, secret = self.home / "data", self.home / "password"
        secret.write_text(PASSWORD)
        self.account.own(secret)
        done = self.run(
            *("initdb", "-D", data, "--username=postgres", f"--pwfile={secret}", "--auth=scram-sha-256"),
            *("--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"),
        )
        assert done.returncode == 0, done.stderr
        return data

    def start(self, data: Path | None = None, **settings: str) -> "Cluster":
        """Start a server on a data folder, by default a new one; returns when it takes connections."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        data = data or self.initialise()
        wanted = {"port": str(self.port), "listen_addresses": "127.0.0.1", "unix_socket_directories": "", **settings}
        arguments = [part for name, value in wanted.items() for part in ("-c", f"{name}={value}")]
        with (self.home / f"{data.name}.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own arguments, no shell
                [str(self.programs / "postgres"), "-D", str(data), *arguments],
                stdout=log,
                stderr=log,
                env=self.environment,
                cwd=self.home,
                **self.account.run_as,
            )
        self._running.append(process)
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.run("pg_isready", "-q").returncode:
            words = (self.home / f"{data.name}.log").read_text()
            assert process.poll() is None, words
            assert time.monotonic() < deadline, words
            time.sleep(POLL_S)
        return self

    def stop(self) -> None:
        """Stop every server that was started."""
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
            process.wait(timeout=START_TIMEOUT_S)
        self._running.clear()
        shutil.rmtree(self.home)
