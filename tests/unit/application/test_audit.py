"""The audit trail, checked and read: whatever is done to it shows."""

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from facepass.application import check_audit
from facepass.application.check_audit import AuditCheck, parse_head
from facepass.application.ports import UnitOfWork
from facepass.domain.audit import GENESIS, AuditEntry, AuditEvent, AuditRecord, digest, link
from facepass.domain.errors import InvalidRequest
from facepass.domain.gallery import SessionId
from facepass.entrypoints.container import Container
from tests.gallery_builders import NOON

Trail = list[AuditRecord]


async def fill(container: Container, count: int, session: str = "s") -> None:
    async def work(transaction: UnitOfWork) -> None:
        for photos in range(count):
            entry = AuditEntry(AuditEvent.PHOTOS_INDEXED, NOON, digest(SessionId(session)), photos=photos)
            await transaction.audit.append(entry)

    await container.unit_of_work().run(work)


async def check(container: Container, known_head: str | None = None) -> AuditCheck:
    return await container.check_audit()(known_head=None if known_head is None else parse_head(known_head))


def chained(*texts: str) -> Trail:
    records: Trail = []
    for no, text in enumerate(texts, start=1):
        records.append(AuditRecord(no, text, link(records[-1].hash if records else GENESIS, text)))
    return records


async def test_an_empty_trail_is_whole(container: Container) -> None:
    found = await check(container)

    assert (found.sound, found.verdict.entries, found.verdict.head) == (True, 0, GENESIS.hex())
    assert (await check(container, GENESIS.hex())).head_at == 0


async def test_a_trail_of_many_batches_is_whole(container: Container) -> None:
    count = 2 * check_audit.BATCH + 500
    await fill(container, count)
    found = await check(container)

    assert (found.sound, found.verdict.entries, found.verdict.broken_at) == (True, count, None)


async def test_the_head_of_an_earlier_check_is_still_there(container: Container) -> None:
    await fill(container, check_audit.BATCH)
    head = (await check(container)).verdict.head
    await fill(container, 3)
    found = await check(container, head)

    assert (found.sound, found.head_at) == (True, check_audit.BATCH)


@pytest.mark.parametrize(
    ("tamper", "broken_at"),
    [
        (lambda trail: [*trail[:2], replace(trail[2], text=trail[2].text.replace("2", "7")), *trail[3:]], 3),
        (lambda trail: [*trail[:2], *trail[3:]], 3),
        (lambda trail: [trail[1], trail[0], *trail[2:]], 1),
        (lambda trail: [*trail[:4], replace(trail[4], hash=hashlib.sha256(b"other").digest())], 5),
        (lambda trail: [*trail, replace(trail[-1], no=6)], 6),
    ],
    ids=["changed", "removed", "swapped", "rehashed", "added"],
)
async def test_a_change_shows_where_it_is(
    container: Container, tamper: Callable[[Trail], Trail], broken_at: int
) -> None:
    await fill(container, 5)
    head = (await check(container)).verdict.head
    store = container.memory_store()
    store.audit = tamper(store.audit)
    found = await check(container)

    assert (found.sound, found.verdict.broken_at) == (False, broken_at)
    assert (await check(container, head)).head_at in {None, 5}
    assert not (await check(container, head)).sound


@pytest.mark.parametrize("rewritten", [lambda trail: trail[:3], lambda trail: chained(*(r.text + " " for r in trail))])
async def test_a_trail_written_anew_shows_by_a_head_kept_elsewhere(
    container: Container, rewritten: Callable[[Trail], Trail]
) -> None:
    await fill(container, 5)
    head = (await check(container)).verdict.head
    store = container.memory_store()
    store.audit = rewritten(store.audit)

    assert (await check(container)).sound, "the chain alone cannot tell"
    found = await check(container, head)
    assert (found.sound, found.head_at, found.verdict.broken_at) == (False, None, None)


@pytest.mark.parametrize("text", ["", "abc", "0" * 63, "g" * 64, "0" * 66])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_head(text)


async def test_a_session_is_found_by_its_id(container: Container) -> None:
    await fill(container, 3, "a")
    await fill(container, 2, "b")
    await fill(container, 2, "a")
    read = container.read_audit()

    assert [record.no for record in await read(SessionId("a"), limit=100)] == [1, 2, 3, 6, 7]
    assert [record.no for record in await read(SessionId("a"), limit=2)] == [6, 7]
    assert [record.no for record in await read(None, limit=3)] == [5, 6, 7]
    assert await read(SessionId("c"), limit=3) == []


async def test_an_entry_made_unreadable_is_no_obstacle(container: Container) -> None:
    await fill(container, 2, "a")
    store = container.memory_store()
    store.audit = [replace(store.audit[0], text="[" * 100_000), store.audit[1]]

    assert [record.no for record in await container.read_audit()(SessionId("a"), limit=9)] == [2]
    assert [record.no for record in await container.read_audit()(None, limit=9)] == [1, 2]
