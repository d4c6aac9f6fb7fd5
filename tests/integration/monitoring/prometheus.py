"""A real Prometheus that collects from processes on loopback once a second, with our rules."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml

from facepass.entrypoints.demo.service_process import free_port
from tests.integration.monitoring import rules

START_TIMEOUT_S = 60.0
POLL_S = 0.1
VALUE = re.compile(r"(?:=>|^scalar:) (\S+) @\[")


@dataclass(frozen=True)
class Prometheus:
    """What runs.

    Attributes:
        url: of its API.
        client: of the same.
    """

    url: str
    client: httpx.Client

    def value(self, expr: str) -> float | None:
        """Of the first series that a query gives; None for none."""
        answer = self.client.get("/api/v1/query", params={"query": expr}).raise_for_status().json()
        series = answer["data"]["result"]
        return float(series[0]["value"][1]) if series else None

    def labels(self, name: str) -> set[str]:
        """All values of a label."""
        return set(self.client.get(f"/api/v1/label/{name}/values").raise_for_status().json()["data"])

    def values(self, expr: str, *, at_s: float) -> list[float]:
        """Of all series, as promtool tells them."""
        told = rules.promtool("query", "instant", f"--time={at_s:.3f}", self.url, expr)
        assert told.returncode == 0, told.stderr
        return [float(value) for line in told.stdout.splitlines() for value in VALUE.findall(line)]


def wait_until(true: Callable[[], bool], *, timeout_s: float, what: str) -> None:
    """Return once it is true."""
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s:g} s"
        time.sleep(POLL_S)


@contextmanager
def collecting(folder: Path, jobs: Mapping[str, Sequence[str]]) -> Iterator[Prometheus]:
    """Run it until the block is left.

    Args:
        folder: for its data.
        jobs: addresses by name of their job.
    """
    port = free_port()
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules.ALERTS)],
        "scrape_configs": [
            {"job_name": name, "static_configs": [{"targets": list(targets)}]} for name, targets in jobs.items()
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    command = [
        rules.program("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    url = f"http://127.0.0.1:{port}"
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, cwd=folder) as process,  # noqa: S603 - Debian's
        httpx.Client(base_url=url, trust_env=False) as client,
    ):
        try:

            def ready() -> bool:
                assert process.poll() is None, (folder / "log").read_text()
                try:
                    return client.get("/-/ready").status_code == httpx.codes.OK
                except httpx.TransportError:
                    return False

            wait_until(ready, timeout_s=START_TIMEOUT_S, what="Prometheus is ready")
            yield Prometheus(url, client)
        finally:
            process.terminate()
