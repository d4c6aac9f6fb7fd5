"""What is told of pictures: how long each step took, what was found, and which models are loaded."""

import pytest
from prometheus_client import CollectorRegistry

from facepass.adapters.memory.vision import (
    ColourModel,
    MemoryEmbeddingModels,
    SceneDecoder,
    SizeAssessor,
    SquareDetector,
)
from facepass.adapters.telemetry.vision import (
    MeteredAssessor,
    MeteredDecoder,
    MeteredDetector,
    MeteredModel,
    MeteredModels,
    VisionMetrics,
)
from facepass.application.ports import ImageLimits
from facepass.domain.embedding import ModelId, TemplateSpace
from facepass.domain.errors import Conflict, UnsupportedImage
from facepass.domain.face import Detection, Image
from tests.clocks import HandClock
from tests.scenes import scene

LIMITS = ImageLimits(max_bytes=10_000, max_side=1000, max_pixels=10**6)
STEPS = ("decode", "detect", "assess", "embed")


class SlowDetector(SquareDetector):
    """Takes its time, by the clock of the test."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock

    async def detect(self, image: Image, *, any_rotation: bool = False) -> tuple[Detection, ...]:
        self._clock.pass_s(0.3)
        return await super().detect(image, any_rotation=any_rotation)


class Metered:
    """The in-memory pipeline, measured."""

    def __init__(self) -> None:
        self.clock, self.registry = HandClock(), CollectorRegistry()
        metrics = VisionMetrics(clock=self.clock, device="cpu", registry=self.registry)
        small = ColourModel(dimension=64)
        self.decoder = MeteredDecoder(SceneDecoder(), metrics)
        self.detector = MeteredDetector(SlowDetector(self.clock), metrics)
        self.assessor = MeteredAssessor(SizeAssessor(), metrics)
        self.models = MeteredModels(MemoryEmbeddingModels(ColourModel(), small), metrics)

    def number(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)

    def steps(self) -> tuple[float | None, ...]:
        return tuple(self.number("inference_seconds_count", step=step) for step in STEPS)


async def test_each_step_is_counted_and_timed() -> None:
    metered = Metered()
    assert metered.steps() == (0, 0, 0, 0)
    image = await metered.decoder.decode(scene(1, 2, 3), LIMITS)
    found = await metered.detector.detect(image, any_rotation=True)
    await metered.assessor.assess(image, found)
    await metered.models.default.embed(image, [face.landmarks for face in found[:2]])
    assert metered.steps() == (1, 1, 1, 1)
    assert metered.number("inference_seconds_sum", step="detect") == pytest.approx(0.3)
    assert metered.number("inference_seconds_sum", step="decode") == 0
    assert metered.number("faces_detected_total") == 3
    assert metered.number("embeddings_total", model="colour-128") == 2


async def test_what_fails_is_not_timed() -> None:
    metered = Metered()
    with pytest.raises(UnsupportedImage):
        await metered.decoder.decode(b"no scene", LIMITS)
    assert metered.steps() == (0, 0, 0, 0)


async def test_models_are_told_of_once_they_are_loaded() -> None:
    metered = Metered()
    detector = {"role": "detector", "model": "squares", "dimension": "", "device": "cpu"}
    default = {"role": "recogniser", "model": "colour-128", "dimension": "128", "device": "cpu"}
    other = {"role": "recogniser", "model": "colour-64", "dimension": "64", "device": "cpu"}
    assert metered.detector.name == "squares"
    assert metered.number("facepass_model_info", **detector) == 1
    assert metered.number("facepass_model_info", **default) == 1
    assert metered.number("embeddings_total", model="colour-128") == 0, "there before the first face"
    assert metered.number("facepass_model_info", **other) is None
    model = await metered.models.get(TemplateSpace(ModelId("colour-64"), 64))
    assert await metered.models.get(model.space) is model
    assert metered.number("facepass_model_info", **other) == 1


async def test_a_model_nobody_has_leaves_no_trace() -> None:
    metered = Metered()
    with pytest.raises(Conflict):
        await metered.models.get(TemplateSpace(ModelId("somebody's"), 64))
    assert not [
        sample for family in metered.registry.collect() for sample in family.samples if "somebody" in str(sample)
    ]


def test_a_metered_model_is_the_model() -> None:
    inner = ColourModel(dimension=32)
    model = MeteredModel(inner, VisionMetrics(clock=HandClock(), device="cpu", registry=CollectorRegistry()))
    assert (model.model_id, model.dimension, model.space) == (inner.model_id, inner.dimension, inner.space)
    assert model.calibration == inner.calibration
