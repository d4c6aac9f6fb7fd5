"""What every `FaceDetector` promises, kept by the ONNX adapter on drawn faces and by the in-memory one on scenes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np
import pytest

from facepass.adapters.memory.vision import SceneDecoder, SquareDetector
from facepass.adapters.onnx.detection.face_detector import OnnxFaceDetector
from facepass.adapters.onnx.golden import portrait
from facepass.adapters.onnx.registry.registry import Registry
from facepass.adapters.onnx.runtime.executor import InferenceExecutor
from facepass.application.ports import FaceDetector, ImageLimits
from facepass.domain.errors import Overloaded
from facepass.domain.face import Image, ImageSize
from tests.scenes import scene


@dataclass(frozen=True)
class Subject:
    """A detector, a picture of two faces whose larger one is at the left, and a picture of none."""

    detector: FaceDetector
    two_faces: Image
    no_face: Image


def image_of(pixels: np.ndarray) -> Image:
    return Image(pixels, ImageSize(pixels.shape[1], pixels.shape[0]))


def drawn_pair() -> Image:
    canvas = np.full((360, 640, 3), 128, dtype=np.uint8)
    canvas[20:340, 10:330] = portrait().repeat(2, axis=0).repeat(2, axis=1)
    canvas[100:260, 420:580] = portrait()
    return image_of(canvas)


@pytest.fixture(params=["memory", "onnx"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    blank = image_of(np.zeros((120, 160, 3), dtype=np.uint8))
    if request.param == "memory":
        limits = ImageLimits(max_bytes=1000, max_side=None, max_pixels=640 * 480)
        yield Subject(SquareDetector(), await SceneDecoder().decode(scene(1, 2), limits), blank)
        return
    registry: Registry = request.getfixturevalue("registry")
    workers = InferenceExecutor(threads=2)
    detector = OnnxFaceDetector(registry=registry, name="retinaface-mnet025", workers=workers, score_threshold=0.8)
    yield Subject(detector, drawn_pair(), blank)
    await asyncio.to_thread(workers.close)


async def test_it_has_a_name(subject: Subject) -> None:
    assert subject.detector.name


async def test_all_faces_are_found_largest_first(subject: Subject) -> None:
    first, second = await subject.detector.detect(subject.two_faces)
    assert first.box.area > second.box.area
    assert first.box.x < second.box.x
    assert 0.8 <= first.confidence <= 1
    assert 0.8 <= second.confidence <= 1


async def test_landmarks_lie_in_their_box_the_images_left_first(subject: Subject) -> None:
    for face in await subject.detector.detect(subject.two_faces):
        points, box = face.landmarks, face.box
        assert box.x < points.left_eye.x < points.right_eye.x < box.x + box.width
        assert points.left_mouth.x < points.right_mouth.x
        assert box.y < points.left_eye.y < points.nose.y < points.left_mouth.y < box.y + box.height


async def test_a_picture_that_lies_on_its_side(subject: Subject) -> None:
    turned = image_of(np.ascontiguousarray(np.rot90(subject.two_faces.pixels)))
    first, second = await subject.detector.detect(turned, any_rotation=True)
    assert first.box.area > second.box.area
    # The picture's left is now its bottom.
    assert first.box.y > second.box.y


async def test_a_picture_without_a_face(subject: Subject) -> None:
    assert await subject.detector.detect(subject.no_face) == ()
    assert await subject.detector.detect(subject.no_face, any_rotation=True) == ()


async def test_the_same_picture_gives_the_same_faces_also_at_once(subject: Subject) -> None:
    alone = await subject.detector.detect(subject.two_faces)
    together = await asyncio.gather(*(subject.detector.detect(subject.two_faces) for _ in range(4)))
    assert all(found == alone for found in together)


async def test_a_service_that_stops_refuses(registry: Registry) -> None:
    workers = InferenceExecutor(threads=1)
    detector = OnnxFaceDetector(registry=registry, name="retinaface-mnet025", workers=workers, score_threshold=0.8)
    await asyncio.to_thread(workers.close)
    with pytest.raises(Overloaded, match="stopping"):
        await detector.detect(drawn_pair())
