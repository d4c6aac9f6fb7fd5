"""Changing a session's model, whole, on in-memory adapters."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress

import pytest
from dependency_injector import providers

from facepass.adapters.memory.photos import MemoryImageSource
from facepass.adapters.memory.vision import ColourModel, MemoryEmbeddingModels
from facepass.application.change_model import (
    ChangeModel,
    ChangeStatus,
    FinishChange,
    GetChangeStatus,
    ModelChangeReport,
    RollBackChange,
)
from facepass.application.ports import T, UnitOfWork, UnitOfWorkFactory
from facepass.application.probe import OnMultiple
from facepass.application.rebuild_gallery import RebuildGallery, RebuildObserver, RebuildTally
from facepass.application.rebuild_photo import RebuildPhoto
from facepass.domain.audit import digest
from facepass.domain.embedding import ModelId
from facepass.domain.errors import Conflict, DependencyUnavailable, GalleryChanged, NoFaceDetected, NotFound
from facepass.domain.face import ImageSize
from facepass.domain.gallery import ModelChange, Photo, PhotoId, SessionId, Template, UnlocatedFace
from facepass.domain.identification import Threshold
from facepass.domain.job import PhotoToIndex
from facepass.domain.ports import ImageSource
from facepass.entrypoints.container import Container
from tests.gallery_builders import NOON
from tests.scenes import scene

PARTY = SessionId("party")
OLD, NEW = ColourModel(), ColourModel(dimension=64)
PHOTOS = {"a": scene(1, 2), "b": scene(2), "c": scene(3), "d": scene(1, 3), "empty": scene()}


class HookedSource(ImageSource):
    """Photos in memory; something may happen while one is read."""

    def __init__(self, photos: dict[str, bytes]) -> None:
        self._source = MemoryImageSource(photos, max_bytes=2**20)
        self.hooks: dict[str, Callable[[], Awaitable[object]]] = {}
        self.read_keys: list[str] = []

    async def read(self, key: str) -> bytes:
        """See `ImageSource.read`; a hook runs once, after the picture was read."""
        self.read_keys.append(key)
        data = await self._source.read(key)
        hook = self.hooks.pop(key, None)
        if hook is not None:
            await hook()
        return data

    def keys(self, prefix: str) -> AsyncGenerator[str, None]:
        """See `ImageSource.keys`."""
        return self._source.keys(prefix)


class Watcher(RebuildObserver):
    """Counts, and says when it is enough."""

    def __init__(self, *, enough: int | None = None) -> None:
        self._enough = enough
        self.finished: list[int] = []

    def advanced(self, tally: RebuildTally) -> None:
        """See `RebuildObserver.advanced`."""
        self.finished.append(tally.finished)

    def stop(self) -> bool:
        """Whether it is enough."""
        return self._enough is not None and bool(self.finished) and self.finished[-1] >= self._enough


class Outage(UnitOfWorkFactory):
    """A store that goes away after so many units of work, and comes back."""

    def __init__(self, units: UnitOfWorkFactory) -> None:
        self._units = units
        self.left: int | None = None

    def __call__(self) -> UnitOfWork:
        """See `UnitOfWorkFactory.__call__`."""
        return self._units()

    async def run(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """See `UnitOfWorkFactory.run`."""
        if self.left is not None:
            if self.left == 0:
                raise DependencyUnavailable("database", "gone")
            self.left -= 1
        return await self._units.run(work)


class World:
    """A service with two models, and the use cases of changing between them."""

    def __init__(self, container: Container) -> None:
        container.models.override(providers.Object(MemoryEmbeddingModels(OLD, NEW)))
        self.container = container
        self.photos = dict(PHOTOS)
        self.source = HookedSource(self.photos)
        self.units = Outage(container.unit_of_work())
        rebuild_photo = RebuildPhoto(
            analyser=container.analyser(), source=self.source, gate=container.gate(), limits=container.source_limits()
        )
        rebuild = RebuildGallery(rebuild_photo=rebuild_photo, unit_of_work=self.units, concurrency=1)
        self.status = GetChangeStatus(unit_of_work=self.units)
        self.change_model = ChangeModel(
            models=container.models(),
            rebuild=rebuild,
            status=self.status,
            unit_of_work=self.units,
            clock=container.clock(),
        )
        self.roll_back = RollBackChange(unit_of_work=self.units, clock=container.clock())
        self.finish = FinishChange(unit_of_work=self.units, clock=container.clock())

    async def index(self, name: str, data: bytes) -> None:
        with suppress(NoFaceDetected):
            await self.container.index_photo()(PARTY, PhotoId(name), data, self.container.source_limits())

    async def index_all(self) -> None:
        for name, data in PHOTOS.items():
            await self.index(name, data)

    async def change(
        self,
        *,
        to: ColourModel = NEW,
        switch: bool = True,
        allow_missing: bool = False,
        watcher: Watcher | None = None,
    ) -> ModelChangeReport:
        watcher = watcher or Watcher()
        return await self.change_model(
            PARTY, to.space, switch=switch, allow_missing=allow_missing, stop=watcher.stop, observer=watcher
        )

    async def found(self, person: int) -> set[str]:
        result = await self.container.search_gallery()(
            PARTY,
            [scene(person)],
            limits=self.container.source_limits(),
            threshold=Threshold(0.9),
            limit=100,
            on_multiple=OnMultiple.ERROR,
        )
        return {match.candidate.photo_id for match in result.matches}

    async def events(self) -> list[str]:
        async with self.units() as unit:
            records = await unit.audit.records(after=0, limit=1000)
        entries = [json.loads(record.text) for record in records]
        assert all(entry["session"] == digest(PARTY) for entry in entries)
        return [entry["event"] for entry in entries if entry["event"].startswith("model_change")]


@pytest.fixture
async def world(container: Container) -> World:
    made = World(container)
    await made.index_all()
    return made


def stands(status: ChangeStatus) -> tuple[ModelId, ModelId | None, ModelChange | None, int]:
    return status.model, status.other, status.change, status.pending


async def test_the_new_model_finds_what_the_old_one_found(world):
    before = [await world.found(person) for person in (1, 2, 3)]
    watcher = Watcher()
    report = await world.change(watcher=watcher)

    assert stands(report.status) == (NEW.model_id, OLD.model_id, ModelChange.SWITCHED, 0)
    assert (report.tally.photos, report.tally.rebuilt, report.tally.faces, report.tally.faces_lost) == (5, 5, 6, 0)
    assert (report.interrupted, report.tally.failures, report.tally.left_out) == (False, {}, [])
    assert watcher.finished == [0, 1, 2, 3, 4, 5]
    assert [await world.found(person) for person in (1, 2, 3)] == before
    await world.finish(PARTY)
    assert [await world.found(person) for person in (1, 2, 3)] == before
    assert stands(await world.status(PARTY)) == (NEW.model_id, None, None, 0)
    assert await world.events() == ["model_change_begun", "model_change_switched", "model_change_finished"]


async def test_building_alone_switches_nothing_and_the_next_run_only_switches(world):
    built = await world.change(switch=False)
    assert stands(built.status) == (OLD.model_id, NEW.model_id, ModelChange.BUILDING, 0)
    assert await world.found(1) == {"a", "d"}

    switched = await world.change()

    assert (switched.tally.photos, switched.tally.rebuilt) == (0, 0)
    assert switched.status.model == NEW.model_id
    again = await world.change()
    assert again.status == switched.status
    assert await world.events() == ["model_change_begun", "model_change_switched"]


async def test_going_back_before_and_after_the_switch(world):
    await world.change(switch=False)
    await world.roll_back(PARTY)
    assert stands(await world.status(PARTY)) == (OLD.model_id, None, None, 0)
    await world.change()
    await world.roll_back(PARTY)

    assert stands(await world.status(PARTY)) == (OLD.model_id, None, None, 0)
    assert await world.found(1) == {"a", "d"}
    for step in (world.roll_back, world.finish):
        with pytest.raises(Conflict):
            await step(PARTY)
    assert (await world.events())[-1] == "model_change_rolled_back"


async def test_a_session_of_the_model_is_left_as_it_is(world):
    report = await world.change(to=OLD)

    assert stands(report.status) == (OLD.model_id, None, None, 0)
    assert await world.events() == []


async def test_photos_without_a_picture_block_the_switch_until_they_are_left_out(world):
    del world.photos["b"]
    world.photos["c"] = b"no picture"
    blocked = await world.change()

    assert stands(blocked.status) == (OLD.model_id, NEW.model_id, ModelChange.BUILDING, 2)
    assert {failure.photo_id: failure.code for failure in blocked.tally.failures.values()} == {
        "b": "not_found",
        "c": "unsupported_image",
    }
    assert await world.found(2) == {"a", "b"}

    allowed = await world.change(allow_missing=True)

    assert (allowed.tally.photos, allowed.tally.rebuilt, allowed.tally.failures) == (2, 0, {})
    assert [failure.photo_id for failure in allowed.tally.left_out] == ["b", "c"]
    assert allowed.status.model == NEW.model_id
    assert (allowed.status.photos, await world.found(2), await world.found(3)) == (5, {"a"}, {"d"})
    await world.roll_back(PARTY)
    assert await world.found(2) == {"a", "b"}


async def test_photos_somewhere_else_are_not_left_out_all_together(world):
    world.photos.clear()
    with pytest.raises(Conflict, match="another place"):
        await world.change(allow_missing=True)

    assert await world.found(1) == {"a", "d"}
    assert (await world.status(PARTY)).pending == 4


async def test_a_picture_of_somebody_else_is_not_taken_for_the_photo(world):
    world.photos["b"] = scene(9, size=300)
    report = await world.change()

    (failure,) = report.tally.failures.values()
    assert (failure.photo_id, failure.code) == ("b", "conflict")


async def test_the_forgotten_stay_forgotten(world):
    forget = world.container.forget_person()
    await forget(PARTY, scene(1), limits=world.container.source_limits(), threshold=Threshold(0.9))
    report = await world.change()

    assert report.status.change is ModelChange.SWITCHED
    assert (await world.found(1), await world.found(2), await world.found(3)) == (set(), {"a", "b"}, {"c", "d"})


async def test_somebody_forgotten_while_their_photo_is_read_stays_forgotten(world):
    async def forget() -> None:
        use_case = world.container.forget_person()
        await use_case(PARTY, scene(1), limits=world.container.source_limits(), threshold=Threshold(0.9))

    world.source.hooks["d"] = forget
    report = await world.change()

    assert report.status.change is ModelChange.SWITCHED
    assert (await world.found(1), await world.found(3)) == (set(), {"c", "d"})


async def test_a_photo_indexed_again_while_it_is_read_keeps_its_newest_faces(world):
    world.source.hooks["b"] = lambda: world.index("b", scene(3))
    report = await world.change()

    assert report.status.change is ModelChange.SWITCHED
    assert (await world.found(2), await world.found(3)) == ({"a"}, {"b", "c", "d"})


async def test_a_photo_erased_while_it_is_read_is_gone(world):
    world.source.hooks["b"] = lambda: world.container.delete_photo()(PARTY, PhotoId("b"))
    report = await world.change()

    assert (report.status.photos, report.status.change) == (4, ModelChange.SWITCHED)
    assert await world.found(2) == {"a"}


@pytest.mark.parametrize("ending", ["roll back", "erase"])
async def test_a_run_whose_change_is_ended_by_somebody_else_ends(world, ending):
    async def end() -> None:
        if ending == "erase":
            await world.container.delete_gallery()(PARTY)
        else:
            await world.roll_back(PARTY)

    world.source.hooks["b"] = end
    with pytest.raises(GalleryChanged):
        await world.change()

    assert world.source.read_keys == ["a", "b"]


async def test_a_run_that_was_stopped_is_gone_on_with(world):
    stopped = await world.change(watcher=Watcher(enough=2))
    assert (stopped.interrupted, stopped.tally.rebuilt, stopped.status.pending) == (True, 2, 3)
    assert stopped.status.change is ModelChange.BUILDING

    rest = await world.change()

    assert (rest.interrupted, rest.tally.photos, rest.tally.rebuilt) == (False, 3, 3)
    assert world.source.read_keys == ["a", "b", "c", "d"]
    assert await world.found(1) == {"a", "d"}


async def test_a_run_the_database_left_is_gone_on_with(world):
    await world.change(watcher=Watcher(enough=1))
    for units in range(1, 30):
        world.units.left = units
        try:
            report = await world.change()
        except DependencyUnavailable:
            continue
        break

    assert report.status.change is ModelChange.SWITCHED
    assert await world.found(1) == {"a", "d"}
    assert await world.events() == ["model_change_begun", "model_change_switched"]


async def test_a_photo_is_read_by_the_key_it_was_indexed_by(container):
    world = World(container)
    container.memory_photos()["folder/k.jpg"] = scene(4)
    await container.index_batch()(PARTY, [PhotoToIndex(PhotoId("k"), "folder/k.jpg")])
    await world.index("a", PHOTOS["a"])
    world.photos["folder/k.jpg"] = scene(4)

    assert (await world.change()).status.change is ModelChange.SWITCHED
    assert sorted(world.source.read_keys) == ["a", "folder/k.jpg"]
    assert await world.found(4) == {"k"}


@pytest.mark.parametrize(("detected", "change"), [(2, ModelChange.SWITCHED), (3, ModelChange.BUILDING)])
async def test_faces_of_an_earlier_system_are_found_anew_where_none_was_removed(world, detected, change):
    """Where one was, nobody knows which."""
    async with world.units() as unit:
        before = await unit.galleries.photo(PARTY, PhotoId("a"))
        templates = tuple(Template(UnlocatedFace(t.face.face_no, 0.9), t.embedding) for t in before.templates)
        since = (await unit.galleries.state(PARTY)).revision
        unlocated = Photo(PARTY, PhotoId("a"), ImageSize(640, 480), detected, templates, NOON)
        await unit.galleries.replace_photos(PARTY, {OLD.space: [unlocated]}, since=since)
        await unit.commit()

    report = await world.change()

    assert report.status.change is change
    assert [failure.code for failure in report.tally.failures.values()] == ["conflict"] * (detected - 2)
    assert await world.found(2) == {"a", "b"}


async def test_what_cannot_be_changed_is_left_as_it_is(container):
    world = World(container)
    with pytest.raises(NotFound):
        await world.change()
    with pytest.raises(NotFound):
        await world.status(PARTY)
    await world.index_all()
    with pytest.raises(Conflict):
        await world.change(to=ColourModel(dimension=32))
    assert stands(await world.status(PARTY)) == (OLD.model_id, None, None, 0)
    await world.change(switch=False)
    with pytest.raises(Conflict):
        await world.change(to=OLD)
