"""The audit trail: whole whatever happens at once, and telling nothing but what was done."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.application.ports import UnitOfWork, UnitOfWorkFactory
from facepass.domain.audit import GENESIS, AuditEntry, AuditEvent, AuditRecord, AuditVerdict, ChainCheck, digest
from facepass.domain.gallery import SessionId
from tests.gallery_builders import NOON, PROBE, photo
from tests.gallery_steps import put


def entry(number: int = 0, session: str = "s") -> AuditEntry:
    """Something that was done."""
    return AuditEntry(AuditEvent.PHOTOS_INDEXED, NOON, digest(SessionId(session)), photos=number, model="m")


async def append(units: UnitOfWorkFactory, *entries: AuditEntry) -> None:
    """Entries, in one unit of work."""
    async with units() as unit:
        for one in entries:
            await unit.audit.append(one)
        await unit.commit()


async def trail(units: UnitOfWorkFactory) -> tuple[Sequence[AuditRecord], tuple[int, bytes]]:
    """All of it, and where it says it ends."""
    async with units() as unit:
        return await unit.audit.records(after=0, limit=1000), await unit.audit.head()


def check(records: Sequence[AuditRecord], head: tuple[int, bytes]) -> AuditVerdict:
    """Follow a chain to its end."""
    checked = ChainCheck()
    checked.follow(records)
    return checked.verdict(head_no=head[0], head_hash=head[1])


async def test_an_empty_trail_begins_at_genesis(empty_units: UnitOfWorkFactory) -> None:
    records, head = await trail(empty_units)
    assert (list(records), head) == ([], (0, GENESIS))
    assert check(records, head).broken_at is None


async def test_entries_follow_each_other(empty_units: UnitOfWorkFactory) -> None:
    await append(empty_units, entry(1), entry(2))
    await append(empty_units, entry(3))
    records, head = await trail(empty_units)
    assert [one.no for one in records] == [1, 2, 3]
    assert [one.text for one in records] == [entry(number).text() for number in (1, 2, 3)]
    assert head == (3, records[-1].hash)
    assert check(records, head) == AuditVerdict(3, head[1].hex(), None)


async def test_records_come_a_page_at_a_time(empty_units: UnitOfWorkFactory) -> None:
    await append(empty_units, *(entry(number) for number in range(5)))
    async with empty_units() as unit:
        assert [one.no for one in await unit.audit.records(after=0, limit=2)] == [1, 2]
        assert [one.no for one in await unit.audit.records(after=2, limit=2)] == [3, 4]
        assert [one.no for one in await unit.audit.records(after=4, limit=2)] == [5]
        assert list(await unit.audit.records(after=5, limit=2)) == []


async def test_an_entry_holds_when_its_unit_of_work_does(empty_units: UnitOfWorkFactory) -> None:
    await append(empty_units, entry(1))
    async with empty_units() as unit:
        await put(unit, photo("s", "p", [PROBE]))
        await unit.audit.append(entry(2))
        assert (await unit.audit.head())[0] == 2
        assert (await trail(empty_units))[1][0] == 1
    await append(empty_units, entry(3))
    records, head = await trail(empty_units)
    assert [one.text for one in records] == [entry(1).text(), entry(3).text()]
    assert check(records, head).broken_at is None
    async with empty_units() as unit:
        assert await unit.galleries.gallery(SessionId("s")) is None


async def test_the_chain_is_whole_after_many_writers(empty_units: UnitOfWorkFactory) -> None:
    async def index(number: int) -> None:
        async def work(unit: UnitOfWork) -> None:
            await put(unit, photo(f"s{number % 4}", f"{number}", [PROBE]))
            await unit.audit.append(entry(number, f"s{number % 4}"))

        await empty_units.run(work)

    await asyncio.gather(*(index(number) for number in range(20)))
    records, head = await trail(empty_units)
    assert check(records, head) == AuditVerdict(20, head[1].hex(), None)
    assert sorted(json.loads(one.text)["photos"] for one in records) == list(range(20))


async def test_a_change_to_the_past_shows(empty_units: UnitOfWorkFactory) -> None:
    await append(empty_units, *(entry(number) for number in range(6)))
    records, head = await trail(empty_units)
    whole = list(records)
    forged = replace(whole[2], text=entry(99).text())
    for changed in (
        [*whole[:2], forged, *whole[3:]],
        [*whole[:2], *whole[3:]],
        [*whole[:2], whole[3], whole[2], *whole[4:]],
        whole[:2],
    ):
        assert check(changed, head).broken_at == 3
    assert check(whole, head).broken_at is None


async def test_no_entry_names_anybody(empty_units: UnitOfWorkFactory) -> None:
    session, name = "Familie Müller", "Müller, Anna.jpg"
    async with empty_units() as unit:
        await put(unit, photo(session, name, [PROBE]))
        await unit.audit.append(entry(1, session))
        erasure = await unit.galleries.delete_gallery(SessionId(session), at=NOON)
        gone = AuditEntry(
            AuditEvent.SESSION_ERASED,
            NOON,
            digest(SessionId(session)),
            photos=erasure.photos_removed,
            templates=erasure.embeddings_removed,
            receipt=erasure.receipt,
        )
        await unit.audit.append(gone)
        await unit.commit()
    records, _ = await trail(empty_units)
    assert [one.text for one in records] == [entry(1, session).text(), gone.text()]
    assert not any("ller" in one.text or "vector" in one.text for one in records)
    assert {json.loads(one.text)["session"] for one in records} == {digest(SessionId(session))}


async def test_the_database_refuses_to_change_the_past(postgres_engine: AsyncEngine, database_url: str) -> None:
    units = PostgresUnitOfWorkFactory(postgres_engine)
    await append(units, entry(1), entry(2))
    connection = await asyncpg.connect(database_url)
    for statement in ("UPDATE audit SET entry = '{}'", "DELETE FROM audit WHERE no = 1", "TRUNCATE audit"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await connection.execute(statement)
    await connection.close()
    records, head = await trail(units)
    assert check(records, head) == AuditVerdict(2, head[1].hex(), None)
