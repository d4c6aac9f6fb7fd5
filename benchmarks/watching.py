"""Measures what `facepass serve` asks the database every 30 s for its metrics, on a large store that it fills.

    python benchmarks/watching.py --photos 1000000 --units 1000000

Photos and units of jobs are written by SQL, 100 photos a session and 1,000 units a job, one unit in 1,000 given up and
one in 100 still queued; faces are left out, for they are counted by session. On an embedded PostgreSQL in a temporary
folder. Each figure is the median of so many calls, in milliseconds; the last line is the same without the index on
units that were given up (migration 0007).
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg

from facepass.adapters.embedded_postgres.launcher import EmbeddedPostgres
from facepass.adapters.pgvector import migrate
from facepass.adapters.pgvector.engine import PoolSettings, create_engine
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.application.check_upkeep import CheckUpkeep
from facepass.application.count_store import CountStore

CALLS = 7
FILL = (
    "INSERT INTO models (name, dimension) VALUES ('benchmark', 128)",
    """INSERT INTO sessions (session_id, model_pk, revision, face_count, created_at)
       SELECT 'session ' || n, (SELECT min(pk) FROM models), 1, 300, now()
       FROM generate_series(1, {photos} / 100) n""",
    """INSERT INTO photos (session_pk, model_pk, photo_id, faces_detected, faces_indexed, indexed_at, revision)
       SELECT s.pk, s.model_pk, 'photo ' || n, 3, 3, now(), 1 FROM sessions s, generate_series(1, 100) n""",
    """INSERT INTO jobs (job_id, kind, session_id, created_at)
       SELECT lpad(to_hex(n), 32, '0'), 'index', 'session ' || n, now() FROM generate_series(1, {units} / 1000) n""",
    """INSERT INTO job_units (job_id, unit_no, photo_id, source_key, state, ended_at)
       SELECT j.job_id, n, 'photo ' || n, 'photos/2026/' || n || '.jpg', state,
              CASE state WHEN 'queued' THEN NULL ELSE now() END
       FROM jobs j, generate_series(1, 1000) n,
            LATERAL (SELECT CASE WHEN n = 1 THEN 'failed' WHEN n <= 11 THEN 'queued' ELSE 'done' END AS state) s""",
    "VACUUM ANALYZE",
)


async def median_ms(ask: Callable[[], Awaitable[object]]) -> float:
    """Of some calls."""
    taken = []
    for _ in range(CALLS):
        begun = time.perf_counter()
        await ask()
        taken.append(1e3 * (time.perf_counter() - begun))
    return statistics.median(taken)


async def measure(folder: Path, *, photos: int, units: int) -> None:
    """Fill a store and ask."""
    embedded = EmbeddedPostgres(folder)
    url = await embedded.start()
    pool = PoolSettings(timeout_s=60)
    try:
        await migrate.upgrade(url, pool)
        connection = await asyncpg.connect(url)
        for statement in FILL:
            await connection.execute(statement.format(photos=photos, units=units))
        engine = create_engine(url, pool)
        factory = PostgresUnitOfWorkFactory(engine)
        print(f"{photos} photos, {units} units of jobs")
        print(f"stored_*: {await median_ms(CountStore(unit_of_work=factory)):.1f} ms")
        print(f"job_*, backup_*: {await median_ms(CheckUpkeep(unit_of_work=factory)):.1f} ms")
        await connection.execute("DROP INDEX job_units_failed_idx")
        print(f"the same without its index: {await median_ms(CheckUpkeep(unit_of_work=factory)):.1f} ms")
        await engine.dispose()
        await connection.close()
    finally:
        await embedded.stop()


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=1_000_000)
    parser.add_argument("--units", type=int, default=1_000_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="facepass-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # the embedded database runs as another user when this one is root
        asyncio.run(measure(folder, photos=chosen.photos, units=chosen.units))


if __name__ == "__main__":
    main()
