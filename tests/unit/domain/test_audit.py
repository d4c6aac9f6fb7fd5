"""The audit trail's entries and the check of its chain."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.domain.audit import GENESIS, AuditEntry, AuditEvent, AuditRecord, AuditVerdict, ChainCheck, digest, link
from facepass.domain.gallery import SessionId

AT = datetime(2026, 1, 2, tzinfo=UTC)


def chain(length: int) -> list[AuditRecord]:
    """A whole trail."""
    records: list[AuditRecord] = []
    for number in range(1, length + 1):
        text = AuditEntry(AuditEvent.PHOTOS_INDEXED, AT, digest(SessionId("s")), photos=number).text()
        records.append(AuditRecord(number, text, link(records[-1].hash if records else GENESIS, text)))
    return records


def check(records: list[AuditRecord], end: AuditRecord | None) -> AuditVerdict:
    """Follow records whose store says that they end there."""
    checked = ChainCheck()
    checked.follow(records)
    return checked.verdict(head_no=end.no if end else 0, head_hash=end.hash if end else GENESIS)


def test_an_entry_is_canonical_json_of_what_is_known() -> None:
    entry = AuditEntry(AuditEvent.SESSION_ERASED, AT, digest(SessionId("Müller")), photos=2, templates=5, receipt="r")
    assert json.loads(entry.text()) == {
        "at": "2026-01-02T00:00:00+00:00",
        "event": "session_erased",
        "photos": 2,
        "receipt": "r",
        "session": digest(SessionId("Müller")),
        "templates": 5,
    }
    assert entry.text() == replace(entry).text()
    assert list(json.loads(entry.text())) == sorted(json.loads(entry.text()))
    assert " " not in entry.text()


def test_a_session_is_called_by_the_digest_of_its_id() -> None:
    assert len(digest(SessionId("s"))) == 64
    assert digest(SessionId("s")) != digest(SessionId("S"))


@pytest.mark.property
@given(length=st.integers(0, 12), cut=st.integers(0, 12))
def test_a_whole_chain_is_whole_however_it_is_read(length: int, cut: int) -> None:
    records = chain(length)
    checked = ChainCheck()
    checked.follow(records[:cut])
    checked.follow(records[cut:])
    end = records[-1] if records else AuditRecord(0, "", GENESIS)
    assert checked.verdict(head_no=end.no, head_hash=end.hash) == AuditVerdict(length, end.hash.hex(), None)


@pytest.mark.property
@given(
    length=st.integers(1, 8),
    place=st.integers(0, 7),
    how=st.sampled_from(["text", "hash", "number", "removed", "doubled", "forged"]),
)
def test_any_change_to_the_past_is_found_where_it_is(length: int, place: int, how: str) -> None:
    records = chain(length)
    place %= length
    victim, end = records[place], records[-1]
    before = records[place - 1].hash if place else GENESIS
    forged = victim.text.replace("photos", "albums")
    changed = {
        "text": [replace(victim, text=victim.text + " ")],
        "hash": [replace(victim, hash=bytes(32))],
        "number": [replace(victim, no=victim.no + 1)],
        "removed": [],
        "doubled": [victim, victim],
        "forged": [replace(victim, text=forged, hash=link(before, forged))],
    }[how]
    verdict = check([*records[:place], *changed, *records[place + 1 :]], end)
    # a duplicate is the record after its original; a forged entry with the right hash breaks the link that follows it
    assert verdict.broken_at == place + 1 + (how in ("doubled", "forged"))
    if how in ("text", "hash", "number"):
        assert verdict.head == before.hex()


def test_a_cut_off_end_shows() -> None:
    records = chain(5)
    assert check(records[:3], records[-1]).broken_at == 4
    assert check([], records[-1]).broken_at == 1
    assert check(records, records[3]).broken_at == 6
    assert check([], None) == AuditVerdict(0, GENESIS.hex(), None)
