"""Measures the models on this machine: time by size, batch, precision and threads, and what int8 does to vectors."""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facepass.adapters.onnx.detection.detector import NETWORKS
from facepass.adapters.onnx.recognition.recogniser import Recogniser
from facepass.adapters.onnx.registry.manifest import DetectorManifest, RecogniserManifest
from facepass.adapters.onnx.registry.registry import Registry
from facepass.adapters.onnx.runtime.device import Device

RgbArray = npt.NDArray[np.uint8]

LONG_SIDES_PX = (640, 1024, 1920)
FACES = (1, 8, 32)
FP32, INT8 = "dlib-resnet29-fp32", "dlib-resnet29-int8"
_PATTERN_PX = 16
_MOST_CHIPS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds a picture or a face, medians over rounds.

    Attributes:
        part: `detect` or `embed`.
        model: its name.
        size: long side of the picture in pixels, or faces in a batch.
        one_thread_ms: one call after another, each on one thread.
        shared_ms: one call after another, each shared by all threads.
        side_by_side_ms: as many calls at once as there are threads, each on one: elapsed time over everything done.
    """

    part: str
    model: str
    size: int
    one_thread_ms: float
    shared_ms: float
    side_by_side_ms: float


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How far int8 vectors drift from fp32 ones.

    Attributes:
        faces: compared.
        least_cosine: of a face's int8 vector to its fp32 vector.
        mean_cosine: likewise.
    """

    faces: int
    least_cosine: float
    mean_cosine: float


def measure_detector(registry: Registry, name: str, *, threads: int, rounds: int, device: Device) -> tuple[Cost, ...]:
    """One look of a detector's network, preparation of the picture included, at each of `LONG_SIDES_PX`.

    Args:
        registry: of the prepared models.
        name: of the detector.
        threads: of the modes that use several.
        rounds: timed calls of each kind, in turn, so that whatever else the machine does touches all alike.
        device: where it runs.

    Raises:
        ConfigurationError: the model cannot be loaded.
    """
    manifest = registry.detector(name)
    alone, shared = (_network(registry, manifest, count, device) for count in (1, threads))
    costs = []
    for long_side in LONG_SIDES_PX:
        picture = _pattern(long_side, long_side * 3 // 4)
        costs.append(
            _cost(
                ("detect", name, long_side),
                lambda picture=picture: alone(picture),  # type: ignore[misc]  # a default argument binds it now
                lambda picture=picture: shared(picture),  # type: ignore[misc]  # as above
                items=1,
                threads=threads,
                rounds=rounds,
            )
        )
    return tuple(costs)


def measure_recogniser(registry: Registry, name: str, *, threads: int, rounds: int, device: Device) -> tuple[Cost, ...]:
    """A recogniser, mirror images included where its manifest wants them, at each of `FACES` in a batch.

    Args:
        registry: of the prepared models.
        name: of the recogniser.
        threads: of the modes that use several.
        rounds: timed calls of each kind, in turn.
        device: where it runs.

    Raises:
        ConfigurationError: the model cannot be loaded.
    """
    manifest = registry.recogniser(name)
    model = registry.require(manifest)
    alone, shared = (Recogniser(manifest, model, intra_op_threads=count, device=device) for count in (1, threads))
    costs = []
    for faces in FACES:
        chips = _chips(manifest, faces)
        costs.append(
            _cost(
                ("embed", name, faces),
                lambda chips=chips: alone.embed(chips),  # type: ignore[misc]  # a default argument binds it now
                lambda chips=chips: shared.embed(chips),  # type: ignore[misc]  # as above
                items=faces,
                threads=threads,
                rounds=rounds,
            )
        )
    return tuple(costs)


def int8_fidelity(registry: Registry, chips: RgbArray) -> Fidelity:
    """Compare the vectors of the int8 and the fp32 default recogniser.

    Args:
        registry: of the prepared models.
        chips: `(n, 150, 150, 3)` uint8 RGB aligned faces, at least one.

    Raises:
        ConfigurationError: a model cannot be loaded.
        ValueError: no chips.
    """
    if not len(chips):
        raise ValueError("at least one chip is needed")
    fp32, int8 = (
        Recogniser(manifest, registry.require(manifest)) for manifest in map(registry.recogniser, (FP32, INT8))
    )
    cosines = np.concatenate(
        [
            np.sum(fp32.embed(batch) * int8.embed(batch), axis=1)
            for batch in np.split(chips, range(_MOST_CHIPS_AT_ONCE, len(chips), _MOST_CHIPS_AT_ONCE))
        ]
    )
    return Fidelity(len(chips), float(cosines.min()), float(cosines.mean()))


def _cost(
    what: tuple[str, str, int],
    alone: Callable[[], object],
    shared: Callable[[], object],
    *,
    items: int,
    threads: int,
    rounds: int,
) -> Cost:
    with ThreadPoolExecutor(threads) as pool:

        def side_by_side() -> None:
            for call in [pool.submit(alone) for _ in range(threads)]:
                call.result()

        modes = ((alone, items), (shared, items), (side_by_side, items * threads))
        spent_ms: list[list[float]] = [[], [], []]
        for number in range(rounds + 1):
            for (call, done), times_ms in zip(modes, spent_ms, strict=True):
                begun = time.perf_counter()
                call()
                if number:  # the first call allocates
                    times_ms.append(1e3 * (time.perf_counter() - begun) / done)
    part, model, size = what
    return Cost(part, model, size, *map(statistics.median, spent_ms))


def _network(
    registry: Registry, manifest: DetectorManifest, threads: int, device: Device
) -> Callable[[RgbArray], object]:
    network = NETWORKS[manifest.architecture](
        registry.require(manifest), score_threshold=manifest.score_threshold, intra_op_threads=threads, device=device
    )
    return network.look


def _pattern(width: int, height: int) -> RgbArray:
    """Coarse noise, the same every time; how long the networks take does not depend on what they see."""
    cells = (height // _PATTERN_PX + 1, width // _PATTERN_PX + 1, 3)
    coarse = np.random.default_rng(0).integers(0, 256, cells, dtype=np.uint8)
    return np.ascontiguousarray(coarse.repeat(_PATTERN_PX, axis=0).repeat(_PATTERN_PX, axis=1)[:height, :width])


def _chips(manifest: RecogniserManifest, count: int) -> RgbArray:
    side = manifest.template.side
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
