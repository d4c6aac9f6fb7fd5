import asyncio

import pytest

from facepass.adapters.pgvector.in_memory.cache import SessionCache
from facepass.adapters.pgvector.in_memory.matrix import SessionMatrix
from tests.unit.pgvector.columns import faces, matrix

KEY, OTHER, THIRD = (1, 1), (2, 1), (3, 1)
SNAPSHOT = matrix(faces(1, 30))
PLENTY = 10 * SNAPSHOT.nbytes


class Loading:
    """A load that ends when told to, and notes what it was called with."""

    def __init__(self, revision: int = 1, snapshot: SessionMatrix = SNAPSHOT, *, held_up: bool = False) -> None:
        self.snapshot = snapshot
        self.revision = revision
        self.calls: list[tuple[SessionMatrix | None, int | None]] = []
        self.cancelled = False
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.failure: Exception | None = None
        if not held_up:
            self.may_end.set()

    async def __call__(self, held: SessionMatrix | None, revision: int | None) -> tuple[SessionMatrix, int]:
        self.calls.append((held, revision))
        self.begun.set()
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if self.failure:
            raise self.failure
        return self.snapshot, self.revision


async def test_what_is_held_is_not_loaded_again() -> None:
    cache, load = SessionCache(PLENTY), Loading(revision=5)
    for revision in (5, 5, 4):  # a newer one than asked for is as good
        assert await cache.get(KEY, revision, load) is SNAPSHOT
    assert load.calls == [(None, None)]
    assert (cache.entries, cache.nbytes) == (1, SNAPSHOT.nbytes)


async def test_an_old_one_is_brought_up_to_date_from_what_is_held() -> None:
    cache = SessionCache(PLENTY)
    await cache.get(KEY, 1, Loading(1))
    newer = matrix(faces(2, 60))
    load = Loading(2, newer)
    assert await cache.get(KEY, 2, load) is newer
    assert load.calls == [(SNAPSHOT, 1)]
    assert (cache.entries, cache.nbytes) == (1, newer.nbytes)


async def test_all_who_ask_meanwhile_share_one_load() -> None:
    cache, load = SessionCache(PLENTY), Loading(held_up=True)
    waiting = [asyncio.create_task(cache.get(KEY, 1, load)) for _ in range(20)]
    await load.begun.wait()
    load.may_end.set()
    assert all(found is SNAPSHOT for found in await asyncio.gather(*waiting))
    assert len(load.calls) == 1


async def test_sessions_are_loaded_side_by_side() -> None:
    cache, slow = SessionCache(PLENTY), Loading(held_up=True)
    waiting = asyncio.create_task(cache.get(KEY, 1, slow))
    await slow.begun.wait()
    assert await cache.get(OTHER, 1, Loading()) is SNAPSHOT
    slow.may_end.set()
    await waiting


async def test_a_load_that_began_too_early_is_followed_by_one_more() -> None:
    cache, early, late = SessionCache(PLENTY), Loading(1, held_up=True), Loading(2, matrix(faces(2, 60)))
    first = asyncio.create_task(cache.get(KEY, 1, early))
    await early.begun.wait()
    second, third = (asyncio.create_task(cache.get(KEY, 2, late)) for _ in range(2))
    await asyncio.sleep(0)
    early.may_end.set()
    assert await first is SNAPSHOT
    assert await second is late.snapshot
    assert await third is late.snapshot
    assert late.calls == [(SNAPSHOT, 1)]


async def test_a_load_that_began_afterwards_is_believed() -> None:
    cache, load = SessionCache(PLENTY), Loading(3)
    assert await cache.get(KEY, 4, load) is SNAPSHOT
    assert len(load.calls) == 1


async def test_a_failure_reaches_all_who_wait_and_keeps_nothing() -> None:
    cache, load = SessionCache(PLENTY), Loading(held_up=True)
    load.failure = LookupError("no such session")
    waiting = [asyncio.create_task(cache.get(KEY, 1, load)) for _ in range(3)]
    await load.begun.wait()
    load.may_end.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert outcomes == [load.failure] * 3
    assert (cache.entries, cache.nbytes) == (0, 0)
    assert await cache.get(KEY, 1, Loading()) is SNAPSHOT


async def test_a_failed_update_leaves_the_old_one_for_the_next() -> None:
    cache, failing, load = SessionCache(PLENTY), Loading(), Loading(2)
    await cache.get(KEY, 1, Loading(1))
    failing.failure = ConnectionError()
    with pytest.raises(ConnectionError):
        await cache.get(KEY, 2, failing)
    await cache.get(KEY, 2, load)
    assert load.calls == [(SNAPSHOT, 1)]


async def test_one_who_leaves_does_not_take_the_others_along() -> None:
    cache, load = SessionCache(PLENTY), Loading(held_up=True)
    first, second = (asyncio.create_task(cache.get(KEY, 1, load)) for _ in range(2))
    await load.begun.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    load.may_end.set()
    assert await second is SNAPSHOT
    assert not load.cancelled


async def test_a_load_that_nobody_waits_for_is_cancelled() -> None:
    cache, load = SessionCache(PLENTY), Loading(held_up=True)
    waiting = [asyncio.create_task(cache.get(KEY, 1, load)) for _ in range(2)]
    await load.begun.wait()
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await cache.get(KEY, 1, Loading(2)) is SNAPSHOT
    assert load.cancelled
    assert cache.entries == 1


async def test_the_least_recently_used_goes_first() -> None:
    cache = SessionCache(2 * SNAPSHOT.nbytes)
    await cache.get(KEY, 1, Loading())
    await cache.get(OTHER, 1, Loading())
    await cache.get(KEY, 1, Loading())
    await cache.get(THIRD, 1, Loading())
    assert (cache.entries, cache.nbytes) == (2, 2 * SNAPSHOT.nbytes)
    kept, gone = Loading(), Loading()
    await cache.get(KEY, 1, kept)
    await cache.get(OTHER, 1, gone)
    assert (len(kept.calls), len(gone.calls)) == (0, 1)


async def test_one_that_is_too_large_is_given_but_not_kept() -> None:
    cache = SessionCache(SNAPSHOT.nbytes)
    await cache.get(KEY, 1, Loading())
    huge = matrix(faces(3, 90))
    assert await cache.get(OTHER, 1, Loading(1, huge)) is huge
    assert cache.entries == 1
    assert await cache.get(KEY, 2, Loading(2, huge)) is huge
    assert (cache.entries, cache.nbytes) == (0, 0)


async def test_what_is_discarded_is_gone_also_while_it_is_loaded() -> None:
    cache, load = SessionCache(PLENTY), Loading(held_up=True)
    await cache.get(KEY, 1, Loading())
    waiting = asyncio.create_task(cache.get(KEY, 2, load))
    await load.begun.wait()
    cache.discard(KEY)
    cache.discard(OTHER)
    assert (cache.entries, cache.nbytes) == (0, 0)
    load.may_end.set()
    assert await waiting is SNAPSHOT
    assert (cache.entries, cache.nbytes) == (0, 0)


def test_a_budget_is_not_negative() -> None:
    with pytest.raises(ValueError, match="-1"):
        SessionCache(-1)
