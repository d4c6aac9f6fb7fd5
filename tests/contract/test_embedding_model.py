"""What every `EmbeddingModel` promises, kept by the ONNX adapter on real faces and by the in-memory one on scenes."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facepass.adapters.memory.vision import ColourModel, SceneDecoder, SquareDetector
from facepass.adapters.onnx.detection.detector import Detector
from facepass.adapters.onnx.recognition.embedding_model import OnnxEmbeddingModel
from facepass.adapters.onnx.registry.registry import Registry
from facepass.adapters.onnx.runtime.executor import InferenceExecutor
from facepass.application.ports import ImageLimits
from facepass.domain.embedding import NORM_TOLERANCE, Embedding, cosine
from facepass.domain.errors import LowQualityFace
from facepass.domain.face import Image, ImageSize, Landmarks
from facepass.domain.ports import EmbeddingModel
from tests.fixtures_models import Pixels

FACES = 12
SAME_COSINE = 1e-5
few_examples = settings(
    max_examples=12,
    deadline=None,
    # The models are loaded once; nothing in them changes from example to example.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
faces = st.integers(0, FACES - 1)


@dataclass(frozen=True)
class Subject:
    """A model, and people to show it: two pictures of each."""

    model: EmbeddingModel
    faces: list[tuple[Image, Landmarks]]

    async def embed(self, *numbers: int) -> list[Embedding]:
        return [(await self.model.embed(self.faces[number][0], [self.faces[number][1]]))[0] for number in numbers]


@pytest.fixture(scope="session")
def real_faces(orl: Callable[..., Pixels], retinaface: Detector) -> list[tuple[Image, Landmarks]]:
    found = []
    for number in range(FACES):
        pixels = orl(1 + number // 2, 1 + number % 2)
        image = Image(pixels, ImageSize(pixels.shape[1], pixels.shape[0]))
        found.append((image, retinaface.detect(pixels)[0].landmarks))
    return found


async def painted_faces() -> list[tuple[Image, Landmarks]]:
    found = []
    for number in range(FACES):
        face = {"person": number // 2, "x": 10, "y": 10 + number, "size": 60}
        data = json.dumps({"width": 100, "height": 100, "faces": [face]}).encode()
        image = await SceneDecoder().decode(data, ImageLimits(max_bytes=1000, max_side=None, max_pixels=10_000))
        found.append((image, (await SquareDetector().detect(image))[0].landmarks))
    return found


@pytest.fixture(params=["memory", "dlib-resnet29-int8", "dlib-resnet29-fp32"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    if request.param == "memory":
        yield Subject(ColourModel(), await painted_faces())
        return
    registry: Registry = request.getfixturevalue("registry")
    workers = InferenceExecutor(threads=2)
    model = OnnxEmbeddingModel(registry=registry, name=request.param, workers=workers, batch_max=4)
    yield Subject(model, request.getfixturevalue("real_faces"))
    await model.close()
    await asyncio.to_thread(workers.close)


async def test_an_embedding_is_the_models(subject: Subject) -> None:
    (embedding,) = await subject.embed(0)
    assert embedding.model == subject.model.model_id
    assert embedding.dimension == subject.model.dimension == 128
    assert 0.0 < subject.model.calibration.similarity(0.5) < 1.0


async def test_no_face_gives_no_embedding(subject: Subject) -> None:
    assert await subject.model.embed(subject.faces[0][0], []) == ()


async def test_a_person_is_more_like_oneself_than_like_others(subject: Subject) -> None:
    found = await subject.embed(*range(FACES))
    for number in range(0, FACES, 2):
        others = [cosine(found[number], other) for at, other in enumerate(found) if at // 2 != number // 2]
        assert cosine(found[number], found[number + 1]) > max(others)


async def test_templates_stand_in_the_order_of_the_faces(subject: Subject) -> None:
    image, landmarks = subject.faces[0]
    moved = Landmarks.from_array(landmarks.as_array() + 3)
    one, two, three = await subject.model.embed(image, [landmarks, moved, landmarks])
    assert cosine(one, three) >= 1 - SAME_COSINE
    (alone,) = await subject.model.embed(image, [moved])
    assert cosine(two, alone) >= 1 - SAME_COSINE


@pytest.mark.property
@few_examples
@given(number=faces, moves=st.lists(st.floats(-2, 2), min_size=10, max_size=10))
async def test_property_18_embeddings_have_norm_1(subject: Subject, number: int, moves: list[float]) -> None:
    image, landmarks = subject.faces[number]
    moved = Landmarks.from_array(landmarks.as_array() + np.array(moves).reshape(5, 2))
    (embedding,) = await subject.model.embed(image, [moved])
    assert abs(np.linalg.norm(embedding.vector.astype(np.float64)) - 1) <= NORM_TOLERANCE


@pytest.mark.property
@few_examples
@given(a=faces, b=faces)
async def test_property_19_similarity_is_symmetric_and_greatest_of_a_face_with_itself(
    subject: Subject, a: int, b: int
) -> None:
    first, second = await subject.embed(a, b)
    similarity = subject.model.calibration.similarity
    assert similarity(cosine(first, second)) == similarity(cosine(second, first))
    assert similarity(cosine(first, first)) >= similarity(cosine(first, second)) - SAME_COSINE


@pytest.mark.property
@few_examples
@given(calls=st.lists(st.lists(faces, max_size=3), min_size=1, max_size=6))
async def test_property_24_concurrent_results_equal_serial_ones(subject: Subject, calls: list[list[int]]) -> None:
    together = await asyncio.gather(*(subject.embed(*numbers) for numbers in calls))
    for numbers, found in zip(calls, together, strict=True):
        for number, embedding in zip(numbers, found, strict=True):
            (alone,) = await subject.embed(number)
            assert cosine(embedding, alone) >= 1 - SAME_COSINE


async def test_a_face_that_cannot_be_aligned_spoils_no_other_caller(
    registry: Registry, real_faces: list[tuple[Image, Landmarks]]
) -> None:
    workers = InferenceExecutor(threads=1)
    model = OnnxEmbeddingModel(registry=registry, name="dlib-resnet29-int8", workers=workers, batch_max=8)
    image, landmarks = real_faces[0]
    broken = Landmarks.from_array(np.full((5, 2), 20.0))
    calls = [model.embed(image, [face]) for face in (landmarks, broken, landmarks, landmarks)]
    first, failed, *others = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(failed, LowQualityFace)
    assert all(isinstance(result, tuple) and len(result) == 1 for result in (first, *others))
    await model.close()
    await asyncio.to_thread(workers.close)
