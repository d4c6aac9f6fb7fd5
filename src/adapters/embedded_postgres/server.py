"""One owner's hold on the server that all processes with the same DATA_DIR share.

Blocking code, run in threads by the launcher. `users.lock` is held shared by every owner for its whole life, so the
kernel counts them, also when one is killed; `start.lock` is held alone around every start and stop.
"""

import contextlib
import os
import random
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from facepass.adapters.embedded_postgres import cluster, postmaster
from facepass.adapters.embedded_postgres.account import Account, prepare_home
from facepass.adapters.embedded_postgres.binaries import program_folder
from facepass.adapters.embedded_postgres.locks import FileLock
from facepass.adapters.embedded_postgres.settings import server_arguments
from facepass.domain.errors import ConfigurationError, DependencyUnavailable

POLL_INTERVAL_S = 0.01
RETRY_INTERVAL_S = 0.1
MAX_LOG_BYTES = 4 << 20
PORTS = range(15_000, 32_768)  # below what systems give to outgoing connections
PORT_ATTEMPTS = 100
LOCALHOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """How long each step may take; recovery after a crash replays the log, so a start can be slow."""

    start_timeout_s: float = 60.0
    stop_timeout_s: float = 30.0

    @property
    def lock_timeout_s(self) -> float:
        """Another process may be starting or stopping the server first."""
        return self.start_timeout_s + self.stop_timeout_s


class Server:
    """Opens, keeps and closes one owner's share. Its methods take turns when several threads call them."""

    def __init__(self, data_dir: Path, *, port: int | None, limits: TimeLimits) -> None:
        self._home = data_dir.absolute() / "postgres"
        self._data = self._home / "data"
        self._wanted_port = port
        self._limits = limits
        self._turn = threading.Lock()  # each turn is bounded by the time limits
        self._port = 0
        self._pid = 0  # of a server that was ready; 0 for none
        self._log_start = 0
        self._account: Account
        self._programs: Path
        self._users: FileLock | None = None
        self._starting: FileLock | None = None

    @property
    def url(self) -> str:
        """Address and credentials. Without TLS: the connection never leaves the machine."""
        password = cluster.read_password(self._home)
        return f"postgresql://{cluster.ROLE}:{password}@{LOCALHOST}:{self._port}/{cluster.DATABASE}?sslmode=disable"

    def open(self) -> str:
        """Become an owner of the running server, creating and starting it where needed; its URL.

        Raises:
            ConfigurationError: it cannot be created or started here.
            DependencyUnavailable: it did not get ready in time.
        """
        with self._turn:
            if self._starting is None:
                self._open()
            return self.url

    def _open(self) -> None:
        self._account = prepare_home(self._home)
        self._starting = FileLock(self._home / "start.lock", self._account)
        self._users = FileLock(self._home / "users.lock", self._account)
        try:
            with self._starting.exclusive(self._limits.lock_timeout_s):
                self._users.share()
                self._programs = program_folder(self._home, self._account)
                if not self._data.exists():
                    cluster.initialise(
                        self._home, self._programs, self._account, timeout_s=self._limits.start_timeout_s
                    )
                cluster.check_version(self._data)
                self._adopt_or_start(port=self._wanted_port or self._last_port())
        except BaseException:
            self._close_locks()
            raise

    def is_running(self) -> bool:
        """Whether the server that was ready lives; cheap enough for an event loop."""
        return postmaster.is_server(self._pid, self._data)

    def bring_back(self) -> None:
        """Start the server again where it was, unless another owner already did.

        Raises:
            ConfigurationError, DependencyUnavailable: as for `open`.
        """
        with self._turn:
            if self._starting is None:
                raise DependencyUnavailable("database", "the embedded PostgreSQL is not started")
            with self._starting.exclusive(self._limits.lock_timeout_s):
                self._adopt_or_start(port=self._port)

    def close(self) -> None:
        """Give up our share; the last owner stops the server."""
        with self._turn:
            if self._starting is None or self._users is None:
                return
            try:
                with self._starting.exclusive(self._limits.lock_timeout_s):
                    if self._users.try_exclusive():
                        self._stop()
            finally:
                self._close_locks()
                self._pid = 0

    def _close_locks(self) -> None:
        for lock in (self._users, self._starting):
            if lock is not None:
                lock.close()
        self._users = self._starting = None

    def _last_port(self) -> int:
        """The port of last time, so that addresses stay; 0 for none yet."""
        try:
            return int((self._home / "port").read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return 0

    def _adopt_or_start(self, *, port: int) -> None:
        deadline = time.monotonic() + self._limits.start_timeout_s
        running = postmaster.read_pid_file(self._data)
        if running is not None and postmaster.is_server(running.pid, self._data):
            self._port = self._await_ready(running.pid, None, deadline)
            self._pid = running.pid
            return
        if running is not None:
            if postmaster.exists(running.pid):
                # a zombie, or a stranger with the same id: PostgreSQL would take either for a living server
                (self._data / "postmaster.pid").unlink(missing_ok=True)
            postmaster.end_orphans(self._data)
        if self._wanted_port is None and self._port == 0 and not (port and _is_free(port)):
            port = _free_port()  # nobody knows the address yet
        elif not _is_free(port):
            raise ConfigurationError(f"port {port} on {LOCALHOST}, where the database was to listen, is in use")
        while True:
            try:
                self._start(port, deadline)
            except ConfigurationError:
                # orphans of a killed server may take a moment to go; anything else is told after as many tries
                if time.monotonic() + RETRY_INTERVAL_S > deadline or not self._is_passing():
                    raise
                time.sleep(RETRY_INTERVAL_S)
            else:
                return

    def _start(self, port: int, deadline: float) -> None:
        log = self._home / "server.log"
        mode = "r+b" if log.exists() and log.stat().st_size < MAX_LOG_BYTES else "wb"
        with log.open(mode) as output:
            self._log_start = output.seek(0, os.SEEK_END)
            self._account.own(log)
            log.chmod(0o600)
            process = subprocess.Popen(  # noqa: S603 - our own arguments, no shell  # nosec B603
                [str(self._programs / "postgres"), "-D", str(self._data), *server_arguments(port)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=cluster.ENVIRONMENT,
                cwd=self._data,
                umask=0o077,
                start_new_session=True,  # Ctrl-C in our terminal is for us, and it may serve others after us
                **self._account.run_as,
            )
        # collects the exit status whenever it ends, also long after we let go: no zombies
        threading.Thread(target=process.wait, name="postgres-reaper", daemon=True).start()
        self._port = self._await_ready(process.pid, process, deadline)
        self._pid = process.pid
        remembered = self._home / "port"
        remembered.write_text(f"{self._port}\n", encoding="ascii")
        self._account.own(remembered)

    def _await_ready(self, pid: int, process: "subprocess.Popen[bytes] | None", deadline: float) -> int:
        """Wait until the server takes connections; its port. `process` where it is our child."""
        while True:
            known = postmaster.read_pid_file(self._data)
            if known is not None and known.pid == pid and known.status == postmaster.READY:
                return known.port
            if process is not None and process.poll() is not None:
                raise ConfigurationError(f"the embedded PostgreSQL did not start: {self._last_words()}")
            if process is None and not postmaster.is_server(pid, self._data):
                raise DependencyUnavailable("database", "the embedded PostgreSQL ended while starting")
            if time.monotonic() > deadline:
                raise DependencyUnavailable(
                    "database", f"the embedded PostgreSQL was not ready within {self._limits.start_timeout_s:g} s"
                )
            time.sleep(POLL_INTERVAL_S)

    def _last_words(self) -> str:
        """What the server wrote since it was last started: its first FATAL line, or the last line at all."""
        with (self._home / "server.log").open("rb") as file:
            file.seek(self._log_start)
            lines = file.read(MAX_LOG_BYTES).decode("utf-8", "replace").strip().splitlines()
        return next((line for line in lines if "FATAL:" in line), lines[-1] if lines else "it left no message")

    def _is_passing(self) -> bool:
        words = self._last_words()
        return "pre-existing shared memory block" in words or "lock file" in words

    def _stop(self) -> None:
        """A fast shutdown (SIGINT): sessions end, a checkpoint is written; harder when it takes too long."""
        known = postmaster.read_pid_file(self._data)
        if known is None or not postmaster.is_server(known.pid, self._data):
            return
        for how in (signal.SIGINT, signal.SIGQUIT):
            with contextlib.suppress(ProcessLookupError):
                os.kill(known.pid, how)
            deadline = time.monotonic() + self._limits.stop_timeout_s
            while postmaster.is_server(known.pid, self._data):
                if time.monotonic() > deadline:
                    break
                time.sleep(POLL_INTERVAL_S)
            else:
                return
        raise DependencyUnavailable(
            "database", f"the embedded PostgreSQL did not stop within {2 * self._limits.stop_timeout_s:g} s"
        )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as PostgreSQL does
        try:
            probe.bind((LOCALHOST, port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    for port in random.sample(PORTS, PORT_ATTEMPTS):
        if _is_free(port):
            return port
    raise ConfigurationError(f"no free port found from {PORTS.start} to {PORTS.stop - 1}: set POSTGRES_PORT")
