"""What telemetry costs: searches a second with all of it, and with none.

    python benchmarks/telemetry.py
    python benchmarks/telemetry.py --same        # none on both sides: what the method itself shows

One process serves twice, on two ports, over one PostgreSQL and one session of real faces, each side with a container
and real models of its own. One side has everything on: the access log, every metric and a scrape each 5 s, traces of
which one in ten is kept and sent to a collector here. The other has nothing: no access log, no traces, and the
container's ports without the decorators that count. Two processes would not do: one and the same program differs from
start to start by more than what is looked for here. A client in a process of its own keeps connections busy with
searches, at one side after the other, in pairs whose order alternates. What counts is the ratio of the sums over all
pairs; processor time beside it tells the same on a machine that has other things to do. Ends with 1 where the ratio is
below 0.97.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import load
import msgspec
import psutil
import service
import uvloop
from dependency_injector import providers

from facepass.entrypoints import logs
from facepass.entrypoints.container import Container, build_container
from facepass.entrypoints.draining import DrainingServer
from facepass.entrypoints.environment import load_settings
from facepass.entrypoints.gauging import gauged
from facepass.entrypoints.http.app import create_app
from facepass.entrypoints.lifespan import running
from facepass.entrypoints.serve import bind, server_config
from facepass.entrypoints.settings import Database, Secret, Tracing

TARGET = 0.97
PEOPLE = 20
SESSION = "benchmark"
SCRAPE_EVERY_S = 5.0
WARM_UP_S = 3.0
COUNTED = ("decoder", "detector", "quality", "model", "models", "admission", "unit_of_work", "image_source")
"""Ports that are wrapped; the container has each without its wrappers, too, as `bare_…`."""
SAME = "BENCHMARK_SAME"


class Silent:
    """In place of what counts."""

    def observe(self, *_: object, **__: object) -> None:
        """Nothing."""


def bare(container: Container) -> Container:
    """The container without anything that counts on the way of a request."""
    for name in COUNTED:
        getattr(container, name).override(getattr(container, f"bare_{name}"))
    container.rate_limiter.override(container.shared_rate_limiter)
    container.request_metrics.override(providers.Object(Silent()))
    container.batch_sizes.override(providers.Object(Silent()))
    return container


def containers() -> Iterator[Container]:
    """Both sides; the second is to be taken when the first has opened the database."""
    settings = load_settings(os.environ)
    on = build_container(settings)
    yield bare(on) if os.environ.get(SAME) else on
    silent = {
        "database": Database(database_url=Secret(on.database_url())),
        "logging": msgspec.structs.replace(settings.logging, access_log=False),
        "tracing": Tracing(),
    }
    yield bare(build_container(msgspec.structs.replace(settings, **silent)))


async def serve_both(off_port: int) -> None:
    """What the serving process does, until SIGTERM."""
    made, stop = containers(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        for port in (None, off_port):
            container = next(made)
            await stack.enter_async_context(running(container, progress=print))
            if port is None:
                await stack.enter_async_context(gauged(container))
            await stack.enter_async_context(served(container, port or container.settings().server.api_port))
        await stop.wait()


@contextlib.asynccontextmanager
async def served(container: Container, port: int) -> AsyncIterator[None]:
    """One side, as `facepass serve` does it."""
    settings = container.settings()
    config = server_config(create_app(container), max_frame_bytes=settings.uploads.max_upload_bytes)
    with bind("127.0.0.1", port) as listener:
        server = DrainingServer(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield
        finally:
            server.ends_at_s = asyncio.get_running_loop().time()
            server.should_exit = True
            await serving


def serve(off_port: int) -> None:
    """The serving process, on the event loop that the service has."""
    logs.configure(load_settings(os.environ).logging)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_both(off_port))


class Collector(ThreadingHTTPServer):
    """Takes spans and counts their bytes."""

    daemon_threads = True
    received_bytes = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Takes(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Collector

    def do_POST(self) -> None:
        """Read, and say that it was taken."""
        self.server.received_bytes += len(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    """A collector as long as the block lasts."""
    with Collector(("127.0.0.1", 0), _Takes) as collector:
        thread = threading.Thread(target=collector.serve_forever, daemon=True)
        thread.start()
        try:
            yield collector
        finally:
            collector.shutdown()


@dataclass
class Side:
    """One of the two, over all pairs.

    Attributes:
        scraped: whether Prometheus looks at it.
        processor_s: of the serving process while this side was measured; that of others does not show in it.
    """

    port: int
    scraped: bool
    per_s: list[float] = field(default_factory=list)
    processor_s: float = 0.0
    unscraped_s: float = SCRAPE_EVERY_S

    def measure(self, pid: int, requests: list[bytes], *, connections: int, seconds: float) -> float:
        """Searches a second for a while."""
        before = psutil.Process(pid).cpu_times()
        outcome = asyncio.run(self._run(requests, connections=connections, seconds=seconds))
        after = psutil.Process(pid).cpu_times()
        self.processor_s += after.user + after.system - before.user - before.system
        if set(outcome.statuses) != {200}:
            raise SystemExit(f"answered {outcome.statuses}")
        self.per_s.append(outcome.per_second())
        return self.per_s[-1]

    def forget(self) -> None:
        """What was measured until now was for warming up."""
        self.per_s, self.processor_s = [], 0.0

    async def _run(self, requests: list[bytes], *, connections: int, seconds: float) -> load.Outcome:
        self.unscraped_s += seconds
        scrape = self.scraped and self.unscraped_s >= SCRAPE_EVERY_S
        if scrape:
            self.unscraped_s -= SCRAPE_EVERY_S
        searching = load.run(self.port, requests, connections=connections, seconds=seconds)
        outcome, _ = await asyncio.gather(searching, self._scraped() if scrape else asyncio.sleep(0))
        return outcome

    async def _scraped(self) -> None:
        """As Prometheus does, but more often."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(load.get("/metrics"))
        if await load.read_answer(reader) != 200:
            raise SystemExit("no metrics")
        writer.close()


def fill(port: int) -> None:
    """A session of real faces."""
    requests = [
        load.post_form(
            "/api/v1/index", {"session_id": SESSION, "photo_id": f"photo {person}"}, load.portrait(person, 1)
        )
        for person in range(1, PEOPLE + 1)
    ]

    async def send() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in requests:
            writer.write(request)
            if (status := await load.read_answer(reader)) != 200:
                raise SystemExit(f"answered {status}")
        writer.close()

    asyncio.run(send())


def compare(on: Side, off: Side, pid: int, chosen: argparse.Namespace) -> float:
    """Print each pair; the ratio of the sums."""
    selfies = [
        load.post_form("/api/v1/search", {"session_id": SESSION}, load.portrait(person, 2))
        for person in range(1, PEOPLE + 1)
    ]
    for side in (on, off):
        side.measure(pid, selfies, connections=chosen.connections, seconds=WARM_UP_S)
        side.forget()
    print("pair      on     off   ratio   (searches a second)")
    for number in range(chosen.pairs):
        for side in (on, off) if number % 2 == 0 else (off, on):
            side.measure(pid, selfies, connections=chosen.connections, seconds=chosen.seconds)
        pair = on.per_s[-1], off.per_s[-1]
        print(f"{number + 1:4d}  {pair[0]:6.2f}  {pair[1]:6.2f}  {pair[0] / pair[1]:6.3f}", flush=True)
    costs = [1e3 * side.processor_s / (sum(side.per_s) * chosen.seconds) for side in (on, off)]
    print(f"\nprocessor time for a search: {costs[0]:.2f} ms on, {costs[1]:.2f} ms off, {costs[0] / costs[1] - 1:+.1%}")
    return sum(on.per_s) / sum(off.per_s)


def main() -> None:
    """Start both, alternate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each half of a pair (3)")
    parser.add_argument("--connections", type=int, default=4, help="as many as are looked at at once (4)")
    parser.add_argument("--models-dir", type=Path, default=Path(".facepass/models"))
    parser.add_argument("--same", action="store_true", help="nothing on either side")
    parser.add_argument("--serve", type=int, metavar="PORT", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve(chosen.serve)
        return
    with collecting() as collector:
        settings = {
            "RATE_LIMIT_SEARCH": "0",
            "RATE_LIMIT_INDEX": "0",
            "OTEL_TRACES_SAMPLER_ARG": "0.1",
            **({SAME: "1", "ACCESS_LOG": "false"} if chosen.same else {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}),
        }
        off_port = load.free_port()
        command = [__file__, "--serve", str(off_port)]
        with service.running(chosen.models_dir, settings, command=command) as serving:
            asyncio.run(load.until_ready(off_port, timeout_s=service.READY_TIMEOUT_S))
            fill(serving.port)
            on, off = Side(serving.port, scraped=not chosen.same), Side(off_port, scraped=False)
            ratio = compare(on, off, serving.pid, chosen)
            lines = (serving.folder / "log").read_text().count('"event": "request"')
        print(f"written {lines} access lines, sent {collector.received_bytes / 1e6:.2f} MB of spans")
        if chosen.same is bool(lines and collector.received_bytes):
            raise SystemExit("that was not what it was meant to be")
    print(f"\nall of it on / all off, sums over {chosen.pairs} pairs: {ratio:.4f} of at least {TARGET}")
    sys.exit(ratio < TARGET)


if __name__ == "__main__":
    main()
