"""Compares the float and the int8 recogniser on this machine: time a face, and how far the vectors drift apart."""

import statistics
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facepass.adapters.onnx.recognition.recogniser import Recogniser
from facepass.adapters.onnx.registry.registry import Registry

_BATCH_SIZES = (1, 8)
_NAMES = ("dlib-resnet29-fp32", "dlib-resnet29-int8")


@dataclass(frozen=True, slots=True)
class BatchTiming:
    """Medians at one batch size.

    Attributes:
        fp32_ms: milliseconds a face, its mirror image included.
        int8_ms: likewise.
    """

    batch_size: int
    fp32_ms: float
    int8_ms: float

    @property
    def ratio(self) -> float:
        """How many times faster int8 is."""
        return self.fp32_ms / self.int8_ms


@dataclass(frozen=True, slots=True)
class PrecisionComparison:
    """Speed and fidelity of int8 against fp32, in one run on one thread.

    Attributes:
        faces: chips that the cosines are taken over.
        least_cosine: of a chip's int8 vector to its fp32 vector.
        mean_cosine: likewise.
    """

    timings: tuple[BatchTiming, ...]
    faces: int
    least_cosine: float
    mean_cosine: float


def compare_precisions(registry: Registry, chips: npt.NDArray[np.uint8], repeats: int) -> PrecisionComparison:
    """Time both precisions in turn, so that whatever else the machine does touches both alike.

    Args:
        registry: of the prepared models.
        chips: `(n, 150, 150, 3)` uint8 RGB aligned faces, at least eight.
        repeats: timed runs of each precision and batch size.

    Raises:
        ConfigurationError: a model cannot be loaded.
        ValueError: too few chips or repeats.
    """
    if len(chips) < max(_BATCH_SIZES) or repeats < 1:
        raise ValueError(f"at least {max(_BATCH_SIZES)} chips and one repeat are needed")
    fp32, int8 = (Recogniser(manifest, registry.require(manifest)) for manifest in map(registry.recogniser, _NAMES))
    cosines = []
    for start in range(0, len(chips), max(_BATCH_SIZES)):
        batch = chips[start : start + max(_BATCH_SIZES)]
        cosines.append(np.sum(fp32.embed(batch) * int8.embed(batch), axis=1))
    found = np.concatenate(cosines)
    timings = []
    for size in _BATCH_SIZES:
        spent: tuple[list[float], list[float]] = ([], [])
        for _ in range(repeats):
            for recogniser, times in zip((fp32, int8), spent, strict=True):
                begun = time.perf_counter()
                recogniser.embed(chips[:size])
                times.append((time.perf_counter() - begun) / size * 1000.0)
        timings.append(BatchTiming(size, statistics.median(spent[0]), statistics.median(spent[1])))
    return PrecisionComparison(tuple(timings), len(chips), float(found.min()), float(found.mean()))
