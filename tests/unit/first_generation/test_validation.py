"""Which rows of the first generation are moved, which are mended, and which are left out and why."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.adapters.first_generation.report import ImportReport, Tally
from facepass.adapters.first_generation.rows import MAX_ROWS_PER_PHOTO, OldRow
from facepass.adapters.first_generation.validation import Mend, Reason, Verdict, judge
from facepass.domain.embedding import ModelId, TemplateSpace

SPACE = TemplateSpace(ModelId("old-model"), 4)
UNDATED = datetime(2026, 1, 2, tzinfo=UTC)
NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)


def row(row_id: int = 1, **changes: object) -> OldRow:
    """A sound row; rows of different numbers are different faces."""
    angle = row_id / 100
    vector = np.array([math.cos(angle), math.sin(angle), 0, 0], dtype=np.float32)
    sound = OldRow("s", "p", str(row_id), row_id, None, vector, 0.9, NOON.timestamp())
    return replace(sound, **changes)  # type: ignore[arg-type]  # tests name fields


def verdict(*rows: OldRow) -> Verdict:
    return judge(list(rows), SPACE, undated=UNDATED)


def left_out(found: Verdict) -> dict[str, Reason]:
    return {reject.row_id: reject.reason for reject in found.rejects}


def test_a_sound_row_becomes_a_face_of_unknown_place() -> None:
    found = verdict(row())
    assert found.rejects == ()
    assert not found.mends
    assert found.photo is not None
    assert (found.photo.session_id, found.photo.photo_id, found.photo.size) == ("s", "p", None)
    assert found.photo.indexed_at == NOON
    assert found.photo.faces_detected == 1
    [template] = found.photo.templates
    assert (template.face.face_no, template.face.confidence) == (0, 0.9)
    assert template.embedding.space == SPACE
    np.testing.assert_allclose(template.embedding.vector, row().vector, atol=1e-7)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"session_key": ""}, Reason.NO_SESSION),
        ({"session_key": "s" * 256}, Reason.INVALID_SESSION),
        ({"photo_key": ""}, Reason.NO_PHOTO),
        ({"photo_key": "p" * 256}, Reason.INVALID_PHOTO),
        ({"session_key": "", "photo_key": ""}, Reason.NO_SESSION),
        ({"number": MAX_ROWS_PER_PHOTO + 1}, Reason.TOO_MANY_FACES),
        ({"vector": None}, Reason.NO_VECTOR),
        ({"vector": np.ones(3, dtype=np.float32)}, Reason.WRONG_DIMENSION),
        ({"vector": np.array([1, np.nan, 0, 0], dtype=np.float32)}, Reason.NOT_FINITE),
        ({"vector": np.array([1, np.inf, 0, 0], dtype=np.float32)}, Reason.NOT_FINITE),
        ({"vector": np.zeros(4, dtype=np.float32)}, Reason.ZERO_VECTOR),
    ],
)
def test_what_cannot_be_used_is_left_out(changes: dict[str, object], reason: Reason) -> None:
    found = verdict(row(**changes))
    assert found.photo is None
    assert left_out(found) == {"1": reason}


def test_ids_of_255_characters_are_kept() -> None:
    found = verdict(row(session_key="é" * 255, photo_key="🙂" * 255))
    assert found.photo is not None
    assert found.photo.photo_id == "🙂" * 255


@pytest.mark.parametrize(
    ("stored", "moved", "mends"),
    [
        (0.0, 0.0, []),
        (1.0, 1.0, []),
        (1.0001, 1.0, [Mend.CONFIDENCE_CLAMPED]),
        (-0.5, 0.0, [Mend.CONFIDENCE_CLAMPED]),
        (97.5, 1.0, [Mend.CONFIDENCE_CLAMPED]),
        (math.inf, 1.0, [Mend.CONFIDENCE_CLAMPED]),
        (math.nan, 0.0, [Mend.CONFIDENCE_MISSING]),
        (None, 0.0, [Mend.CONFIDENCE_MISSING]),
    ],
)
def test_a_wrong_confidence_costs_no_face(stored: float | None, moved: float, mends: list[Mend]) -> None:
    found = verdict(row(confidence=stored))
    assert found.photo is not None
    assert found.photo.templates[0].face.confidence == moved
    assert list(found.mends) == mends


@given(st.floats(1e-30, 1e30))
def test_an_unnormalised_vector_is_normalised(length: float) -> None:
    vector = np.array([3, 4, 0, 0]) / 5
    found = verdict(row(vector=(vector * length).astype(np.float32)))
    assert found.photo is not None
    np.testing.assert_allclose(found.photo.templates[0].embedding.vector, vector, atol=1e-6)
    assert (Mend.NORMALISED in found.mends) == (abs(length - 1) > 1e-5)


def test_rows_of_a_photo_are_its_faces_in_the_order_of_their_ids() -> None:
    found = verdict(row(1, confidence=0.1), row(2, vector=None), row(3, confidence=0.3), row(4, confidence=0.4))
    assert found.photo is not None
    assert [(one.face.face_no, one.face.confidence) for one in found.photo.templates] == [(0, 0.1), (1, 0.3), (2, 0.4)]


def test_the_newest_row_of_a_face_id_is_kept() -> None:
    found = verdict(
        *(row(1, face=b"a", created_s=20.0), row(2, face=b"a", created_s=10.0), row(3, face=b"a", created_s=None)),
        *(row(4, face=b"b", created_s=10.0), row(5, face=b"b", created_s=10.0)),
        *(row(6), row(7)),
    )
    assert left_out(found) == dict.fromkeys(("2", "3", "4"), Reason.SUPERSEDED)


def test_a_newer_row_that_is_broken_supersedes_nothing() -> None:
    found = verdict(row(1, face=b"a", created_s=1.0), row(2, face=b"a", created_s=2.0, vector=None))
    assert found.photo is not None
    assert left_out(found) == {"2": Reason.NO_VECTOR}


def test_of_rows_with_one_vector_the_newest_is_kept() -> None:
    same = row(1).vector
    found = verdict(row(1, created_s=5.0), row(2, vector=same, created_s=9.0), row(3, vector=same, created_s=1.0))
    assert left_out(found) == dict.fromkeys(("1", "3"), Reason.DUPLICATE)
    assert found.photo is not None
    assert [one.face.face_no for one in found.photo.templates] == [0]


@pytest.mark.parametrize("created_s", [None, -1.0, math.inf, -math.inf, 1e15])
def test_a_photo_without_a_usable_date_counts_as_indexed_now(created_s: float | None) -> None:
    found = verdict(row(created_s=created_s))
    assert found.photo is not None
    assert found.photo.indexed_at == UNDATED


rows_of_a_photo = st.lists(
    st.tuples(
        st.sampled_from([None, b"a", b"b"]),
        st.sampled_from([None, "nan", "zero", "short", "x", "y", "long"]),
        st.sampled_from([None, -math.inf, 0.0, 1.0, 2.0]),
        st.sampled_from([None, 0.5, 7.0]),
    ),
    min_size=1,
    max_size=12,
)
VECTORS = {
    None: None,
    "nan": [np.nan, 0, 0, 1],
    "zero": [0, 0, 0, 0],
    "short": [1, 0],
    "x": [1, 0, 0, 0],
    "y": [0, 1, 0, 0],
    "long": [0, 0, 5, 0],
}


@given(rows_of_a_photo)
def test_every_row_is_a_face_or_is_left_out_once(
    facts: list[tuple[bytes | None, str | None, float | None, float | None]],
) -> None:
    rows = [
        OldRow("s", "p", str(number), number, face, _array(vector), confidence, created_s)
        for number, (face, vector, created_s, confidence) in enumerate(facts, start=1)
    ]
    found = verdict(*rows)
    tally = Tally()
    tally.add(rows, found)
    tally.prove(len(rows))
    assert len(left_out(found)) == len(found.rejects)
    if found.photo is not None:
        assert [one.face.face_no for one in found.photo.templates] == list(range(len(found.photo.templates)))
        assert len({one.embedding.vector.tobytes() for one in found.photo.templates}) == len(found.photo.templates)
    assert Tally.from_json(tally.to_json()) == tally


def _array(name: str | None) -> np.ndarray | None:
    values = VECTORS[name]
    return None if values is None else np.array(values, dtype=np.float32)


def test_no_vector_is_shown() -> None:
    assert "array" not in repr(row())


@pytest.fixture
def make_report() -> Callable[[str | None], ImportReport]:
    tally = Tally()
    for rows in ([row(1), row(2, vector=row(1).vector), row(3, confidence=None)], [row(1, vector=None)]):
        tally.add(rows, verdict(*rows))
    return lambda backup: ImportReport.of(tally, SPACE, backup=backup, rejects_path=None)


def test_the_report_for_people(make_report: Callable[[str | None], ImportReport]) -> None:
    assert make_report(None).to_text().splitlines() == [
        "dry run, nothing changed    old-model, 4",
        "rows                        4",
        "sessions                    1",
        "photos                      1",
        "faces                       2",
        "photos without a sound row  1",
        "rejected                    1",
        "  no vector                 1",
        "merged                      1",
        "  duplicate                 1",
        "mended                      1",
        "  confidence missing        1",
        "backup                      none",
        "list of rows left out       see the run that did the import",
    ]


def test_the_report_for_programs(make_report: Callable[[str | None], ImportReport]) -> None:
    facts = json.loads(json.dumps(make_report("copy").to_facts()))
    assert facts["dry_run"] is False
    assert facts["space"] == {"model": "old-model", "dimension": 4}
    assert facts["rejected"] == {reason: int(reason == "no_vector") for reason in facts["rejected"]}
    assert set(facts["merged"]) == {"superseded", "duplicate"}
    assert facts["rows"] == facts["faces"] + sum(facts["rejected"].values()) + sum(facts["merged"].values())
