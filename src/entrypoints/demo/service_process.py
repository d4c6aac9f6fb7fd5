"""The service as its own user starts it: a process of its own, on loopback, reached over HTTP alone."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.environment import ALIASES, PREFIX, known_names, slices

LOOPBACK = "127.0.0.1"
START_TIMEOUT_S = 600.0
"""A first start fetches the models; later ones take seconds."""
STOP_TIMEOUT_S = 30.0
POLL_INTERVAL_S = 0.1
LOG_TAIL_LINES = 15
KEPT_SLICES = ("recognition",)
"""Settings of the caller that a private service shares: what is measured is the caller's choice of models."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a service.

    Attributes:
        url: where it will answer.
        environment: of the process, complete; holds secrets, shown by no repr.
        folder: its working directory; relative settings count from there.
        log: file that takes what it prints, from empty.
    """

    url: str
    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    log: Path


def private_launch(
    environment: Mapping[str, str], *, data_dir: Path, models_dir: Path, log: Path, api_key: str, port: int
) -> Launch:
    """A service on the embedded default that knows nothing of the caller's database, keys and addresses.

    Args:
        environment: the caller's.
        data_dir: must exist.
        models_dir: shared with the caller, so that models are prepared once.
        log: file that takes what the service prints.
        api_key: the only key.
        port: to listen on; 0 for a free one.
    """
    port = port or free_port()
    kept = {
        field.upper()
        for slice_name, struct in slices()
        if slice_name in KEPT_SLICES
        for field in struct.__struct_fields__
    }
    ours = {*known_names(), *ALIASES} - kept
    clean = {
        name: value
        for name, value in environment.items()
        if name.removeprefix(PREFIX) not in ours and name.removeprefix(PREFIX).removesuffix("_FILE") not in ours
    }
    settings = {
        "API_HOST": LOOPBACK,
        "API_PORT": str(port),
        "API_KEYS": api_key,
        "DATA_DIR": str(data_dir.absolute()),
        "MODELS_DIR": str(models_dir.absolute()),
        # Its only caller is whoever started it.
        "RATE_LIMIT_INDEX": "0",
        "RATE_LIMIT_SEARCH": "0",
    }
    return Launch(
        url=f"http://{LOOPBACK}:{port}",
        environment={**clean, **{PREFIX + name: value for name, value in settings.items()}},
        folder=data_dir,
        log=log,
    )


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


class ServiceProcess:
    """A started service. Made by `start`."""

    def __init__(self, process: "subprocess.Popen[bytes]", launch: Launch) -> None:
        # Not asyncio's kind, which kills the process when it is forgotten: a kept service outlives us.
        self._process = process
        self._log = launch.log
        self.url = launch.url

    @classmethod
    def start(cls, launch: Launch) -> "ServiceProcess":
        """Start the process; it is not ready yet.

        It leads a process group of its own, so that ctrl-C reaches only us and the service is ended in order.
        """
        with launch.log.open("wb") as log:
            process = subprocess.Popen(  # ourselves, with constant arguments  # nosec B603
                [sys.executable, "-m", "facepass.entrypoints.cli", "serve"],
                env=dict(launch.environment),
                cwd=launch.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return cls(process, launch)

    @property
    def pid(self) -> int:
        """Of the process that was started."""
        return self._process.pid

    async def ready(self, says: Callable[[str], None]) -> None:
        """Wait until the service takes requests.

        Args:
            says: called with the last line of its log while it gets ready.

        Raises:
            ConfigurationError: it ended, or is not ready within `START_TIMEOUT_S`.
        """
        try:
            async with asyncio.timeout(START_TIMEOUT_S), httpx.AsyncClient(trust_env=False) as client:
                while not await self._answers(client):
                    if self._process.poll() is not None:
                        raise ConfigurationError(
                            f"The service ended with {self._process.returncode} before it was ready:\n{self.log_tail()}"
                        )
                    says(self.log_tail(1))
                    await asyncio.sleep(POLL_INTERVAL_S)
        except TimeoutError as error:
            raise ConfigurationError(
                f"The service is not ready after {START_TIMEOUT_S:.0f} s:\n{self.log_tail()}"
            ) from error

    async def _answers(self, client: httpx.AsyncClient) -> bool:
        try:
            response = await client.get(f"{self.url}/health/ready", timeout=5.0)
        except httpx.TransportError:
            return False
        # Another process may hold the port: only an answer while ours lives is ours.
        return response.status_code == httpx.codes.OK and self._process.poll() is None

    def log_tail(self, lines: int = LOG_TAIL_LINES) -> str:
        """The last lines the service printed."""
        with self._log.open("rb") as log:
            log.seek(max(0, self._log.stat().st_size - 16_384))
            return "\n".join(log.read().decode("utf-8", "replace").splitlines()[-lines:])

    async def ended(self) -> int:
        """Wait for the process to end by itself; its exit status."""
        while (status := self._process.poll()) is None:  # noqa: ASYNC110 a process sets no event
            await asyncio.sleep(POLL_INTERVAL_S)
        return status

    async def stop(self) -> None:
        """End the process and wait for it: by SIGTERM, and by SIGKILL to its group if that takes too long."""
        if self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self.ended(), STOP_TIMEOUT_S)
        except TimeoutError:
            os.killpg(self._process.pid, signal.SIGKILL)
            await self.ended()

    def release(self) -> None:
        """Let the process live on: from here on its end is the caller's business."""
        # Without a status `subprocess` warns that the process still runs, which is what was asked for.
        self._process.returncode = 0
