"""Does anybody notice that replicas are restarted?

    python benchmarks/rolling_restart.py MODELS_DIR

The cluster of `deploy/local-cluster` without workers; 10,000 requests through its balancer over kept connections: reads
that cost little, searches with a face and photos to index, nothing tried twice. Meanwhile each replica in turn gets
SIGTERM, is waited for and started again, over and over until all requests are answered. Then every photo that was
acknowledged is looked for. Ends with 1 where anything failed or is missing.
"""

import argparse
import asyncio
import collections
import itertools
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import load

sys.path.append(str(Path(__file__).parents[1] / "deploy" / "local-cluster"))

from cluster import Cluster, Options, running

V1 = "/api/v1"
SESSION = "rolling"
PEOPLE = 5
TARGET_FAILED = 0
ANSWER_TIMEOUT_S = 30.0
CYCLE = 100
"""Of so many requests in a row one is a photo to index and a few are searches; the others are cheap."""
SEARCHES = 5


@dataclass(slots=True)
class Seen:
    """What the clients saw.

    Attributes:
        latencies_ms: of answers, by kind of request.
        statuses: how many answers had each.
        broken: what ended a request without an answer.
        indexed: ids of photos that were acknowledged.
    """

    latencies_ms: dict[str, list[float]] = field(default_factory=lambda: collections.defaultdict(list))
    statuses: collections.Counter[int] = field(default_factory=collections.Counter)
    broken: collections.Counter[str] = field(default_factory=collections.Counter)
    indexed: set[str] = field(default_factory=set)

    @property
    def failed(self) -> int:
        """Requests without an answer, or with one that is no success."""
        wrong = sum(count for status, count in self.statuses.items() if not 200 <= status < 300)
        return wrong + self.broken.total()

    @property
    def total(self) -> int:
        """All requests that were sent."""
        return self.statuses.total() + self.broken.total()


class Mix:
    """The requests, numbered, ready to be written to a connection."""

    def __init__(self, api_key: str) -> None:
        self._api_key = api_key
        self._portraits = [load.portrait(person, 1) for person in range(1, PEOPLE + 1)]
        paths = ("/health/live", f"{V1}/upload/supported-formats", f"{V1}/search/status/{SESSION}")
        self._cheap = [self._signed(load.get(path)) for path in paths]
        self._searches = [
            self._signed(load.post_form(f"{V1}/search", {"session_id": SESSION}, portrait))
            for portrait in self._portraits
        ]

    def _signed(self, request: bytes) -> bytes:
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.startswith(b"X-API-Key")]
        return b"\r\n".join([*lines, f"X-API-Key: {self._api_key}".encode()]) + b"\r\n\r\n" + body

    def photo(self, number: int) -> bytes:
        """Indexes the photo with this number."""
        fields = {"session_id": SESSION, "photo_id": f"p{number}"}
        return self._signed(load.post_form(f"{V1}/index", fields, self._portraits[number % PEOPLE]))

    def request(self, number: int) -> tuple[str, bytes]:
        """Its kind and its bytes."""
        place = number % CYCLE
        if place == 0:
            return "index", self.photo(number)
        if place % (CYCLE // SEARCHES) == 1:
            return "search", self._searches[number % PEOPLE]
        return "read", self._cheap[number % len(self._cheap)]


async def visit(port: int, mix: Mix, numbers: Iterator[int], seen: Seen) -> None:
    """One client: a request after the other over one connection, and over another only when that was closed."""
    reader, writer = await connect(port)
    for number in numbers:
        kind, request = mix.request(number)
        began = time.perf_counter()
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                writer.write(request)
                status = await load.read_answer(reader)
        except (OSError, EOFError, TimeoutError) as error:
            seen.broken[f"{kind}: {type(error).__name__}"] += 1
            writer.close()
            reader, writer = await connect(port)
            continue
        seen.latencies_ms[kind].append(1e3 * (time.perf_counter() - began))
        seen.statuses[status] += 1
        if kind == "index" and 200 <= status < 300:
            seen.indexed.add(f"p{number}")
    writer.close()


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the balancer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return reader, writer


async def roll(cluster: Cluster, over: asyncio.Event) -> tuple[list[float], list[int]]:
    """Restart one replica after the other while there is load; how long each took, and exit statuses."""
    took_s, exits = [], []
    for part in itertools.cycle(cluster.replicas):
        if over.is_set():
            return took_s, exits
        began = time.perf_counter()
        exits.append(await asyncio.to_thread(cluster.restart, part))
        took_s.append(time.perf_counter() - began)
    raise AssertionError("a cycle does not end")


async def measure(cluster: Cluster, *, requests: int, connections: int) -> bool:
    """The whole of it; whether nothing failed."""
    mix, seen, over = Mix(cluster.api_key), Seen(), asyncio.Event()
    numbers = iter(range(requests))
    async with httpx.AsyncClient(base_url=cluster.url, headers={"X-API-Key": cluster.api_key}, timeout=60) as client:
        reader, writer = await connect(cluster.port)
        writer.write(mix.photo(0))
        assert 200 <= await load.read_answer(reader) < 300
        writer.close()
        began = time.perf_counter()
        rolling = asyncio.create_task(roll(cluster, over))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(connections):
                    group.create_task(visit(cluster.port, mix, numbers, seen))
        finally:
            over.set()
        elapsed_s = time.perf_counter() - began
        took_s, exits = await rolling
        missing = [
            photo
            for photo in seen.indexed
            if (await client.get(f"{V1}/index/{SESSION}/photos/{photo}")).status_code != httpx.codes.OK
        ]
    report(seen, elapsed_s, took_s)
    print(f"photos acknowledged {len(seen.indexed)}, missing {len(missing)}; exit statuses {sorted(set(exits))}")
    whole = len(took_s) >= len(cluster.replicas)
    if not whole:
        print(f"only {len(took_s)} restarts fell into the load: ask for more --requests")
    return whole and seen.failed <= TARGET_FAILED and not missing and set(exits) == {0}


def report(seen: Seen, elapsed_s: float, took_s: list[float]) -> None:
    """What was seen, beside the target."""
    print(f"{'requests':10} {'count':>7} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8} {'max ms':>8}")
    for kind, latencies_ms in sorted(seen.latencies_ms.items()):
        ordered = sorted(latencies_ms)
        shown = [ordered[min(len(ordered) - 1, int(part * len(ordered)))] for part in (0.5, 0.95, 0.99, 1)]
        print(f"{kind:10} {len(ordered):7} " + " ".join(f"{value:8.1f}" for value in shown))
    print(f"{seen.total} requests in {elapsed_s:.1f} s, {seen.total / elapsed_s:.0f} a second")
    print(f"restarts {len(took_s)}, each {statistics.median(took_s):.1f} s" if took_s else "no restart")
    print(f"statuses {dict(seen.statuses)}, broken {dict(seen.broken)}")
    print(f"failed {seen.failed} of {seen.total}; target {TARGET_FAILED}")


def main() -> int:
    """Start the cluster, measure, end it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models_dir", type=Path, help="prepared models")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--lead-s", default="2", help="SHUTDOWN_LEAD_S; 0 shows what it is for (default: 2)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="facepass-rolling-") as folder:
        Path(folder).chmod(0o711)  # the database runs as another user when this one is root
        settings = {
            "RATE_LIMIT_INDEX": "0",
            "RATE_LIMIT_SEARCH": "0",
            "DATABASE_SEARCH_MAX_FACES": "0",
            "SHUTDOWN_LEAD_S": asked.lead_s,
        }
        options = Options(data_dir=Path(folder), models_dir=asked.models_dir, workers=0, port=0, settings=settings)
        with running(options, print) as cluster:
            fine = asyncio.run(measure(cluster, requests=asked.requests, connections=asked.connections))
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
