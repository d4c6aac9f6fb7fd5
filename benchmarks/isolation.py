"""Searches many sessions while writers work on them, and looks at every answer for what must not be in it.

    python benchmarks/isolation.py
    python benchmarks/isolation.py --sessions 10 --faces 40 --searches 300 --dimension 32

The same people with the same vectors are in all sessions of one embedded PostgreSQL, so that a photo of another session
would be found as well as one's own. Two replicas share the database: one searches in PostgreSQL, the other in memory.
Four writers index, replace and delete photos of their own share of each session, and erase and refill a session now and
then. Of every answer is asked:

leaks     photos of another session
ghosts    photos whose deletion had ended before the search began, and that nobody had begun to index again
missed    photos that were there before the search began, were left alone until it ended, and should have been found

Ends with 1 where there is any.
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

import numpy as np
from galleries import Gallery, empty_database, positive, random_gallery
from store import MODEL, photos_of

from facepass.adapters.pgvector import migrate
from facepass.adapters.pgvector.engine import PoolSettings, create_engine
from facepass.adapters.pgvector.search.planner import SearchLimits
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.application.ports import UnitOfWorkFactory
from facepass.domain.embedding import Embedding, TemplateSpace
from facepass.domain.errors import ErasedMeanwhile
from facepass.domain.gallery import Photo, PhotoId, SessionId
from facepass.domain.identification import Candidate, Probe
from facepass.entrypoints import logs
from facepass.entrypoints.settings import Logging

LEAST_COSINE = 0.92
HALF_PRECISION = 5e-4
"""What storing may move a cosine by: photos this close to the threshold may be found or not."""
MOST_MATCHES = 1000
WRITERS = 4
ERASE_EVERY = 200
"""Writes of a writer between two erasures of a whole session."""


@dataclass
class Known:
    """What may be said of one photo from outside.

    Attributes:
        there: whether it is stored; None while somebody is at work on it.
        since: number of the moment from which that holds.
    """

    there: bool | None
    since: int


@dataclass
class World:
    """Sessions, what is known of their photos, and what went wrong.

    Attributes:
        photos: of every session, by id; the same faces in all.
        replicas: ways to the store.
    """

    gallery: Gallery
    space: TemplateSpace
    photos: dict[SessionId, dict[PhotoId, Photo]]
    replicas: list[UnitOfWorkFactory]
    known: dict[tuple[SessionId, PhotoId], Known] = field(default_factory=dict)
    clock: Iterator[int] = field(default_factory=lambda: count(1))
    writes: int = 0
    erasures: int = 0
    leaks: int = 0
    ghosts: int = 0
    missed: int = 0
    matches: int = 0

    @contextmanager
    def at_work(self, session: SessionId, photos: list[PhotoId], *, there: bool) -> Iterator[None]:
        """Nothing can be said of these photos inside; afterwards they are there, or are not."""
        for photo in photos:
            self.known[session, photo] = Known(None, next(self.clock))
        yield
        for photo in photos:
            self.known[session, photo] = Known(there, next(self.clock))


async def index(world: World, units: UnitOfWorkFactory, session: SessionId, photos: list[Photo]) -> None:
    """Store photos as the use case does, again where the session was erased meanwhile."""
    with world.at_work(session, [photo.photo_id for photo in photos], there=True):
        stored = False
        while not stored:
            async with units() as unit:
                since = (await unit.galleries.state(session)).revision
            try:
                async with units() as unit:
                    await unit.galleries.replace_photos(session, {world.space: photos}, since=since)
                    await unit.commit()
                stored = True
            except ErasedMeanwhile:
                continue
    world.writes += 1


async def delete(world: World, units: UnitOfWorkFactory, session: SessionId, photo: PhotoId) -> None:
    """Delete a photo."""
    with world.at_work(session, [photo], there=False):
        async with units() as unit:
            await unit.galleries.delete_photo(session, photo, at=datetime.now(UTC))
            await unit.commit()
    world.writes += 1


async def erase(world: World, units: UnitOfWorkFactory, session: SessionId) -> None:
    """Erase a session that only this writer writes to, and fill it again."""
    photos = world.photos[session]
    with world.at_work(session, list(photos), there=False):
        async with units() as unit:
            await unit.galleries.delete_gallery(session, at=datetime.now(UTC))
            await unit.commit()
    await index(world, units, session, list(photos.values()))
    world.erasures += 1


async def write(world: World, number: int, over: asyncio.Event, random: np.random.Generator) -> None:
    """One writer, at work on every fourth session, until the searches are over."""
    sessions = sorted(world.photos)[number::WRITERS]
    for turn in count(1):
        if over.is_set():
            return
        session = sessions[int(random.integers(len(sessions)))]
        photos = list(world.photos[session].values())
        photo = photos[int(random.integers(len(photos)))]
        units = world.replicas[turn % len(world.replicas)]
        if turn % ERASE_EVERY == 0:
            await erase(world, units, session)
        elif random.random() < 0.5:
            await delete(world, units, session, photo.photo_id)
        else:
            await index(world, units, session, [photo])


async def search(world: World, random: np.random.Generator) -> None:
    """One search, by either replica, and a look at its answer."""
    sessions = sorted(world.photos)
    session = sessions[int(random.integers(len(sessions)))]
    probe = world.gallery.vectors[int(random.integers(world.gallery.faces))]
    units = world.replicas[int(random.integers(len(world.replicas)))]
    before = {photo: world.known[session, photo] for photo in world.photos[session]}
    async with units() as unit:
        found = await unit.galleries.candidates(
            session, Probe.of(Embedding(MODEL, probe)), least_cosine=LEAST_COSINE, limit=MOST_MATCHES
        )
    judge(world, session, before, found.candidates, wanted(world, session, probe))


def wanted(world: World, session: SessionId, probe: np.ndarray) -> set[PhotoId]:
    """Photos that the probe must find where they are stored."""
    scores = world.gallery.vectors.astype(np.float64) @ probe.astype(np.float64)
    places = set(world.gallery.photos[scores >= LEAST_COSINE + HALF_PRECISION].tolist())
    return {PhotoId(f"{session}/{place}") for place in places}


def judge(
    world: World,
    session: SessionId,
    before: dict[PhotoId, Known],
    candidates: tuple[Candidate, ...],
    expected: set[PhotoId],
) -> None:
    """Count what must not be."""
    found = {candidate.photo_id for candidate in candidates}
    world.matches += len(found)
    world.leaks += sum(not photo.startswith(f"{session}/") for photo in found)
    for photo, was in before.items():
        untouched = world.known[session, photo] is was
        if photo in found and was.there is False and untouched:
            world.ghosts += 1
        if photo not in found and photo in expected and was.there and untouched:
            world.missed += 1


@asynccontextmanager
async def opened(chosen: argparse.Namespace) -> AsyncIterator[World]:
    """Everything stored, and both replicas open."""
    gallery = random_gallery(chosen.faces, chosen.dimension, np.random.default_rng(chosen.seed))
    async with empty_database() as url:
        await migrate.upgrade(url, PoolSettings())
        engines = [create_engine(url, PoolSettings()) for _ in range(2)]
        limits = [SearchLimits(database_max_faces=chosen.faces), SearchLimits(database_max_faces=0)]
        replicas: list[UnitOfWorkFactory] = [
            PostgresUnitOfWorkFactory(engine, limits=limit) for engine, limit in zip(engines, limits, strict=True)
        ]
        photos = {}
        for number in range(chosen.sessions):
            session = SessionId(f"s{number:03}")
            named = [(PhotoId(f"{session}/{photo.photo_id}"), photo) for photo in photos_of(gallery, session)]
            photos[session] = {
                name: Photo(session, name, photo.size, photo.faces_detected, photo.templates, photo.indexed_at)
                for name, photo in named
            }
        world = World(gallery, TemplateSpace(MODEL, chosen.dimension), photos, replicas)
        for session, of_session in photos.items():
            await index(world, replicas[0], session, list(of_session.values()))
        world.writes = 0
        try:
            yield world
        finally:
            for engine in engines:
                await engine.dispose()


async def run(chosen: argparse.Namespace) -> bool:
    """Search, write, judge; whether all was as it must be."""
    async with opened(chosen) as world:
        randoms = np.random.default_rng(chosen.seed).spawn(WRITERS + chosen.at_once)
        over = asyncio.Event()
        left = iter(range(chosen.searches))

        async def searcher(random: np.random.Generator) -> None:
            for _ in left:
                await search(world, random)

        started = time.perf_counter()
        writers = [asyncio.create_task(write(world, number, over, randoms[number])) for number in range(WRITERS)]
        await asyncio.gather(*(searcher(random) for random in randoms[WRITERS:]))
        elapsed_s = time.perf_counter() - started
        over.set()
        await asyncio.gather(*writers)
    print(
        f"{chosen.searches:,} searches in {elapsed_s:.0f} s ({chosen.searches / elapsed_s:.0f}/s), "
        f"{world.matches:,} matches; {world.writes:,} writes, {world.erasures} sessions erased and refilled"
    )
    print(f"leaks {world.leaks}, ghosts {world.ghosts}, missed {world.missed}")
    return not (world.leaks or world.ghosts or world.missed)


def main() -> None:
    """Run and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=positive, default=100, metavar="N", help="sessions, four or more (100)")
    parser.add_argument("--faces", type=positive, default=1000, metavar="N", help="in each (1000)")
    parser.add_argument("--searches", type=positive, default=10_000, metavar="N", help="in all (10000)")
    parser.add_argument("--at-once", type=positive, default=8, metavar="N", help="searches at a time (8)")
    parser.add_argument("--dimension", type=positive, default=512, metavar="D", help="of the vectors (512)")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    if chosen.sessions < WRITERS:
        parser.error(f"--sessions must be {WRITERS} or more: each writer has sessions of its own")
    logs.configure(Logging(log_level="ERROR"))
    raise SystemExit(not asyncio.run(run(chosen)))


if __name__ == "__main__":
    main()
