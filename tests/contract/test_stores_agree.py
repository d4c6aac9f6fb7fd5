"""Whatever is done to them, in whatever order, every store answers alike: the one in memory says what is right."""

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from facepass.adapters.memory.store import InMemoryStore
from facepass.adapters.memory.unit_of_work import InMemoryUnitOfWorkFactory
from facepass.application.ports import UnitOfWork, UnitOfWorkFactory
from facepass.domain.embedding import TemplateSpace
from facepass.domain.errors import FacePassError
from facepass.domain.gallery import Photo, PhotoId, SessionId
from facepass.domain.identification import CandidateList, Probe
from tests.contract.conftest import OVER_POSTGRES, over_postgres
from tests.gallery_builders import NOON, OTHER_SPACE, SPACE, in_space, new_session, photo, random_embeddings
from tests.gallery_steps import assert_counts, assert_same_photo

NAMES = ["a", "B", "ä"]
SELFIES = {
    space: random_embeddings(77, 1, dimension=space.dimension, model=space.model)[0] for space in (SPACE, OTHER_SPACE)
}


@dataclass
class Store:
    """A store, and what somebody who works with it remembers of it."""

    units: UnitOfWorkFactory
    session: SessionId
    clock: datetime = NOON
    revision: int = 0
    waiting: dict[PhotoId, int] = field(default_factory=dict)


Step: TypeAlias = Callable[[UnitOfWork, Store], Awaitable[Any]]


def some_photo(store: Store, name: str, seed: int, faces: int, space: TemplateSpace) -> Photo:
    """The same for every store, whatever its session is called."""
    made = photo(store.session, name, random_embeddings(seed, faces), at=store.clock)
    return made if space == SPACE else in_space(made, space, seed=seed)


def look() -> Step:
    """Begin something: remember how things are."""

    async def step(unit: UnitOfWork, store: Store) -> None:
        store.revision = (await unit.galleries.state(store.session)).revision
        waiting = await unit.changes.pending(store.session, after=None, limit=10)
        store.waiting = {one.photo_id: one.revision for one in waiting}

    return step


def index(names: Sequence[str], seed: int, faces: int, *, in_flight: bool) -> Step:
    """Index photos; in flight: by what was remembered."""

    async def step(unit: UnitOfWork, store: Store) -> frozenset[PhotoId]:
        state = await unit.galleries.state(store.session)
        editions = {
            space: [some_photo(store, name, seed + n, faces, space) for n, name in enumerate(names)]
            for space in state.spaces or (SPACE,)
        }
        since = store.revision if in_flight else state.revision
        return await unit.galleries.replace_photos(store.session, editions, since=since)

    return step


def build(name: str, seed: int, faces: int) -> Step:
    """Store what was remembered as waiting."""

    async def step(unit: UnitOfWork, store: Store) -> bool | None:
        if name not in store.waiting:
            return None
        built = some_photo(store, name, seed, faces, OTHER_SPACE)
        return await unit.changes.store(built, OTHER_SPACE, revision=store.waiting[PhotoId(name)])

    return step


def build_all(seed: int) -> Step:
    """Store all that waits."""

    async def step(unit: UnitOfWork, store: Store) -> int:
        waiting = await unit.changes.pending(store.session, after=None, limit=10)
        for one in waiting:
            built = some_photo(store, one.photo_id, seed, 2, OTHER_SPACE)
            assert await unit.changes.store(built, OTHER_SPACE, revision=one.revision)
        return len(waiting)

    return step


def forget(least_cosine: float) -> Step:
    """Forget whoever is like the selfie, in every space of the gallery."""

    async def step(unit: UnitOfWork, store: Store) -> tuple[int, int]:
        spaces = (await unit.galleries.state(store.session)).spaces
        probes = [(Probe.of(SELFIES[space]), least_cosine) for space in spaces]
        erasure = await unit.galleries.forget_faces(store.session, probes, at=store.clock)
        return erasure.embeddings_removed, erasure.photos_removed

    return step


def erase(name: str | None) -> Step:
    """Erase a photo, or all."""

    async def step(unit: UnitOfWork, store: Store) -> tuple[int, int]:
        if name is None:
            erasure = await unit.galleries.delete_gallery(store.session, at=store.clock)
        else:
            erasure = await unit.galleries.delete_photo(store.session, PhotoId(name), at=store.clock)
        return erasure.embeddings_removed, erasure.photos_removed

    return step


def change(name: str) -> Step:
    """One step of a change of model."""

    async def step(unit: UnitOfWork, store: Store) -> None:
        if name == "begin":
            await unit.changes.begin(store.session, OTHER_SPACE)
        else:
            await getattr(unit.changes, name)(store.session)

    return step


def move(seed: int) -> Step:
    """A change of model as far as the switch, at once: single steps seldom come so far by chance."""

    async def step(unit: UnitOfWork, store: Store) -> int:
        await unit.changes.begin(store.session, OTHER_SPACE)
        built: int = await build_all(seed)(unit, store)
        await unit.changes.switch(store.session)
        return built

    return step


def purge(hours: int) -> Step:
    """Forget erasures that are so many hours old. Other galleries' too: how many is not compared."""

    async def step(unit: UnitOfWork, store: Store) -> None:
        await unit.catalogue.purge_erased(store.clock - timedelta(hours=hours))
        await look()(unit, store)  # what was under way is over, by the contract

    return step


names = st.sampled_from(NAMES)
seeds = st.integers(0, 5)
steps = st.one_of(
    st.just(("look", look())),
    st.builds(
        lambda *of, in_flight: (f"index {of} in_flight={in_flight}", index(*of, in_flight=in_flight)),
        st.lists(names, min_size=1, max_size=3, unique=True),
        seeds,
        st.integers(0, 3),
        in_flight=st.booleans(),
    ),
    st.builds(lambda *of: (f"build {of}", build(*of)), names, seeds, st.integers(0, 3)),
    st.builds(lambda seed: (f"build all {seed}", build_all(seed)), seeds),
    st.builds(lambda least: (f"forget {least}", forget(least)), st.sampled_from([-1.0, -0.2, 0.1, 0.4])),
    st.builds(lambda name: (f"erase {name}", erase(name)), st.one_of(st.none(), names)),
    st.builds(lambda name: (name, change(name)), st.sampled_from(["begin", "begin", "switch", "roll_back", "finish"])),
    st.builds(lambda seed: (f"move {seed}", move(seed)), seeds),
    st.builds(lambda hours: (f"purge {hours}", purge(hours)), st.integers(0, 3)),
)


async def outcome(store: Store, step: Step) -> object:
    """What a step gave; of an error, which."""
    try:
        return await store.units.run(lambda unit: step(unit, store))
    except FacePassError as error:
        return type(error), error.detail


async def seen(store: Store) -> tuple[list[object], list[Photo | None], list[CandidateList]]:
    """All that can be asked of a gallery."""
    async with store.units() as unit:
        state = await unit.galleries.state(store.session)
        status = await unit.galleries.gallery(store.session)
        photos = [await unit.galleries.photo(store.session, PhotoId(name)) for name in NAMES]
        waiting = await unit.changes.pending(store.session, after=None, limit=10)
        found = [
            await unit.galleries.candidates(store.session, Probe.of(SELFIES[space]), least_cosine=least, limit=2)
            for space in state.spaces[:1]
            for least in (-1.0, 0.1)
        ]
    facts: list[object] = [
        dataclasses.replace(state, revision=0),
        None if status is None else dataclasses.replace(status, session_id=SessionId("")),
        [(one.photo_id, one.source_key) for one in waiting],
    ]
    return facts, photos, found


async def assert_agree(right: Store, other: Store) -> None:
    """See that two stores hold and find the same."""
    facts, photos, found = await seen(right)
    other_facts, other_photos, other_found = await seen(other)
    assert other_facts == facts
    for one, twin in zip(photos, other_photos, strict=True):
        if one is None or twin is None:
            assert one is twin is None
        else:
            assert_same_photo(dataclasses.replace(twin, session_id=one.session_id), one)
    for mine, theirs in zip(found, other_found, strict=True):
        assert theirs.total == mine.total
        assert [dataclasses.replace(c, cosine=0) for c in theirs.candidates] == [
            dataclasses.replace(c, cosine=0) for c in mine.candidates
        ]
        assert [c.cosine for c in theirs.candidates] == pytest.approx([c.cosine for c in mine.candidates], abs=1e-6)


@pytest.mark.property
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=st.lists(steps, min_size=3, max_size=14))
async def test_stores_agree_step_by_step(postgres_engine: AsyncEngine, story: list[tuple[str, Step]]) -> None:
    """Properties 5, 21, 22 and 25 at the level of the repository, for any sequence of what can be done."""
    stores = [
        Store(InMemoryUnitOfWorkFactory(InMemoryStore()), new_session()),
        *(Store(over_postgres(postgres_engine, name), new_session()) for name in OVER_POSTGRES),
    ]
    for _, step in story:
        before = [await revision_of(store) for store in stores]
        right, *others = [await outcome(store, step) for store in stores]
        assert others == [right] * len(others)
        for store in stores:
            await assert_counts(store.units, store.session, NAMES)
        for store in stores[1:]:
            await assert_agree(stores[0], store)
        after = [await revision_of(store) for store in stores]
        if after[0] > before[0]:
            assert all(new > old for old, new in zip(before, after, strict=True))
        for store in stores:
            store.clock += timedelta(hours=1)


async def revision_of(store: Store) -> int:
    """The gallery's revision."""
    async with store.units() as unit:
        return (await unit.galleries.state(store.session)).revision
