"""Searches many sessions while writers work on them, and looks at every answer for what must not be in it.

    python benchmarks/isolation.py
    python benchmarks/isolation.py --sessions 10 --faces 40 --searches 300 --dimension 32 --erase-every 3

The same people with the same vectors are in all sessions of one embedded PostgreSQL, so that a photo of another session
would be found as well as one's own. Two replicas share the database: one searches in PostgreSQL, the other in memory.
Four writers index, replace and delete photos of any session, each with its entry in the audit trail, and now and then
erase a session and fill it again; they get in each other's way. Of every answer is asked:

leaks     photos of another session
ghosts    photos whose deletion had ended before the search began, and that nobody had begun to index again
missed    photos that were there before the search began, were left alone until it ended, and should have been found

Ends with 1 where there is any. A photo that two writers had under way at the same time is in neither of the last two
until one of them alone works on it again: who came last is not known from outside.
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count

import numpy as np
import numpy.typing as npt
from galleries import Gallery, Vectors, empty_database, positive, random_gallery
from store import MODEL, photos_of

from facepass.adapters.pgvector import migrate
from facepass.adapters.pgvector.engine import PoolSettings, create_engine
from facepass.adapters.pgvector.search.planner import SearchLimits
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.application.erasing import erase
from facepass.application.looking_again import looking_again
from facepass.application.ports import UnitOfWork, UnitOfWorkFactory
from facepass.domain.audit import AuditEntry, AuditEvent, digest
from facepass.domain.embedding import Embedding, TemplateSpace
from facepass.domain.errors import ErasedMeanwhile
from facepass.domain.gallery import Photo, PhotoId, SessionId
from facepass.domain.identification import CandidateList, Probe
from facepass.entrypoints import logs
from facepass.entrypoints.settings import Logging

LEAST_COSINE = 0.92
HALF_PRECISION = 5e-4
"""What storing may move a cosine by: photos this close to the threshold may be found or not."""
MOST_MATCHES = 1000
WRITERS = 4
DELETED_SHARE = 0.5
"""Of the writes."""


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What may be said of one photo from outside, from one moment to the next: the same object as long as it holds.

    Attributes:
        there: whether it is stored; None where that cannot be told.
        writers: at work on it.
    """

    there: bool | None
    writers: int


@dataclass
class World:
    """Sessions, what is known of their photos, and what went wrong.

    Attributes:
        photos: of every session, by id; the same faces in all.
        replicas: ways to the store.
        exact: `(faces, dimension)`, the vectors before they were stored.
    """

    gallery: Gallery
    space: TemplateSpace
    photos: dict[SessionId, dict[PhotoId, Photo]]
    replicas: list[UnitOfWorkFactory]
    exact: npt.NDArray[np.float64]
    known: dict[tuple[SessionId, PhotoId], Known] = field(default_factory=dict)
    writes: int = 0
    erasures: int = 0
    leaks: int = 0
    ghosts: int = 0
    missed: int = 0
    matches: int = 0

    @contextmanager
    def at_work(self, session: SessionId, photos: Sequence[PhotoId], *, there: bool) -> Iterator[None]:
        """Nothing can be said of these photos inside; afterwards they are there, or are not."""
        keys = [(session, photo) for photo in photos]
        mine = {key: Known(None, self.known[key].writers + 1) for key in keys}
        self.known.update(mine)
        yield
        for key, begun in mine.items():
            now = self.known[key]
            alone = now is begun and now.writers == 1
            self.known[key] = Known(there if alone else None, now.writers - 1)


async def index(world: World, units: UnitOfWorkFactory, session: SessionId, photos: Sequence[Photo]) -> None:
    """Store photos as the use case does, again where they were erased meanwhile."""
    faces = sum(len(photo.templates) for photo in photos)
    now = photos[0].indexed_at
    entry = AuditEntry(AuditEvent.PHOTOS_INDEXED, now, digest(session), len(photos), faces, world.space.model)

    async def attempt() -> None:
        async with units() as unit:
            since = (await unit.galleries.state(session)).revision

        async def store(unit: UnitOfWork) -> None:
            await unit.galleries.replace_photos(session, {world.space: photos}, since=since)
            await unit.audit.append(entry)

        await units.run(store)

    with world.at_work(session, [photo.photo_id for photo in photos], there=True):
        while True:
            try:
                await attempt()
                break
            except ErasedMeanwhile:
                continue
    world.writes += 1


async def delete(world: World, units: UnitOfWorkFactory, session: SessionId, photo: PhotoId) -> None:
    """Delete a photo."""
    with world.at_work(session, [photo], there=False):
        await erase(
            units,
            AuditEvent.PHOTO_ERASED,
            lambda unit: unit.galleries.delete_photo(session, photo, at=datetime.now(UTC)),
        )
    world.writes += 1


async def erase_and_refill(world: World, units: UnitOfWorkFactory, session: SessionId) -> None:
    """Erase a session, and index all of it again."""
    photos = world.photos[session]
    with world.at_work(session, list(photos), there=False):
        await erase(
            units, AuditEvent.SESSION_ERASED, lambda unit: unit.galleries.delete_gallery(session, at=datetime.now(UTC))
        )
    await index(world, units, session, list(photos.values()))
    world.erasures += 1


async def write(world: World, over: asyncio.Event, random: np.random.Generator, *, erase_every: int) -> None:
    """One writer, at work until the searches are over."""
    sessions = list(world.photos)
    for turn in count(1):
        if over.is_set():
            return
        session = sessions[int(random.integers(len(sessions)))]
        photos = list(world.photos[session].values())
        photo = photos[int(random.integers(len(photos)))]
        units = world.replicas[turn % len(world.replicas)]
        if turn % erase_every == 0:
            await erase_and_refill(world, units, session)
        elif random.random() < DELETED_SHARE:
            await delete(world, units, session, photo.photo_id)
        else:
            await index(world, units, session, [photo])


async def search(world: World, random: np.random.Generator) -> None:
    """One search, by either replica, and a look at its answer."""
    sessions = list(world.photos)
    session = sessions[int(random.integers(len(sessions)))]
    probe = world.gallery.vectors[int(random.integers(world.gallery.faces))]
    units = world.replicas[int(random.integers(len(world.replicas)))]
    before = {photo: world.known[session, photo] for photo in world.photos[session]}

    async def candidates() -> CandidateList:
        async with units() as unit:
            return await unit.galleries.candidates(
                session, Probe.of(Embedding(MODEL, probe)), least_cosine=LEAST_COSINE, limit=MOST_MATCHES
            )

    found = await looking_again(candidates)  # as the use case does where the session was erased meanwhile
    judge(world, session, before, {candidate.photo_id for candidate in found.candidates}, wanted(world, session, probe))


def wanted(world: World, session: SessionId, probe: Vectors) -> set[PhotoId]:
    """Photos that the probe must find where they are stored."""
    scores = world.exact @ probe.astype(np.float64)
    places = set(world.gallery.photos[scores >= LEAST_COSINE + HALF_PRECISION].tolist())
    return {PhotoId(f"{session}/{place}") for place in places}


def judge(
    world: World, session: SessionId, before: dict[PhotoId, Known], found: set[PhotoId], expected: set[PhotoId]
) -> None:
    """Count what must not be."""
    world.matches += len(found)
    world.leaks += len(found - before.keys())
    for photo, was in before.items():
        if world.known[session, photo] is not was:  # somebody was at work on it meanwhile
            continue
        world.ghosts += was.there is False and photo in found
        world.missed += was.there is True and photo in expected - found


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
        sessions = [SessionId(f"s{number:03}") for number in range(chosen.sessions)]
        photos = {session: {photo.photo_id: photo for photo in named(gallery, session)} for session in sessions}
        space = TemplateSpace(MODEL, chosen.dimension)
        world = World(gallery, space, photos, replicas, gallery.vectors.astype(np.float64))
        world.known = {(session, photo): Known(None, 0) for session in sessions for photo in photos[session]}
        try:
            for session in sessions:
                await index(world, replicas[0], session, list(photos[session].values()))
            world.writes = 0
            yield world
        finally:
            for engine in engines:
                await engine.dispose()


def named(gallery: Gallery, session: SessionId) -> Iterator[Photo]:
    """The photos of a session; their ids say of which."""
    for photo in photos_of(gallery, session):
        yield replace(photo, photo_id=PhotoId(f"{session}/{photo.photo_id}"))


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
        async with asyncio.TaskGroup() as group:
            for random in randoms[:WRITERS]:
                group.create_task(write(world, over, random, erase_every=chosen.erase_every))
            async with asyncio.TaskGroup() as searchers:
                for random in randoms[WRITERS:]:
                    searchers.create_task(searcher(random))
            elapsed_s = time.perf_counter() - started
            over.set()
    print(
        f"{chosen.searches:,} searches in {elapsed_s:.0f} s ({chosen.searches / elapsed_s:.0f}/s), "
        f"{world.matches:,} matches; {world.writes:,} writes, {world.erasures} sessions erased and refilled"
    )
    print(f"leaks {world.leaks}, ghosts {world.ghosts}, missed {world.missed}")
    return not (world.leaks or world.ghosts or world.missed)


def main() -> None:
    """Run and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=positive, default=100, metavar="N", help="sessions (100)")
    parser.add_argument("--faces", type=positive, default=1000, metavar="N", help="in each (1000)")
    parser.add_argument("--searches", type=positive, default=10_000, metavar="N", help="in all (10000)")
    parser.add_argument("--at-once", type=positive, default=8, metavar="N", help="searches at a time (8)")
    parser.add_argument(
        "--erase-every", type=positive, default=100, metavar="N", help="writes of a writer, then a whole session (100)"
    )
    parser.add_argument("--dimension", type=positive, default=512, metavar="D", help="of the vectors (512)")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    logs.configure(Logging(log_level="ERROR"))
    raise SystemExit(not asyncio.run(run(chosen)))


if __name__ == "__main__":
    main()
