"""The gates: what they admit, and that no refusal goes without a reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.application.quality_gate import QualityGate
from facepass.application.visitor_words import advice
from facepass.domain.errors import LowQualityFace
from facepass.domain.face import BoundingBox, Face, Landmarks, Point, Quality, QualityReason
from facepass.domain.identification import Threshold
from facepass.domain.quality import assess
from facepass.entrypoints.container import Container, in_memory
from facepass.entrypoints.settings import Recognition, Settings
from tests.scenes import scene
from tests.unit.domain.test_quality import MEASURED

LANDMARKS = Landmarks(*[Point(0, 0)] * 5)
FACES = st.builds(
    lambda measured: Face(
        0, BoundingBox(0, 0, measured.size_px, measured.size_px), LANDMARKS, measured.confidence, assess(measured)
    ),
    MEASURED,
)
GATES = st.builds(QualityGate, st.integers(0, 120), st.integers(0, 100))


def face(*, size: float, score: int, reasons: tuple[QualityReason, ...] = (), weakest: QualityReason | None = None):
    return Face(0, BoundingBox(0, 0, size, 2 * size), LANDMARKS, 0.9, Quality(score, reasons, weakest))


@given(GATES, FACES)
def test_a_face_is_refused_exactly_when_there_is_a_reason(gate: QualityGate, candidate: Face) -> None:
    reasons = gate.reasons(candidate)
    assert gate.admits(candidate) == (not reasons)
    assert len(reasons) == len(set(reasons))


@given(GATES, GATES, FACES)
def test_the_stricter_gate_admits_what_both_admit(one: QualityGate, other: QualityGate, candidate: Face) -> None:
    assert one.at_least(other).admits(candidate) == (one.admits(candidate) and other.admits(candidate))


def test_a_face_below_the_least_size_is_too_small_before_anything_else() -> None:
    gate = QualityGate(40, 10)
    blurred = face(size=39, score=20, reasons=(QualityReason.BLURRED, QualityReason.TOO_SMALL))
    assert gate.reasons(blurred) == (QualityReason.TOO_SMALL, QualityReason.BLURRED)
    assert gate.reasons(face(size=39.9, score=90)) == (QualityReason.TOO_SMALL,)
    assert gate.admits(face(size=40, score=10))


def test_a_low_score_without_a_poor_component_is_refused_for_the_weakest() -> None:
    nearly = face(size=60, score=55, weakest=QualityReason.TOO_DARK)
    assert QualityGate(20, 60).reasons(nearly) == (QualityReason.TOO_DARK,)
    assert QualityGate(20, 55).reasons(nearly) == ()


@pytest.mark.parametrize("reason", QualityReason)
def test_every_reason_has_words_for_a_visitor(reason: QualityReason) -> None:
    words = advice(reason)
    assert words.startswith("The face in your picture ")
    assert words.count(". ") == 1
    assert words.endswith(".")
    assert advice(reason, picture="the selfie").startswith("The face in the selfie ")


def test_no_two_reasons_have_the_same_words() -> None:
    assert len({advice(reason) for reason in QualityReason}) == len(QualityReason)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Recognition(min_selfie_size=50, min_selfie_quality=30), QualityGate(50, 30)),
        (Recognition(min_face_size=80, min_face_quality=60), QualityGate(80, 60)),
        (Recognition(min_selfie_size=0, min_selfie_quality=0), QualityGate(20, 10)),
    ],
)
def test_the_gate_of_selfies_is_never_the_more_lenient(settings: Recognition, expected: QualityGate) -> None:
    assert in_memory(Settings(recognition=settings)).selfie_gate() == expected


async def compare(container: Container, first: bytes, second: bytes) -> None:
    await container.compare_faces()(first, second, limits=container.upload_limits(), threshold=Threshold(0.5))


async def test_a_face_that_may_be_indexed_may_be_too_poor_to_compare() -> None:
    container = in_memory(Settings(recognition=Recognition(min_selfie_size=50)))
    with pytest.raises(LowQualityFace, match="second picture is too small") as refused:
        await compare(container, scene(1, size=60), scene(1, size=45))
    assert refused.value.reasons == (QualityReason.TOO_SMALL,)
