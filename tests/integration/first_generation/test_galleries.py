"""Imported photos in a gallery: searched like any other, in the place of no photo that FacePass has seen itself."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from facepass.adapters.memory.store import InMemoryStore
from facepass.adapters.memory.unit_of_work import InMemoryUnitOfWorkFactory
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.adapters.system.clock import SystemClock
from facepass.application.import_photos import Imported, ImportPhotos, LeftOut
from facepass.application.ports import UnitOfWorkFactory
from facepass.domain.embedding import ModelId
from facepass.domain.errors import GalleryChanged
from facepass.domain.gallery import Photo, PhotoId, SessionId, UnlocatedFace
from tests.gallery_builders import (
    MODEL,
    NOON,
    OTHER_MODEL,
    OTHER_SPACE,
    PROBE,
    at_cosine,
    new_session,
    photo,
    random_embeddings,
    unlocated,
)
from tests.gallery_steps import assert_counts, assert_same_photo, erase, search, store
from tests.integration.http.support import HEADERS, V1, api, fresh


@pytest.fixture(params=["memory", "postgres"])
def units(request: pytest.FixtureRequest) -> UnitOfWorkFactory:
    if request.param == "memory":
        return InMemoryUnitOfWorkFactory(InMemoryStore())
    return PostgresUnitOfWorkFactory(request.getfixturevalue("postgres_engine"))


@pytest.fixture
def imports(units: UnitOfWorkFactory) -> ImportPhotos:
    return ImportPhotos(unit_of_work=units, clock=SystemClock())


def old(session_id: SessionId, number: int, *, faces: int = 2) -> Photo:
    """A photo as the import makes it."""
    return unlocated(photo(session_id, f"photo {number}", random_embeddings(number, faces)))


async def entries(units: UnitOfWorkFactory) -> list[tuple[str, int, int]]:
    """Event, photos and templates of each entry of the trail."""
    async with units() as unit:
        records = await unit.audit.records(after=0, limit=1000)
    facts = [json.loads(record.text) for record in records]
    return [(one["event"], one["photos"], one["templates"]) for one in facts]


async def stored(units: UnitOfWorkFactory, session_id: SessionId, photo_id: str) -> Photo | None:
    async with units() as unit:
        return await unit.galleries.photo(session_id, PhotoId(photo_id))


async def test_imported_photos_are_found_without_a_box(units: UnitOfWorkFactory, imports: ImportPhotos) -> None:
    session = new_session()
    photos = [old(session, n) for n in range(1, 6)]
    visitor = unlocated(photo(session, "visitor", [*random_embeddings(9, 1), at_cosine(0.875)]))
    imported = await imports.store(session, [*photos, visitor], since=await imports.revision(session))
    assert imported == Imported(faces=12)
    best = (await search(units, session, PROBE, least=0.85)).candidates[0]
    assert (best.photo_id, best.face_no, best.box) == ("visitor", 1, None)
    assert_same_photo(await stored(units, session, "photo 3"), photos[2])
    await assert_counts(units, session, [*(f"photo {n}" for n in range(1, 6)), "visitor"])
    assert await entries(units) == [("imported", 6, 12)]


async def test_the_api_shows_an_imported_photo() -> None:
    gala = SessionId("gala")
    async with api() as client:
        container = fresh()
        imports = ImportPhotos(unit_of_work=container.unit_of_work(), clock=container.clock())
        await imports.store(gala, [old(gala, 1)], since=0)
        answer = await client.get(f"{V1}/index/gala/photos/photo%201", headers=HEADERS)
    assert answer.status_code == 200
    shown: dict[str, Any] = answer.json()
    assert [face["box"] for face in shown["faces"]] == [None, None]


async def test_importing_again_changes_nothing(units: UnitOfWorkFactory, imports: ImportPhotos) -> None:
    session = new_session()
    photos = [old(session, n) for n in range(1, 4)]
    for _ in range(2):
        assert await imports.store(session, photos, since=0) == Imported(faces=6)
    grown = old(session, 2, faces=3)
    assert await imports.store(session, [photos[0], grown], since=0) == Imported(faces=5)
    assert_same_photo(await stored(units, session, "photo 2"), grown)
    await assert_counts(units, session, [f"photo {n}" for n in range(1, 4)])


async def test_what_facepass_indexed_itself_is_kept(units: UnitOfWorkFactory, imports: ImportPhotos) -> None:
    session = new_session()
    own = photo(session, "photo 2", random_embeddings(20, 1))
    nobody = photo(session, "photo 3")
    await store(units, own, nobody)
    imported = await imports.store(session, [old(session, n) for n in range(1, 5)], since=0)
    own_ids = dict.fromkeys(["photo 2", "photo 3"], LeftOut.INDEXED_ANEW)
    assert (imported.faces, imported.left_out) == (4, own_ids)
    assert_same_photo(await stored(units, session, "photo 2"), own)
    assert_same_photo(await stored(units, session, "photo 3"), nobody)
    await assert_counts(units, session, [f"photo {n}" for n in range(1, 5)])
    assert (await imports.store(session, [old(session, 2)], since=0)).left_out == {"photo 2": LeftOut.INDEXED_ANEW}


async def test_a_session_of_another_model_is_left_out(units: UnitOfWorkFactory, imports: ImportPhotos) -> None:
    session = new_session()
    other = photo(session, "photo 1", random_embeddings(1, 1, dimension=OTHER_SPACE.dimension, model=OTHER_MODEL))
    await store(units, other, model=OTHER_MODEL)
    imported = await imports.store(session, [old(session, 1), old(session, 2)], since=0)
    assert imported == Imported(left_out=dict.fromkeys(["photo 1", "photo 2"], LeftOut.OTHER_MODEL))
    await assert_counts(units, session, ["photo 1", "photo 2"])


async def test_a_session_that_changes_its_model_is_left_out(units: UnitOfWorkFactory, imports: ImportPhotos) -> None:
    session = new_session()
    await store(units, photo(session, "photo 1", random_embeddings(1, 1)))
    async with units() as unit:
        await unit.changes.begin(session, OTHER_SPACE)
        await unit.commit()
    assert (await imports.store(session, [old(session, 2)], since=0)).left_out == {"photo 2": LeftOut.OTHER_MODEL}


async def test_what_was_erased_meanwhile_stays_erased(units: UnitOfWorkFactory, imports: ImportPhotos) -> None:
    session = new_session()
    photos = [old(session, n) for n in range(1, 8)]
    begun = await imports.revision(session)
    await imports.store(session, photos, since=begun)
    await erase(units, session, "photo 3")
    await erase(units, session, "photo 6")
    imported = await imports.store(session, photos, since=begun)
    assert imported == Imported(10, dict.fromkeys(["photo 3", "photo 6"], LeftOut.ERASED))
    assert await stored(units, session, "photo 3") is None

    await erase(units, session)
    imported = await imports.store(session, photos[:3], since=begun)
    assert imported.left_out == {f"photo {n}": LeftOut.ERASED for n in range(1, 4)}
    await assert_counts(units, session, [f"photo {n}" for n in range(1, 8)])

    # a new import begins with what there is: it was asked for after the erasure
    assert await imports.store(session, photos, since=await imports.revision(session)) == Imported(14)


class Interrupting:
    """Units of work before whose first write somebody else writes to the session, as often as told."""

    def __init__(self, others: UnitOfWorkFactory, writes: Sequence[Photo], *, model: ModelId = MODEL) -> None:
        self._others = others
        self._writes = list(writes)
        self._model = model

    async def run(self, work: Any) -> Any:
        """One attempt."""
        async with self._others() as unit:
            for name in ("replace_photos", "delete_photo"):
                setattr(unit.galleries, name, self._letting_in(getattr(unit.galleries, name)))
            result = await work(unit)
            await unit.commit()
        return result

    def _letting_in(self, write: Any) -> Any:
        first = True

        async def writing(*arguments: Any, **options: Any) -> Any:
            nonlocal first
            if self._writes and first:  # at later writes the unit holds the session, and nobody comes in
                first = False
                await store(self._others, self._writes.pop(0), model=self._model)
            return await write(*arguments, **options)

        return writing


def among_others(units: UnitOfWorkFactory, writes: Sequence[Photo], *, model: ModelId = MODEL) -> ImportPhotos:
    """An import into sessions that others write to."""
    return ImportPhotos(unit_of_work=Interrupting(units, writes, model=model), clock=SystemClock())  # type: ignore[arg-type]  # all that is used of it


@pytest.mark.parametrize("interruptions", [1, 2, 20])
async def test_a_photo_indexed_between_look_and_write_is_kept(units: UnitOfWorkFactory, interruptions: int) -> None:
    session = new_session()
    photos = [old(session, n) for n in range(1, 5)]
    await ImportPhotos(unit_of_work=units, clock=SystemClock()).store(session, photos, since=0)
    own = [photo(session, "photo 2", random_embeddings(30 + n, 3)) for n in range(interruptions)]
    busy = among_others(units, own)
    imported = await busy.store(session, photos, since=0)
    assert imported == Imported(6, {"photo 2": LeftOut.INDEXED_ANEW})
    assert_same_photo(await stored(units, session, "photo 2"), own[-1])
    await assert_counts(units, session, [f"photo {n}" for n in range(1, 5)])


async def test_a_session_that_is_bound_between_look_and_write(units: UnitOfWorkFactory) -> None:
    session = new_session()
    other = photo(session, "photo 9", random_embeddings(1, 1, dimension=OTHER_SPACE.dimension, model=OTHER_MODEL))
    busy = among_others(units, [other], model=OTHER_MODEL)
    imported = await busy.store(session, [old(session, 1)], since=0)
    assert imported.left_out == {"photo 1": LeftOut.OTHER_MODEL}


async def test_a_session_without_rest_is_given_up(units: UnitOfWorkFactory, imports: ImportPhotos) -> None:
    session = new_session()
    await imports.store(session, [old(session, 1)], since=0)
    others = [photo(session, "another", random_embeddings(2, 1))] * 101
    busy = among_others(units, others)
    with pytest.raises(GalleryChanged):
        await busy.store(session, [old(session, 1)], since=0)


async def test_withdrawing_removes_what_is_still_as_imported(units: UnitOfWorkFactory, imports: ImportPhotos) -> None:
    session = new_session()
    photos = [old(session, n) for n in range(1, 5)]
    await imports.store(session, photos, since=0)
    own = photo(session, "photo 2", random_embeddings(20, 1))
    await store(units, own)
    ids = [PhotoId(f"photo {n}") for n in range(1, 6)]
    assert await imports.withdraw(session, ids, OTHER_MODEL) == 0
    assert await imports.withdraw(session, ids, MODEL) == 6
    assert await imports.withdraw(session, ids, MODEL) == 0
    assert_same_photo(await stored(units, session, "photo 2"), own)
    await assert_counts(units, session, ids)
    assert await entries(units) == [("imported", 4, 8), ("import_rolled_back", 3, 6)]


async def test_a_photo_indexed_while_it_is_withdrawn_stays(units: UnitOfWorkFactory, imports: ImportPhotos) -> None:
    session = new_session()
    photos = [old(session, n) for n in range(1, 5)]
    await imports.store(session, photos, since=0)
    own = [photo(session, "photo 2", random_embeddings(30 + n, 3)) for n in range(4)]
    busy = among_others(units, own)
    assert await busy.withdraw(session, [one.photo_id for one in photos], MODEL) == 6
    assert_same_photo(await stored(units, session, "photo 2"), own[-1])
    await assert_counts(units, session, [f"photo {n}" for n in range(1, 5)])


async def test_a_gallery_that_was_imported_whole_is_free_again(units: UnitOfWorkFactory, imports: ImportPhotos) -> None:
    session = new_session()
    await imports.store(session, [old(session, 1)], since=0)
    await imports.withdraw(session, [PhotoId("photo 1")], MODEL)
    async with units() as unit:
        assert await unit.galleries.gallery(session) is None
        assert (await unit.galleries.state(session)).space is None
    elsewhere = photo(session, "photo 1", random_embeddings(1, 1, dimension=5, model=OTHER_MODEL))
    again = unlocated(replace(elsewhere, indexed_at=NOON + timedelta(days=1)))
    assert await imports.store(session, [again], since=await imports.revision(session)) == Imported(faces=1)
    assert isinstance(again.templates[0].face, UnlocatedFace)
