"""Measures how long the migration of a filled database makes an older version wait that goes on serving.

    python benchmarks/migration.py
    python benchmarks/migration.py --faces 1000000 --sessions 100 --json

The embedded server in a temporary DATA_DIR; TMPDIR chooses the disk. The tables of revision 0001 are filled with random
unit vectors of 128 components, 3 a photo. Then everything newer is migrated to, while clients of revision 0001 go on,
each in a loop until the tables have changed: one searches a session, one indexes photos, new ones and known ones in
turn. One of the sessions holds half of all faces; both work on it too.

before           both clients without a migration, for `--before` seconds: medians and longest
during           the same while the migration runs, and what it takes in all
down             all of it back to 0001, with nobody there

At the end every photo that was written, and acknowledged, must be there, once and with its faces.
"""

# ruff: noqa: S608 - only names and numbers of ours are put into statements

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import asyncpg
import msgspec
import numpy as np
from galleries import Connection, connected, empty_database, positive, timed
from rich.console import Console
from rich.table import Table

from facepass.adapters.pgvector import migrate
from facepass.adapters.pgvector.engine import PoolSettings
from facepass.entrypoints import logs
from facepass.entrypoints.settings import Logging

DIMENSION = 128
FACES_A_PHOTO = 3
RANDOM_VECTOR = (
    f"(SELECT l2_normalize(array_agg(random() - 0.5)::vector) FROM generate_series(1, {DIMENSION}) WHERE {{}} > 0)"
)
FACE_COLUMNS = (
    "session_pk, photo_pk, face_no, box_x, box_y, box_width, box_height, landmarks, confidence, quality_score,"
    " quality_reasons, model, embedding"
)
FACE = "0, 0, 9, 9, array_fill(1.0::float8, '{10}'), 0.9, 80, '{}', 'benchmark'"
SEARCH = """
    SELECT photo_id, face_no, cosine FROM (
        SELECT DISTINCT ON (photo_pk) * FROM (
            SELECT session_pk, photo_pk, face_no, -(embedding <#> (SELECT embedding FROM probe)) AS cosine FROM faces
            WHERE session_pk = (SELECT pk FROM sessions WHERE session_id = $1 AND dimension = 128)
              AND model = 'benchmark' OFFSET 0
        ) scored WHERE cosine >= 0.3 ORDER BY photo_pk, cosine DESC
    ) best JOIN photos USING (session_pk) WHERE photos.pk = photo_pk ORDER BY cosine DESC LIMIT 100
"""
UPSERT = """
    WITH writable AS (SELECT pk FROM sessions WHERE session_id = $1 AND dimension = 128 FOR KEY SHARE)
    INSERT INTO photos (session_pk, photo_id, width, height, faces_detected, faces_indexed, indexed_at)
    SELECT pk, $2, 6000, 4000, 3, 3, now() FROM writable
    ON CONFLICT ON CONSTRAINT photos_session_pk_photo_id_key DO UPDATE SET indexed_at = excluded.indexed_at
    RETURNING session_pk, pk
"""
INSERT = f"""
    INSERT INTO faces ({FACE_COLUMNS})
    SELECT $1, $2, n, {FACE}, (SELECT embedding FROM probe) FROM generate_series(0, {FACES_A_PHOTO - 1}) n
"""
GONE = (asyncpg.UndefinedColumnError, asyncpg.UndefinedTableError, asyncpg.UndefinedObjectError)


@dataclass
class Times:
    """Seconds that each action of a client took."""

    taken_s: list[float] = field(default_factory=list)

    def figure(self, what: str) -> "Figure":
        """Summed up."""
        return Figure(what, len(self.taken_s), round(1e3 * float(np.median(self.taken_s)), 1), self.longest_ms)

    @property
    def longest_ms(self) -> float:
        """The longest of them, in milliseconds."""
        return round(1e3 * max(self.taken_s), 1)


class Figure(msgspec.Struct, frozen=True):
    """What one client met, or how long a migration took (then once)."""

    what: str
    actions: int
    p50_ms: float
    longest_ms: float


async def fill(connection: Connection, faces: int, sessions: int) -> None:
    """Half of the faces in the first session, the rest shared out evenly."""
    photos = faces // FACES_A_PHOTO
    await connection.execute(
        "INSERT INTO sessions (session_id, model, dimension, created_at)"
        f" SELECT 'session ' || n, 'benchmark', {DIMENSION}, now() FROM generate_series(0, $1 - 1) n",
        sessions,
    )
    await connection.execute(
        "INSERT INTO photos (session_pk, photo_id, width, height, faces_detected, faces_indexed, indexed_at)"
        f" SELECT CASE WHEN n % 2 = 0 THEN 1 ELSE 1 + n / 2 % $2 END, 'photo ' || n, 6000, 4000, {FACES_A_PHOTO},"
        f" {FACES_A_PHOTO}, now() FROM generate_series(0, $1 - 1) n",
        photos,
        sessions,
    )
    await connection.execute(
        f"INSERT INTO faces ({FACE_COLUMNS}) SELECT session_pk, pk, n, {FACE}, {RANDOM_VECTOR.format('pk + n')}"
        f" FROM photos, generate_series(0, {FACES_A_PHOTO - 1}) n"
    )
    await connection.execute(f"CREATE TABLE probe AS SELECT {RANDOM_VECTOR.format('1')} AS embedding")
    await connection.execute("VACUUM (ANALYZE)")


async def read(url: str, sessions: int, times: Times, *, until: asyncio.Event) -> None:
    """Search the large session and the others in turn."""
    number = 0

    async def one() -> None:
        nonlocal number
        number += 1
        await connection.fetch(SEARCH, f"session {0 if number % 2 else number % sessions}")

    async with connected(url) as connection:
        await in_a_loop(one, times, until=until)


async def write(url: str, sessions: int, times: Times, written: set[tuple[int, int]], *, until: asyncio.Event) -> None:
    """Index new photos and known ones as revision 0001 did, a transaction each; `written` is what was acknowledged."""
    number = 0

    async def one() -> None:
        nonlocal number
        number += 1
        session = 0 if number % 2 else number % sessions
        name = f"new {number}" if number % 4 < 2 else f"photo {2 * number}"
        async with connection.transaction():
            found = await connection.fetch(UPSERT, f"session {session}", name)
            (session_pk, photo_pk) = found[0]
            await connection.execute("DELETE FROM faces WHERE session_pk = $1 AND photo_pk = $2", session_pk, photo_pk)
            await connection.execute(INSERT, session_pk, photo_pk)
        written.add((session_pk, photo_pk))

    async with connected(url) as connection:
        await in_a_loop(one, times, until=until)


async def in_a_loop(one: Callable[[], Awaitable[None]], times: Times, *, until: asyncio.Event) -> None:
    """Do it again and again, until the event or until the tables have changed."""
    while not until.is_set():
        began = time.perf_counter()
        try:
            await one()
        except GONE:
            return  # how long the one waited that met the new tables counts as well
        finally:
            times.taken_s.append(time.perf_counter() - began)


async def clients(url: str, sessions: int, work: Callable[[], Awaitable[object]], when: str) -> list[Figure]:
    """Both clients while `work` is done."""
    reader, writer, written, until = Times(), Times(), set[tuple[int, int]](), asyncio.Event()
    loops = asyncio.gather(read(url, sessions, reader, until=until), write(url, sessions, writer, written, until=until))
    taken_s = await timed(work)
    until.set()
    await loops
    async with connected(url) as connection:
        await check(connection, written)
    took = round(1e3 * taken_s, 1)
    return [reader.figure(f"{when}: search"), writer.figure(f"{when}: index"), Figure(f"{when}: all", 1, took, took)]


async def check(connection: Connection, written: set[tuple[int, int]]) -> None:
    """All that was acknowledged is there, with three faces a photo; and no photo has any other number."""
    photos = await connection.fetch("SELECT session_pk, pk FROM photos")
    assert written <= {(row["session_pk"], row["pk"]) for row in photos}
    assert len(photos) == len({row["pk"] for row in photos})
    counts = await connection.fetch("SELECT session_pk, photo_pk, count(*) AS faces FROM faces GROUP BY 1, 2")
    assert {row["faces"] for row in counts} == {FACES_A_PHOTO}
    assert len(counts) == len(photos)


async def measure(faces: int, sessions: int, before_s: float) -> list[Figure]:
    """Fill, let the clients work, migrate up and down."""
    settings = PoolSettings()
    async with empty_database() as url:
        await migrate.upgrade(url, settings, "0001")
        async with connected(url) as connection:
            await fill(connection, faces, sessions)
        figures = await clients(url, sessions, lambda: asyncio.sleep(before_s), "before")
        figures += await clients(url, sessions, lambda: migrate.upgrade(url, settings), "during")
        down = round(1e3 * await timed(lambda: migrate.downgrade(url, settings, "0001")), 1)
        return [*figures, Figure("down: all", 1, down, down)]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=positive, default=200_000)
    parser.add_argument("--sessions", type=positive, default=200)
    parser.add_argument("--before", type=float, default=5.0, help="seconds")
    parser.add_argument("--json", action="store_true", help="print one JSON array")
    arguments = parser.parse_args()
    logs.configure(Logging(log_level="ERROR"))
    figures = asyncio.run(measure(arguments.faces, arguments.sessions, arguments.before))
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode(figures)).decode())
        return
    table = Table("what", "actions", "p50 ms", "longest ms")
    for one in figures:
        table.add_row(one.what, f"{one.actions:,}", f"{one.p50_ms:,.1f}", f"{one.longest_ms:,.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
