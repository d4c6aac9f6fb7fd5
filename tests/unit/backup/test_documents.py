"""Names and documents of backups: what is read is not trusted."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.adapters.backup.documents import (
    DamagedBackup,
    ErasureFile,
    KeyFile,
    PhotoErasure,
    SessionErasure,
    SessionKey,
    decode,
    encode,
    name_at,
    time_of,
)
from facepass.adapters.backup.erasures import merged

NOON = datetime(2026, 5, 17, 12, 0, 0, 123456, tzinfo=UTC)
DAY = timedelta(days=1)


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_name_tells_its_time_and_names_sort_by_it(moment):
    assert time_of(name_at(moment)) == moment
    assert name_at(moment) < name_at(moment + timedelta(microseconds=1))


def test_names_are_in_utc():
    assert name_at(NOON.astimezone(timezone(timedelta(hours=5)))) == name_at(NOON) == "facepass-20260517-120000-123456"


@pytest.mark.parametrize("name", ["", "keys", "facepass-20261399-120000-000000", "x/facepass-20260517-120000-123456"])
def test_other_names_are_none(name):
    assert time_of(name) is None


def test_keys_survive_as_bytes():
    file = KeyFile("photos", NOON, (SessionKey(7, "gala", "first", bytes(range(256))),))
    assert decode(encode(file), KeyFile, called="keys.json") == file


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"database": 1}', b"\xff"])
def test_a_damaged_document_is_told_by_its_name(raw):
    with pytest.raises(DamagedBackup, match=r"keys\.json is damaged"):
        decode(raw, KeyFile, called="keys.json")


def test_a_later_format_is_told():
    with pytest.raises(DamagedBackup, match="newer FacePass"):
        decode(b'{"database": "photos", "format": 2}', ErasureFile, called="erasures.json")


def test_erasures_are_remembered_while_a_backup_could_bring_them_back():
    known = ErasureFile(
        "photos",
        (SessionErasure("long ago", NOON - 9 * DAY), SessionErasure("gala", NOON), SessionErasure("fair", NOON)),
        (PhotoErasure("gala", "1.jpg", NOON),),
    )
    present = ErasureFile("photos", (SessionErasure("gala", NOON + DAY),), (PhotoErasure("gala", "2.jpg", NOON),))

    kept = merged(known, present, since=NOON - 2 * DAY)

    assert {each.session_id: each.erased_at for each in kept.sessions} == {"gala": NOON + DAY, "fair": NOON}
    assert {each.photo_id for each in kept.photos} == {"1.jpg", "2.jpg"}
    assert merged(None, present, since=NOON) == present
