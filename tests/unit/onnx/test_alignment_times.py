"""When faces are aligned is told to whoever asked for them, and of theirs alone, though batches serve many."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar

import pytest

from facepass.adapters.onnx.detection.detector import Detector
from facepass.adapters.onnx.recognition.embedding_model import OnnxEmbeddingModel, TellAlignment
from facepass.adapters.onnx.registry.registry import Registry
from facepass.adapters.onnx.runtime.executor import InferenceExecutor
from facepass.domain.face import Image, ImageSize, Landmarks
from tests.fixtures_models import Pixels
from tests.tasks import under_way

PATIENCE_S = 10
Told = list[tuple[str, int, int, int]]

caller: ContextVar[str | None] = ContextVar("caller", default=None)


class World:
    """A model with one thread, which can be kept busy."""

    def __init__(self, registry: Registry) -> None:
        self.told: Told = []
        self.threads: set[str] = set()
        self.batches: list[int] = []
        self.workers = InferenceExecutor(threads=1)
        self.model = OnnxEmbeddingModel(
            registry=registry,
            name="dlib-resnet29-int8",
            workers=self.workers,
            batch_max=16,
            observe_batch=self.batches.append,
            observe_alignment=self.asked,
        )

    def asked(self) -> TellAlignment | None:
        name = caller.get()
        if name is None:
            return None

        def tell(begun_ns: int, ended_ns: int, faces: int) -> None:
            self.threads.add(threading.current_thread().name)
            self.told.append((name, begun_ns, ended_ns, faces))

        return tell


@pytest.fixture
async def world(registry: Registry) -> AsyncIterator[World]:
    made = World(registry)
    yield made
    await made.model.close()
    await asyncio.to_thread(made.workers.close)


@pytest.fixture(scope="module")
def face(orl: Callable[..., Pixels], retinaface: Detector) -> tuple[Image, Landmarks]:
    pixels = orl(1, 1, enlarge=2, border=40)
    image = Image(pixels, ImageSize(pixels.shape[1], pixels.shape[0]))
    return image, retinaface.detect(pixels)[0].landmarks


async def test_each_caller_of_a_common_batch_is_told_of_its_own(world: World, face: tuple[Image, Landmarks]) -> None:
    image, landmarks = face
    gate = threading.Event()
    busy = await under_way(world.workers.run(lambda: gate.wait(PATIENCE_S)))

    async def embed(name: str | None, faces: int) -> None:
        caller.set(name)
        assert len(await world.model.embed(image, [landmarks] * faces)) == faces

    begun_ns = time.time_ns()
    callers = [await under_way(embed(name, faces)) for name, faces in (("a", 1), ("b", 2), (None, 1), ("c", 3))]
    gate.set()
    await asyncio.gather(busy, *callers)
    ended_ns = time.time_ns()
    assert world.batches == [1, 6], "the last three share one"
    assert [(name, faces) for name, _, _, faces in world.told] == [("a", 1), ("b", 2), ("c", 3)]
    times = [each for _, begun, ended, _ in world.told for each in (begun, ended)]
    assert [begun_ns, *times, ended_ns] == sorted([begun_ns, *times, ended_ns]), "one after the other"
    assert all(ended > begun for _, begun, ended, _ in world.told)
    assert all(name.startswith("inference") for name in world.threads)
