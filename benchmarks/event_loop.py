"""Is the event loop ever blocked? The largest gap between turns while the service indexes and searches real faces.

    python benchmarks/event_loop.py --connections 16 --seconds 20

The service runs in this process, on the embedded default or whatever the environment configures, under uvicorn with
uvloop as `facepass serve` runs it. A task asks for a turn every millisecond and records how late it came, first idle,
then while a client in another process keeps N connections busy, half with searches and half with indexing.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

import load
import uvicorn

from facepass.entrypoints import logs
from facepass.entrypoints.container import build_container
from facepass.entrypoints.environment import load_settings
from facepass.entrypoints.http.app import create_app
from facepass.entrypoints.lifespan import running

TICK_S = 0.001
IDLE_S = 3.0
PEOPLE = 20
SESSION = "benchmark"


class LoopMonitor:
    """Asks for a turn every millisecond and records how late it came."""

    def __init__(self) -> None:
        self.gaps_ms: list[float] = []

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            due = time.perf_counter() + TICK_S
            await asyncio.sleep(TICK_S)
            self.gaps_ms.append(1e3 * max(0.0, time.perf_counter() - due))

    async def during(
        self, label: str, seconds: float | None, process: asyncio.subprocess.Process | None = None
    ) -> None:
        """Watch for a while, or while a process runs, and print."""
        self.gaps_ms.clear()
        task = asyncio.create_task(self.watch())
        if process is None:
            await asyncio.sleep(seconds or 0)
        else:
            await process.wait()
        task.cancel()
        ordered = sorted(self.gaps_ms)
        p50, p99, p999 = (ordered[int(at * (len(ordered) - 1))] for at in (0.5, 0.99, 0.999))
        print(
            f"{label:6} gaps of {len(ordered)} turns in ms: p50 {p50:.2f}, p99 {p99:.2f}, "
            f"p99.9 {p999:.2f}, largest {ordered[-1]:.2f}",
            flush=True,
        )


async def serve_and_watch(chosen: argparse.Namespace, folder: str) -> None:
    """The service and its monitor."""
    environment = {
        "FACEPASS_DATA_DIR": folder,
        "FACEPASS_MODELS_DIR": str(chosen.models_dir.absolute()),
        "FACEPASS_API_KEYS": load.KEY,
        "FACEPASS_LOG_FORMAT": "json",
        **os.environ,
    }
    settings = load_settings(environment)
    with (Path(folder) / "log").open("w") as log:
        logs.configure(settings.logging, log)
        container = build_container(settings)
        async with running(container, progress=print):
            port = load.free_port()
            config = uvicorn.Config(
                create_app(container), port=port, lifespan="off", log_config=None, access_log=False, loop="uvloop"
            )
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve())
            await load.until_ready(port, timeout_s=30)
            monitor = LoopMonitor()
            await monitor.during("idle", IDLE_S)
            client = await asyncio.create_subprocess_exec(
                sys.executable,
                __file__,
                *("--client", str(port), "--connections", str(chosen.connections), "--seconds", str(chosen.seconds)),
            )
            await monitor.during("loaded", None, client)
            server.should_exit = True
            await serving


async def put_load(port: int, *, connections: int, seconds: float) -> None:
    """In the client's process: half of the connections search, half index."""
    shown = [load.portrait(person, 1) for person in range(1, PEOPLE + 1)]
    index, search = [], []
    for number, picture in enumerate(shown):
        index.append(load.post_form("/api/v1/index", {"session_id": SESSION, "photo_id": str(number)}, picture))
        search.append(load.post_form("/api/v1/search", {"session_id": SESSION}, picture))
    await load.run(port, index[:1], connections=1, seconds=0)
    each = max(1, connections // 2)
    searches, indexes = await asyncio.gather(
        load.run(port, search, connections=each, seconds=seconds),
        load.run(port, index, connections=each, seconds=seconds),
    )
    for name, outcome in (("search", searches), ("index", indexes)):
        print(
            f"{name:6} {outcome.per_second():.1f} requests/s, p50 {outcome.quantile_ms(0.5):.0f} ms, "
            f"p95 {outcome.quantile_ms(0.95):.0f} ms, statuses {outcome.statuses}",
            flush=True,
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--models-dir", type=Path, default=Path(".facepass/models"))
    parser.add_argument("--client", type=int, metavar="PORT", help="be the client process")
    chosen = parser.parse_args()
    if chosen.client:
        asyncio.run(put_load(chosen.client, connections=chosen.connections, seconds=chosen.seconds))
        return
    with tempfile.TemporaryDirectory(prefix="facepass-bench-") as folder:
        Path(folder).chmod(0o711)  # the embedded database runs as another user when this one is root
        factory = uvicorn.Config("unused", loop="uvloop").get_loop_factory()
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(serve_and_watch(chosen, folder))


if __name__ == "__main__":
    main()
