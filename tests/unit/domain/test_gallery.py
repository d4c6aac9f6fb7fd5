"""Opaque ids, thresholds and receipts."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.domain.embedding import ModelId, TemplateSpace
from facepass.domain.errors import InvalidRequest
from facepass.domain.gallery import Erasure, ErasureKind, GalleryState, ModelChange, OpaqueId, PhotoId, SessionId
from facepass.domain.identification import Threshold

AT = datetime(2026, 1, 2, tzinfo=UTC)
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
    erasure = Erasure(ErasureKind.SESSION, SessionId("s"), 3, 2, AT)
    assert erasure.receipt == replace(erasure).receipt
    others = [
        replace(erasure, kind=ErasureKind.PERSON),
        replace(erasure, session_id=SessionId("t")),
        replace(erasure, embeddings_removed=2),
        replace(erasure, photos_removed=3),
        replace(erasure, erased_at=AT + timedelta(microseconds=1)),
        replace(erasure, photo_id=PhotoId("p")),
    ]
    assert len({one.receipt for one in [erasure, *others]}) == 1 + len(others)


def test_a_receipt_can_be_worked_out_by_others() -> None:
    erasure = Erasure(ErasureKind.PHOTO, SessionId("Müller"), 3, 1, AT, PhotoId('"p"'))
    text = (
        '{"embeddings_removed":3,"erased_at":"2026-01-02T00:00:00+00:00","kind":"photo","photo_id":"\\"p\\"",'
        '"photos_removed":1,"session_id":"Müller"}'
    )
    assert erasure.receipt == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(("templates", "photos"), [(3, 2), (3, 0), (0, 1)])
def test_an_erasure_says_whether_anything_was_there(templates: int, photos: int) -> None:
    assert Erasure(ErasureKind.PERSON, SessionId("s"), templates, photos, AT).deleted
    assert not Erasure(ErasureKind.PERSON, SessionId("s"), 0, 0, AT).deleted


def test_a_gallery_names_the_spaces_it_needs() -> None:
    served, other = TemplateSpace(ModelId("m"), 4), TemplateSpace(ModelId("n"), 4)
    assert GalleryState().spaces == ()
    assert GalleryState(1, served).spaces == (served,)
    assert GalleryState(1, served, other, ModelChange.BUILDING).spaces == (served, other)
