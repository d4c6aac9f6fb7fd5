"""Opaque ids, thresholds and receipts."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.domain.errors import InvalidRequest
from facepass.domain.gallery import Erasure, OpaqueId, PhotoId, SessionId
from facepass.domain.identification import Threshold

ids = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=255)


@given(ids)
@pytest.mark.property
def test_property_3_an_id_is_kept_as_given(value: str) -> None:
    assert PhotoId.parse(value, "photo_id") == value
    assert PhotoId.parse(value, "photo_id").encode() == value.encode()


@pytest.mark.parametrize("value", ["", "x" * 256, "a\x00b", "\ud800"])
def test_an_id_that_cannot_be_kept_is_refused_by_name(value: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        SessionId.parse(value, "session_id")
    assert [error.field for error in refused.value.errors] == ["session_id"]


def test_length_counts_characters_not_bytes() -> None:
    assert len(OpaqueId.parse("🙂" * 255, "id")) == 255


@given(st.floats(allow_nan=True, allow_infinity=True).filter(lambda value: not 0 <= value <= 1))
@pytest.mark.property
def test_property_14_a_threshold_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(InvalidRequest, match="threshold"):
        Threshold.parse(value)


def test_the_same_facts_give_the_same_receipt() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    erasure = Erasure(SessionId("s"), 3, 2, at)
    assert erasure.deleted
    assert erasure.receipt == Erasure(SessionId("s"), 3, 2, at).receipt
    assert erasure.receipt != Erasure(SessionId("t"), 3, 2, at).receipt
    assert not Erasure(SessionId("s"), 0, 0, at).deleted
