"""uvicorn against granian, under the whole application: pings, and searches on real faces.

    python benchmarks/servers.py --rounds 3 --seconds 5
    python benchmarks/servers.py --memory        # without models or database: what the server itself costs

Each server runs in a process of its own with one worker; rounds alternate between them, so that what else happens on
the machine meets both. Needs `granian` beside the development dependencies. Printed: the median over rounds.
"""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import load
from litestar import Litestar

from facepass.entrypoints import logs
from facepass.entrypoints.container import build_container, in_memory
from facepass.entrypoints.environment import load_settings
from facepass.entrypoints.http.app import create_app
from facepass.entrypoints.lifespan import running

SERVERS = ("uvicorn", "granian")
SESSION = "benchmark"
PEOPLE = 20
START_TIMEOUT_S = 600.0
MEMORY = "BENCHMARK_IN_MEMORY"


def make_app() -> Litestar:
    """What both servers run, made in their processes."""
    settings = load_settings(os.environ)
    logs.configure(settings.logging)
    container = in_memory(settings) if os.environ.get(MEMORY) else build_container(settings)
    return create_app(container, lifespan=lambda: running(container, progress=lambda _: None))


def command(server: str, port: int) -> list[str]:
    """How each is started: one worker, no access log of its own, its fastest loop and parser."""
    common = ["--host", "127.0.0.1", "--port", str(port)]
    if server == "uvicorn":
        options = ["--factory", "--no-access-log", "--log-level", "warning", "--loop", "uvloop", "--http", "httptools"]
        return [sys.executable, "-m", "uvicorn", "servers:make_app", *common, *options]
    options = ["--interface", "asgi", "--factory", "--loop", "uvloop", "--log-level", "warning", "--workers", "1"]
    return [sys.executable, "-m", "granian", *common, *options, "servers:make_app"]


@contextlib.contextmanager
def served(server: str, *, memory: bool, models_dir: Path) -> Iterator[int]:
    """A running server's port."""
    with tempfile.TemporaryDirectory(prefix="facepass-bench-") as folder:
        Path(folder).chmod(0o711)  # the embedded database runs as another user when this one is root
        port = load.free_port()
        environment = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parent),
            "FACEPASS_DATA_DIR": folder,
            "FACEPASS_MODELS_DIR": str(models_dir.absolute()),
            "FACEPASS_API_KEYS": load.KEY,
            "FACEPASS_LOG_FORMAT": "json",
            MEMORY: "1" if memory else "",
        }
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(command(server, port), env=environment, stdout=log, stderr=log)  # noqa: S603 - ours
            try:
                yield port
            finally:
                process.terminate()
                process.wait(60)


def pictures(*, memory: bool) -> list[bytes]:
    """A picture a person."""
    if not memory:
        return [load.portrait(person, 1) for person in range(1, PEOPLE + 1)]
    face = {"x": 10, "y": 10, "size": 40}
    return [
        json.dumps({"width": 64, "height": 64, "faces": [{"person": person, **face}]}).encode()
        for person in range(PEOPLE)
    ]


async def measure(port: int, *, memory: bool, seconds: float, connections: int) -> dict[str, load.Outcome]:
    """Index the people, warm up, then ping and search."""
    await load.until_ready(port, timeout_s=START_TIMEOUT_S)
    shown = pictures(memory=memory)
    ids = [{"session_id": SESSION, "photo_id": str(number)} for number in range(len(shown))]
    index = [load.post_form("/api/v1/index", fields, picture) for fields, picture in zip(ids, shown, strict=True)]
    search = [load.post_form("/api/v1/search", {"session_id": SESSION}, picture) for picture in shown]
    await load.run(port, index, connections=2, seconds=seconds / 2)
    await load.run(port, search, connections=connections, seconds=1)
    pings = await load.run(port, [load.get("/health/live")], connections=connections, seconds=seconds)
    searches = await load.run(port, search, connections=connections, seconds=seconds)
    return {"ping": pings, "search": searches}


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--memory", action="store_true", help="in-memory adapters")
    parser.add_argument("--models-dir", type=Path, default=Path(".facepass/models"))
    chosen = parser.parse_args()
    results: dict[tuple[str, str], list[load.Outcome]] = {}
    for number in range(chosen.rounds):
        for server in SERVERS if number % 2 == 0 else reversed(SERVERS):
            with served(server, memory=chosen.memory, models_dir=chosen.models_dir) as port:
                outcomes = asyncio.run(
                    measure(port, memory=chosen.memory, seconds=chosen.seconds, connections=chosen.connections)
                )
            for kind, outcome in outcomes.items():
                results.setdefault((kind, server), []).append(outcome)
                unexpected = {status: count for status, count in outcome.statuses.items() if status != 200}
                if unexpected:
                    print(f"round {number + 1}: {server} {kind} answered {unexpected}")
    print(f"{'':8} {'server':8} {'req/s':>9} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8}")
    for (kind, server), outcomes in sorted(results.items()):
        figures = [
            statistics.median(outcome.per_second() for outcome in outcomes),
            *(statistics.median(outcome.quantile_ms(at) for outcome in outcomes) for at in (0.5, 0.95, 0.99)),
        ]
        print(f"{kind:8} {server:8} {figures[0]:9.1f} {figures[1]:8.2f} {figures[2]:8.2f} {figures[3]:8.2f}")


if __name__ == "__main__":
    main()
