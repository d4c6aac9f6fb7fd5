"""One process of the cluster: started, watched and ended by its own process id, its words in a file of its own."""

import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = "127.0.0.1"
PORTS = range(15_000, 32_768)
"""Below those that systems give to outgoing connections: a part that is started again finds its port free."""
PORT_ATTEMPTS = 100
POLL_S = 0.05
STOP_TIMEOUT_S = 40.0
LOG_TAIL_LINES = 15


class ClusterError(Exception):
    """The cluster cannot be had as asked for; says why."""


def free_port() -> int:
    """A port on loopback that nobody listens on.

    Raises:
        ClusterError: none was found.
    """
    for port in random.sample(PORTS, PORT_ATTEMPTS):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if probe.connect_ex((LOOPBACK, port)) != 0:
                try:
                    probe.bind((LOOPBACK, port))
                except OSError:
                    continue
                return port
    raise ClusterError(f"no free port found from {PORTS.start} to {PORTS.stop - 1}")


def wait_for(true: Callable[[], bool], *, timeout_s: float, what: str) -> None:
    """Return once it is true.

    Raises:
        ClusterError: it is not in time.
    """
    deadline = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > deadline:
            raise ClusterError(f"{what}: not within {timeout_s:g} s")
        time.sleep(POLL_S)


@dataclass
class Part:
    """A program and how it is run; it may be started again after it ended.

    Attributes:
        name: in the cluster.
        port: where it listens on loopback; 0 for nowhere.
        command: the program with its arguments, none of them secret: everybody on the machine may read them.
        environment: all of it.
        log: takes what it prints, one start after the other.
        folder: its working directory.
        configuration: for its standard input.
    """

    name: str
    port: int
    command: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    log: Path
    folder: Path
    configuration: str = field(default="", repr=False)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"{LOOPBACK}:{self.port}" if self.port else "-"

    @property
    def pid(self) -> int:
        """Of the process.

        Raises:
            ClusterError: it was never started.
        """
        if self.process is None:
            raise ClusterError(f"{self.name} was not started")
        return self.process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has been started and not ended."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it, in a session of its own: ctrl-C reaches only us, and we end it in order."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own arguments, no shell
                self.command,
                env=dict(self.environment),
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        if self.process.stdin is not None:
            with self.process.stdin as configuration:
                configuration.write(self.configuration.encode())

    def listening(self) -> bool:
        """Whether it takes connections.

        Raises:
            ClusterError: it has ended.
        """
        self.check()
        with socket.socket() as probe:
            return probe.connect_ex((LOOPBACK, self.port)) == 0

    def check(self) -> None:
        """See that it runs.

        Raises:
            ClusterError: it has ended; with its last words.
        """
        if not self.is_running:
            raise ClusterError(f"{self.name} has ended:\n{self.last_words()}")

    def last_words(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:])

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it alone; nothing where it has ended."""
        if self.process is not None:
            self.process.send_signal(number)

    def stop(self) -> int:
        """End it by SIGTERM and wait for it; its exit status."""
        self.signal(signal.SIGTERM)
        return self.ended()

    def ended(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Wait for the end that it was asked for, and force it where that takes too long; its exit status."""
        if self.process is None:
            return 0
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """End it as the kernel would, wherever it stands; its exit status."""
        if self.process is None:
            return 0
        self.process.kill()
        return self.process.wait(STOP_TIMEOUT_S)
