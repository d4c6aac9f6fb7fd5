"""What `facepass bench` measures of the models: the adapters' benchmark, on the models in force."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageOps

from facepass.adapters.onnx.benchmark import (
    FP32,
    INT8,
    Cost,
    Fidelity,
    int8_fidelity,
    measure_detector,
    measure_recogniser,
)
from facepass.adapters.onnx.detection.detector import Detector
from facepass.adapters.onnx.golden import portrait
from facepass.adapters.onnx.recognition.alignment import align
from facepass.adapters.system.heap import keep_heap
from facepass.domain.errors import InvalidRequest
from facepass.entrypoints.container import Container
from facepass.entrypoints.settings import Settings

RgbArray = npt.NDArray[np.uint8]
Progress = Callable[[str], None]

DRAWN_FACES: Final = 16
MOST_FACES: Final = 100
"""Whose vectors are compared."""
MOST_SIDE_PX: Final = 1920
"""Photos are reduced to this long side before faces are looked for."""


def measure_models(settings: Settings, *, rounds: int, progress: Progress) -> tuple[Cost, ...]:
    """The detector in force, the default recogniser in both precisions, and the one in force where it is another.

    Args:
        settings: say which models, how many threads and which device.
        rounds: timed calls of each kind.
        progress: told in a line what is measured.

    Raises:
        ConfigurationError: a model cannot be loaded, or the device cannot be used.
    """
    keep_heap()
    container = Container(settings=settings)
    registry, device, threads = container.registry(), container.device(), settings.recognition.ml_threads
    detector = settings.recognition.detector_type
    progress(f"Measuring {detector}.")
    costs = measure_detector(registry, detector, threads=threads, rounds=rounds, device=device)
    for name in dict.fromkeys((FP32, INT8, settings.recognition.recognizer_type)):
        progress(f"Measuring {name}.")
        costs += measure_recogniser(registry, name, threads=threads, rounds=rounds, device=device)
    return costs


def int8_gain(costs: Iterable[Cost]) -> dict[int, float]:
    """How many times faster int8 is than fp32 on one thread, by faces in a batch."""
    taken = {(cost.model, cost.size): cost.one_thread_ms for cost in costs}
    sizes = [size for model, size in taken if model == INT8]
    return {size: taken[FP32, size] / taken[INT8, size] for size in sizes}


def compare_precisions(settings: Settings, photos: Iterable[Path] | None) -> Fidelity:
    """How far int8 vectors drift, on the faces of photos, or on a drawn face with noise where there are none.

    Args:
        settings: say where models are kept.
        photos: files, read until they have given `MOST_FACES` faces; those that cannot be read are passed over.

    Raises:
        ConfigurationError: a model cannot be loaded.
        InvalidRequest: the photos show no face.
    """
    registry = Container(settings=settings).registry()
    manifest = registry.detector("retinaface-mnet025")
    detector = Detector.load(manifest, registry.require(manifest))
    template = registry.recogniser(INT8).template
    chips: list[RgbArray] = []
    for picture in _drawn() if photos is None else _read(photos):
        chips += [align(picture, face.landmarks, template) for face in detector.detect(picture)]
        if len(chips) >= MOST_FACES:
            break
    if not chips:
        raise InvalidRequest.field("photos", "show no face")
    return int8_fidelity(registry, np.stack(chips[:MOST_FACES]))


def _drawn() -> Iterator[RgbArray]:
    noise = np.random.default_rng(0)
    for _ in range(DRAWN_FACES):
        picture = portrait()
        yield np.clip(picture + noise.normal(0.0, 8.0, picture.shape), 0, 255).astype(np.uint8)


def _read(photos: Iterable[Path]) -> Iterator[RgbArray]:
    for path in photos:
        try:
            with PillowImage.open(path) as opened:
                upright = ImageOps.exif_transpose(opened).convert("RGB")
        except (OSError, PillowImage.DecompressionBombError):
            continue
        upright.thumbnail((MOST_SIDE_PX, MOST_SIDE_PX))
        yield np.asarray(upright)
