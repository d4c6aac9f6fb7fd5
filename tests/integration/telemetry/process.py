"""`facepass serve` as a process of its own, with a collector."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from facepass.entrypoints.demo.service_process import free_port

KEY = "key-of-traced-services"
HEADERS = {"X-API-Key": KEY}
V1 = "/api/v1"
TIMEOUT_S = 60.0
KEPT = ("PATH", "PYTHONPATH", "HOME", "LANG", "COVERAGE_PROCESS_START")


@dataclass
class Service:
    """One that runs.

    Attributes:
        client: calls it.
        log: what it writes, as JSON.
    """

    client: httpx.Client
    process: "subprocess.Popen[bytes]"
    log: Path

    def stop(self) -> float:
        """End it in order; how long that took, in seconds."""
        begun_s = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(TIMEOUT_S) == 0, self.log.read_text()
        return time.monotonic() - begun_s

    def lines(self) -> list[dict[str, Any]]:
        """Of its log, those that are JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


@contextmanager
def serving(
    folder: Path, settings: Mapping[str, str], *, command: Sequence[str] = (sys.executable, "-m", "facepass", "serve")
) -> Iterator[Service]:
    """One with these settings and no other of this machine, once it answers."""
    port, log = free_port(), folder / "service.log"
    environment = {
        **{name: os.environ[name] for name in KEPT if name in os.environ},
        "DATA_DIR": str(folder / "data"),
        "API_KEYS": KEY,
        "API_PORT": str(port),
        "LOG_FORMAT": "json",
        **settings,
    }
    with log.open("wb") as written:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=written, stderr=written)  # noqa: S603 - ours
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_S, trust_env=False) as client:
            _wait_until_ready(client, process, log)
            yield Service(client, process, log)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _wait_until_ready(client: httpx.Client, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline_s = time.monotonic() + TIMEOUT_S
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline_s, log.read_text()
        try:
            if client.get("/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
