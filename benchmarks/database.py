"""Measures the PostgreSQL adapter on the embedded server: starts, writing and exact search, without any model.

    python benchmarks/database.py
    python benchmarks/database.py --galleries 1000 10000 100000 --searches 50 --json

Works in a temporary DATA_DIR that is removed afterwards; TMPDIR chooses the disk that is measured, for every photo is
a transaction that waits for it. Faces are random unit vectors of 128 components, 1 to 5 a photo (3 on average), the
same for the same seed. What is printed:

first start      create the cluster, start, migrate, connect, until a query is answered
second start     the same on the filled cluster after an orderly stop
recovery start   kill -9 of the server's own process right after writing, until a query is answered again
write N faces    filling a gallery of N faces with several writers, a photo a transaction
search N faces   one search in it, exact, for a face that is in it; checked to find its photo and no other
index, reindex   one photo of 2 faces into the largest gallery, new and once more (`replace_photo` and commit)
"""

import argparse
import asyncio
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from galleries import positive, timed
from rich.console import Console
from rich.table import Table

from facepass.adapters.embedded_postgres.launcher import EmbeddedPostgres
from facepass.adapters.embedded_postgres.postmaster import is_server, read_pid_file
from facepass.adapters.pgvector import migrate
from facepass.adapters.pgvector.engine import PoolSettings, create_engine
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.application.ports import UnitOfWorkFactory
from facepass.domain.embedding import Embedding, ModelId, TemplateSpace
from facepass.domain.face import BoundingBox, Face, ImageSize, Landmarks, Quality
from facepass.domain.gallery import Photo, PhotoId, SessionId, Template
from facepass.domain.identification import Probe
from facepass.entrypoints import logs
from facepass.entrypoints.settings import Logging

MODEL = ModelId("benchmark-128")
DIMENSION = 128
SPACE = TemplateSpace(MODEL, DIMENSION)
MOST_FACES = 5
LEAST_COSINE = 0.9
"""Random directions in 128 dimensions never come this close: a search finds the one face it is for."""
RESULTS_MAX = 100
WARM_UP_ROUNDS = 5
KILL_TIMEOUT_S = 5.0
RETRY_INTERVAL_S = 0.005
LANDMARKS = Landmarks.from_array(np.linspace(10.0, 90.0, 10).reshape(5, 2))


class Figure(msgspec.Struct, frozen=True):
    """One measured thing.

    Attributes:
        runs: how often it was measured.
        p50_ms, p95_ms: of one run, in milliseconds; of writing, of one photo.
        faces_per_second: written by all writers together; None for what writes nothing.
    """

    what: str
    runs: int
    p50_ms: float
    p95_ms: float
    faces_per_second: float | None = None


def figure(what: str, times_s: list[float], faces_per_second: float | None = None) -> Figure:
    """Sum up times of single runs."""
    p50, p95 = (1e3 * float(value) for value in np.quantile(times_s, (0.5, 0.95)))
    return Figure(what, len(times_s), round(p50, 2), round(p95, 2), faces_per_second and round(faces_per_second, 1))


def photo(session: SessionId, photo_id: str, random: np.random.Generator, faces: int) -> Photo:
    """A photo with so many faces nobody has."""
    templates = tuple(
        Template(
            Face(number, BoundingBox(10.0, 20.0, 80.0, 90.0), LANDMARKS, 0.99, Quality(80)),
            Embedding.normalised(MODEL, vector),
        )
        for number, vector in enumerate(random.normal(size=(faces, DIMENSION)))
    )
    return Photo(session, PhotoId(photo_id), ImageSize(6000, 4000), faces, templates, datetime.now(UTC))


def gallery(name: str, faces: int, random: np.random.Generator) -> list[Photo]:
    """Photos of a session with so many faces together."""
    photos: list[Photo] = []
    left = faces
    while left:
        here = min(left, int(random.integers(1, MOST_FACES + 1)))
        photos.append(photo(SessionId(name), f"IMG_{len(photos):06}", random, here))
        left -= here
    return photos


async def store(units: UnitOfWorkFactory, one: Photo) -> None:
    """Index a photo as the use case does: one unit of work, committed."""
    async with units() as unit:
        state = await unit.galleries.state(one.session_id)
        await unit.galleries.replace_photos(one.session_id, {SPACE: [one]}, since=state.revision)
        await unit.commit()


async def write(units: UnitOfWorkFactory, photos: list[Photo], *, writers: int) -> Figure:
    """Fill a gallery with several writers."""
    queue, times_s = iter(photos), list[float]()

    async def writer() -> None:
        for one in queue:
            times_s.append(await timed(lambda one=one: store(units, one)))  # type: ignore[misc]  # default binds it now

    async def all_writers() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(writers):
                group.create_task(writer())

    elapsed_s = await timed(all_writers)
    faces = sum(len(one.templates) for one in photos)
    return figure(f"write {faces:,} faces", times_s, faces / elapsed_s)


async def search(
    units: UnitOfWorkFactory, photos: list[Photo], *, searches: int, random: np.random.Generator
) -> Figure:
    """Search for faces of a gallery, one after the other."""
    times_s = []
    for _ in range(WARM_UP_ROUNDS + searches):
        wanted = photos[int(random.integers(len(photos)))]
        probe = Probe.of(wanted.templates[0].embedding)
        started = time.perf_counter()
        async with units() as unit:
            found = await unit.galleries.candidates(
                wanted.session_id, probe, least_cosine=LEAST_COSINE, limit=RESULTS_MAX
            )
        times_s.append(time.perf_counter() - started)
        if [candidate.photo_id for candidate in found.candidates] != [wanted.photo_id]:
            raise SystemExit(f"a search for {wanted.photo_id} found {found.total} photos")
    return figure(f"search {sum(len(one.templates) for one in photos):,} faces", times_s[WARM_UP_ROUNDS:])


async def index(
    units: UnitOfWorkFactory, session: SessionId, *, photos: int, random: np.random.Generator
) -> list[Figure]:
    """Index photos of two faces, then all of them once more with other faces."""
    figures = []
    for what in ("index 2 faces", "reindex 2 faces"):
        pictures = [photo(session, f"new-{number}", random, 2) for number in range(photos)]
        times_s = [await timed(lambda one=one: store(units, one)) for one in pictures]  # type: ignore[misc]  # as above
        figures.append(figure(what, times_s, 2 * len(times_s) / sum(times_s)))
    return figures


@asynccontextmanager
async def opened(embedded: EmbeddedPostgres, *, connections: int) -> AsyncIterator[UnitOfWorkFactory]:
    """The store on a running server, as the service opens it, with one query answered."""
    url, pool = await embedded.start(), PoolSettings(pool_max=connections)
    try:
        await migrate.upgrade(url, pool)
        engine = create_engine(url, pool)
        try:
            units = PostgresUnitOfWorkFactory(engine)
            await ask(units)
            yield units
        finally:
            await engine.dispose()
    finally:
        await embedded.stop()


async def ask(units: UnitOfWorkFactory) -> None:
    """A query that costs nothing."""
    async with units() as unit:
        await unit.galleries.gallery(SessionId("none"))


async def recovery(units: UnitOfWorkFactory, embedded: EmbeddedPostgres, data: Path) -> Figure:
    """Kill the server, and wait until its supervisor has brought it back and it answers."""
    server = read_pid_file(data)
    if server is None or not is_server(server.pid, data):
        raise SystemExit("the server that was started is not there")

    def kill() -> None:
        os.kill(server.pid, signal.SIGKILL)
        deadline = time.monotonic() + KILL_TIMEOUT_S
        while is_server(server.pid, data) and time.monotonic() < deadline:
            time.sleep(RETRY_INTERVAL_S)

    async def come_back() -> None:
        # in this order: while the killed server still counts as running, its orphans may answer
        await asyncio.to_thread(kill)
        await embedded.ensure_running()
        await ask(units)

    return figure("recovery start", [await timed(come_back)])


async def measure(folder: Path, chosen: argparse.Namespace) -> list[Figure]:
    """Everything; the recovery comes after the writing, so that there is a log to replay."""
    random = np.random.default_rng(chosen.seed)
    figures: list[Figure] = []
    embedded = EmbeddedPostgres(folder)
    started = time.perf_counter()
    async with opened(embedded, connections=chosen.writers) as units:
        first = figure("first start", [time.perf_counter() - started])
        for faces in sorted(chosen.galleries):
            photos = gallery(f"gallery-{faces}", faces, random)
            figures.append(await write(units, photos, writers=chosen.writers))
            figures.append(await search(units, photos, searches=chosen.searches, random=random))
        figures += await index(units, photos[0].session_id, photos=chosen.searches, random=random)
        recovered = await recovery(units, embedded, folder / "postgres" / "data")
    started = time.perf_counter()
    async with opened(embedded, connections=chosen.writers):
        second = figure("second start", [time.perf_counter() - started])
    return [first, second, recovered, *figures]


def table(figures: list[Figure]) -> Table:
    """For people."""
    drawn = Table(box=None, pad_edge=False)
    for heading in ("what", "runs", "p50 ms", "p95 ms", "faces/s"):
        drawn.add_column(heading, justify="left" if heading == "what" else "right")
    for one in figures:
        rate = "" if one.faces_per_second is None else f"{one.faces_per_second:,.0f}"
        p95 = "" if one.runs == 1 else f"{one.p95_ms:,.1f}"
        drawn.add_row(one.what, str(one.runs), f"{one.p50_ms:,.1f}", p95, rate)
    return drawn


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--galleries", type=positive, nargs="+", default=[1_000, 10_000], metavar="N", help="faces (1000 10000)"
    )
    parser.add_argument("--searches", type=positive, default=200, help="searches, and photos indexed, each (200)")
    parser.add_argument("--writers", type=positive, default=4, help="photos written at once (4)")
    parser.add_argument("--seed", type=int, default=1, help="of the random faces (1)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    chosen = parser.parse_args()
    logs.configure(Logging(log_level="ERROR"))
    with tempfile.TemporaryDirectory(prefix="facepass-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # the embedded database runs as another user when this one is root
        figures = asyncio.run(measure(folder, chosen))
    if chosen.json:
        print(msgspec.json.format(msgspec.json.encode(figures)).decode())
    else:
        Console().print(table(figures))


if __name__ == "__main__":
    main()
