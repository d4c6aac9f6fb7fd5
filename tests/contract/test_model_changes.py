"""How a gallery comes to another model: step by step, searchable all the time, with a way back."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from facepass.application.ports import ModelChanges, UnitOfWorkFactory
from facepass.domain.embedding import ModelId, TemplateSpace
from facepass.domain.errors import Conflict, GalleryChanged, NotFound
from facepass.domain.gallery import ModelChange, PhotoId
from tests.gallery_builders import (
    NOON,
    OTHER_MODEL,
    OTHER_SPACE,
    PROBE,
    SPACE,
    at_cosine,
    in_space,
    new_session,
    photo,
    random_embeddings,
)
from tests.gallery_steps import (
    assert_counts,
    assert_same_photo,
    erase,
    revision,
    search,
    store,
    store_together,
)
from tests.model_change_steps import begin, build, build_all, change, pending

THIRD_SPACE = TemplateSpace(ModelId("third-model"), 3)


async def test_while_another_model_is_built_the_former_serves(units: UnitOfWorkFactory) -> None:
    session = new_session()
    await store(units, photo(session, "p", [PROBE]))
    before = await search(units, session)
    await begin(units, session)
    async with units() as unit:
        state = await unit.galleries.state(session)
        status = await unit.galleries.gallery(session)
    assert (state.spaces, state.change, state.face_count) == ((SPACE, OTHER_SPACE), ModelChange.BUILDING, 1)
    assert status is not None
    assert (status.model, status.face_count) == (SPACE.model, 1)
    assert await search(units, session) == before
    await build_all(units, photo(session, "p", [PROBE]))
    assert await search(units, session) == before
    await assert_counts(units, session, ["p"])


async def test_beginning_is_refused_where_it_makes_no_sense(units: UnitOfWorkFactory) -> None:
    session = new_session()
    with pytest.raises(NotFound):
        await begin(units, session)
    original = photo(session, "p", [PROBE])
    await store(units, original)
    with pytest.raises(Conflict):
        await begin(units, session, SPACE)
    await begin(units, session)
    await begin(units, session)
    with pytest.raises(Conflict):
        await begin(units, session, THIRD_SPACE)
    await build_all(units, original)
    await change(units, lambda changes: changes.switch(session))
    for space in (SPACE, OTHER_SPACE, THIRD_SPACE):
        with pytest.raises(Conflict):
            await begin(units, session, space)
    await erase(units, session)
    with pytest.raises(NotFound):
        await begin(units, session)


@pytest.mark.parametrize("is_known", [True, False])
async def test_without_a_change_there_is_nothing_to_end(units: UnitOfWorkFactory, is_known: bool) -> None:
    session = new_session()
    original = photo(session, "p", [PROBE])
    if is_known:
        await store(units, original)
    steps: list[Callable[[ModelChanges], Awaitable[None]]] = [
        lambda changes: changes.switch(session),
        lambda changes: changes.roll_back(session),
        lambda changes: changes.finish(session),
    ]
    for step in steps:
        with pytest.raises(Conflict):
            await change(units, step)
    with pytest.raises(GalleryChanged):
        await build(units, in_space(original), await revision(units, session))
    assert await pending(units, session) == []


async def test_pending_photos_come_by_id_a_page_at_a_time(units: UnitOfWorkFactory) -> None:
    session = new_session()
    names = ["b", "a", "ä", "B", "10", "9"]
    photos = [replace(photo(session, name, [PROBE] * (n % 2)), source_key=f"{n}.jpg") for n, name in enumerate(names)]
    await store(units, *photos, photo(new_session(), "c", [PROBE]))
    assert await pending(units, session) == []
    await begin(units, session)
    waiting = await pending(units, session)
    assert [one.photo_id for one in waiting] == sorted(names)
    assert {one.photo_id: one.source_key for one in waiting} == {one.photo_id: one.source_key for one in photos}
    assert await pending(units, session, limit=2) == waiting[:2]
    assert await pending(units, session, after=waiting[1].photo_id, limit=3) == waiting[2:5]
    await build_all(units, *photos[:1], *photos[1:])
    assert await pending(units, session) == []


async def test_a_photo_that_has_changed_since_is_not_stored(units: UnitOfWorkFactory) -> None:
    session = new_session()
    original = photo(session, "p", [PROBE])
    await store(units, original, photo(session, "q", [PROBE]))
    await begin(units, session)
    p, q = await pending(units, session)
    newer = photo(session, "p", random_embeddings(1, 3), at=NOON + timedelta(hours=1))
    begun = await revision(units, session)
    await store_together(units, [newer], [in_space(newer)], spaces=[SPACE, OTHER_SPACE], since=begun)
    assert not await build(units, in_space(original), p.revision)
    await erase(units, session, "q")
    assert not await build(units, in_space(photo(session, "q", [PROBE])), q.revision)
    assert await pending(units, session) == []  # whoever indexed it again brought both
    await change(units, lambda changes: changes.switch(session))
    await assert_counts(units, session, ["p", "q"])
    async with units() as unit:
        assert_same_photo(await unit.galleries.photo(session, PhotoId("p")), in_space(newer))


async def test_templates_are_built_for_the_space_that_was_begun_only(units: UnitOfWorkFactory) -> None:
    session = new_session()
    original = photo(session, "p", [PROBE])
    await store(units, original)
    await begin(units, session)
    (waiting,) = await pending(units, session)
    with pytest.raises(GalleryChanged):
        await build(units, in_space(original, THIRD_SPACE), waiting.revision, space=THIRD_SPACE)
    with pytest.raises(GalleryChanged):
        await build(units, original, waiting.revision, space=SPACE)
    with pytest.raises(Conflict):
        await build(units, original, waiting.revision)
    await change(units, lambda changes: changes.roll_back(session))
    with pytest.raises(GalleryChanged):
        await build(units, in_space(original), waiting.revision)
    await assert_counts(units, session, ["p"])


async def test_an_erased_gallery_changes_no_more(units: UnitOfWorkFactory) -> None:
    session = new_session()
    original = photo(session, "p", [PROBE])
    await store(units, original)
    await begin(units, session)
    (waiting,) = await pending(units, session)
    await build(units, in_space(original), waiting.revision)
    erasure = await erase(units, session)
    assert (erasure.embeddings_removed, erasure.photos_removed) == (2, 1)
    with pytest.raises(GalleryChanged):
        await build(units, in_space(original), waiting.revision)
    await assert_counts(units, session, ["p"])
    await store(units, photo(session, "p", [at_cosine(1.0, model=OTHER_MODEL)]), model=OTHER_MODEL)
    await assert_counts(units, session, ["p"])


async def test_indexing_needs_templates_of_both_spaces(units: UnitOfWorkFactory) -> None:
    session = new_session()
    original, second = photo(session, "p", [PROBE]), photo(session, "q", random_embeddings(2, 2))
    await store(units, original)
    begun = await revision(units, session)
    await begin(units, session)
    with pytest.raises(GalleryChanged):
        await store_together(units, [second], since=begun)
    both = [SPACE, OTHER_SPACE]
    begun = await revision(units, session)
    assert await store_together(units, [second], [in_space(second)], spaces=both, since=begun) == frozenset()
    assert [one.photo_id for one in await pending(units, session)] == ["p"]
    assert (await search(units, session)).total == 2
    # in whichever order they come: the gallery knows which are served
    reverse = await store_together(units, [in_space(second)], [second], spaces=both[::-1], since=begun)
    assert reverse == {"q"}
    await assert_counts(units, session, ["p", "q"])
