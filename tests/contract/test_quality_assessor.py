"""What every `QualityAssessor` promises, kept by the one for photographs and by the one for scenes."""

from dataclasses import dataclass

import numpy as np
import pytest

from facepass.adapters.imaging.quality import PillowQualityAssessor
from facepass.adapters.memory.vision import InlineWorkers, SizeAssessor
from facepass.application.ports import QualityAssessor
from facepass.domain.face import BoundingBox, Detection, Image, ImageSize, Landmarks, Point, QualityReason

SIDE_BY_SIDE = ((0.3, 0.4), (0.7, 0.4), (0.5, 0.575), (0.35, 0.75), (0.65, 0.75))
WIDTH, HEIGHT = 640, 480


@dataclass(frozen=True)
class Subject:
    """An assessor, and a picture full of detail in fair light."""

    assessor: QualityAssessor
    image: Image


@pytest.fixture(params=["memory", "pillow"])
def subject(request: pytest.FixtureRequest) -> Subject:
    pixels = np.random.default_rng(3).integers(60, 200, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    assessor = SizeAssessor() if request.param == "memory" else PillowQualityAssessor(InlineWorkers())
    return Subject(assessor, Image(pixels, ImageSize(WIDTH, HEIGHT)))


def face(x: float, y: float, size: float, *, confidence: float = 0.99) -> Detection:
    points = [Point(x + across * size, y + down * size) for across, down in SIDE_BY_SIDE]
    return Detection(BoundingBox(x, y, size, size), Landmarks(*points), confidence)


async def test_a_large_face_in_the_middle_is_good(subject: Subject) -> None:
    (quality,) = await subject.assessor.assess(subject.image, [face(200, 150, 200)])
    assert (quality.score, quality.reasons, quality.weakest) == (100, (), None)


async def test_one_quality_a_face_in_order_and_none_for_none(subject: Subject) -> None:
    assert await subject.assessor.assess(subject.image, []) == ()
    sizes = [200, 12, 80, 30]
    qualities = await subject.assessor.assess(subject.image, [face(100, 100, size) for size in sizes])
    assert [quality.score for quality in qualities] == [100, 5, 100, 50]


async def test_size_is_of_the_original_when_the_picture_is_held_reduced(subject: Subject) -> None:
    reduced = Image(subject.image.pixels, ImageSize(4 * WIDTH, 4 * HEIGHT))
    (quality,) = await subject.assessor.assess(reduced, [face(100, 100, 16)])
    assert QualityReason.TOO_SMALL not in quality.reasons
    assert quality.score == 100


@pytest.mark.parametrize(
    "outside", [face(-100, 150, 200), face(WIDTH - 100, 150, 200), face(200, HEIGHT - 120, 200), face(200, -120, 200)]
)
async def test_a_face_halfway_outside_is_cut_by_the_border(subject: Subject, outside: Detection) -> None:
    (quality,) = await subject.assessor.assess(subject.image, [outside])
    assert quality.reasons[0] is QualityReason.CUT_BY_BORDER


async def test_a_face_wholly_outside_scores_nothing(subject: Subject) -> None:
    (quality,) = await subject.assessor.assess(subject.image, [face(WIDTH + 50, 100, 100)])
    assert quality.score == 0
    assert quality.reasons[0] is QualityReason.CUT_BY_BORDER


async def test_whatever_scores_less_than_full_names_its_weakest(subject: Subject) -> None:
    faces = [face(x, 200, size, confidence=score) for x in (-20, 200) for size in (15, 45, 90) for score in (0.6, 0.9)]
    for quality in await subject.assessor.assess(subject.image, faces):
        assert (quality.weakest is not None) or quality.score == 100
        assert not quality.reasons or quality.reasons[0] is quality.weakest
