"""All galleries together: listing them, finding the old ones, forgetting the erased ones."""

from datetime import timedelta

import pytest

from facepass.application.ports import StoreTotals, UnitOfWorkFactory
from facepass.domain.errors import ErasedMeanwhile
from facepass.domain.gallery import SessionId
from tests.gallery_builders import NOON, OTHER_SPACE, PROBE, in_space, new_session, photo, random_embeddings
from tests.gallery_steps import assert_counts, erase, revision, store, store_together

HOUR = timedelta(hours=1)


async def totals(units: UnitOfWorkFactory) -> StoreTotals:
    async with units() as unit:
        return await unit.catalogue.totals()


async def purge(units: UnitOfWorkFactory, hours: float) -> int:
    """Forget what was erased before so many hours after noon."""
    async with units() as unit:
        purged = await unit.catalogue.purge_erased(NOON + hours * HOUR)
        await unit.commit()
    return purged


async def test_galleries_are_listed_by_id_a_page_at_a_time(empty_units: UnitOfWorkFactory) -> None:
    names = ["b", "a", "ä", "B", "\U0001f600", "\uffee", "10", "9", "a "]
    await store(empty_units, *(photo(name, "p", [PROBE]) for name in names))
    await erase(empty_units, SessionId("9"))
    await erase(empty_units, SessionId("never seen"))
    await erase(empty_units, SessionId("a"), "p")  # a gallery without photos is one still
    left = sorted(set(names) - {"9"})
    async with empty_units() as unit:
        assert list(await unit.catalogue.sessions(after=None, limit=100)) == left
        assert list(await unit.catalogue.sessions(after=None, limit=3)) == left[:3]
        assert list(await unit.catalogue.sessions(after=SessionId(left[2]), limit=4)) == left[3:7]
        assert list(await unit.catalogue.sessions(after=SessionId(left[-1]), limit=4)) == []


async def test_galleries_nobody_wrote_to_come_longest_ago_first(empty_units: UnitOfWorkFactory) -> None:
    hours = {"d": 3, "c": 1, "b": 2, "a": 1, "gone": 0}
    await store(empty_units, *(photo(name, "p", at=NOON + hour * HOUR) for name, hour in hours.items()))
    await store(empty_units, photo("d", "q", at=NOON))  # an older picture makes a gallery no older
    await erase(empty_units, SessionId("gone"))
    async with empty_units() as unit:
        assert list(await unit.catalogue.last_indexed_before(NOON + HOUR, limit=10)) == []
        assert list(await unit.catalogue.last_indexed_before(NOON + 3 * HOUR, limit=10)) == ["a", "c", "b"]
        assert list(await unit.catalogue.last_indexed_before(NOON + 9 * HOUR, limit=2)) == ["a", "c"]


async def test_totals_count_what_is_served(empty_units: UnitOfWorkFactory) -> None:
    empty = await totals(empty_units)
    assert (empty.sessions, empty.photos, empty.embeddings) == (0, 0, 0)
    original = photo("a", "p", random_embeddings(1, 3))
    await store(empty_units, original, photo("a", "q"), photo("b", "p", random_embeddings(2, 2)), photo("c", "p"))
    await erase(empty_units, SessionId("c"))
    async with empty_units() as unit:
        await unit.changes.begin(SessionId("a"), OTHER_SPACE)
        waiting, _ = await unit.changes.pending(SessionId("a"), after=None, limit=10)
        await unit.changes.store(in_space(original), OTHER_SPACE, revision=waiting.revision)
        await unit.commit()
    found = await totals(empty_units)
    assert (found.sessions, found.photos, found.embeddings) == (2, 3, 5)
    assert found.size_bytes is None or found.size_bytes > 0


async def test_erasures_are_forgotten_when_they_are_old_enough(empty_units: UnitOfWorkFactory) -> None:
    held, erased, unseen = (SessionId(name) for name in ("held", "erased", "unseen"))
    await store(empty_units, photo(held, "p", [PROBE]), photo(erased, "p", [PROBE]))
    await erase(empty_units, held, "q", at=NOON + HOUR)
    await erase(empty_units, erased, at=NOON + 2 * HOUR)
    await erase(empty_units, unseen, "p", at=NOON + 3 * HOUR)
    assert await purge(empty_units, 1) == 0
    assert await purge(empty_units, 2) == 1
    assert await purge(empty_units, 3) == 1
    assert await revision(empty_units, erased) == 0
    assert await revision(empty_units, unseen) > 0
    assert await purge(empty_units, 4) == 2  # the photo, and the session that only its erasure made known
    assert await revision(empty_units, unseen) == 0
    assert await purge(empty_units, 100) == 0
    await assert_counts(empty_units, held, ["p"])
    await store(empty_units, photo(erased, "p", [PROBE]), photo(held, "q", [PROBE]))


async def test_an_erasure_counts_until_it_is_forgotten(empty_units: UnitOfWorkFactory) -> None:
    session = new_session()
    begun = await revision(empty_units, session)
    await erase(empty_units, session)
    await purge(empty_units, 0)
    with pytest.raises(ErasedMeanwhile):
        await store_together(empty_units, [photo(session, "p", [PROBE])], since=begun)


async def test_a_photo_erased_in_an_erased_session_keeps_it_known(empty_units: UnitOfWorkFactory) -> None:
    session = new_session()
    await erase(empty_units, session)
    begun = await revision(empty_units, session)
    await erase(empty_units, session, "p", at=NOON + 5 * HOUR)
    assert await purge(empty_units, 4) == 0
    with pytest.raises(ErasedMeanwhile):
        await store_together(empty_units, [photo(session, "p", [PROBE])], since=begun)


async def test_a_gallery_that_begins_again_is_not_forgotten(empty_units: UnitOfWorkFactory) -> None:
    session = new_session()
    await erase(empty_units, session)
    await store(empty_units, photo(session, "p", [PROBE]))
    assert await purge(empty_units, 100) == 0
    await assert_counts(empty_units, session, ["p"])
    assert (await totals(empty_units)).sessions == 1


async def test_forgetting_without_commit_does_not_hold(empty_units: UnitOfWorkFactory) -> None:
    session = new_session()
    await erase(empty_units, session)
    async with empty_units() as unit:
        assert await unit.catalogue.purge_erased(NOON + HOUR) == 1
    assert await revision(empty_units, session) > 0


async def test_of_a_new_store_no_backup_is_known(empty_units: UnitOfWorkFactory) -> None:
    async with empty_units() as unit:
        assert await unit.catalogue.last_backup_at() is None
