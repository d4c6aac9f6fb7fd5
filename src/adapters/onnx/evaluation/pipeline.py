"""The models under evaluation, by name: the one place here that knows how they are made and called."""

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facepass.adapters.onnx.detection.detector import Detector
from facepass.adapters.onnx.recognition.alignment import align
from facepass.adapters.onnx.recognition.recogniser import Recogniser
from facepass.adapters.onnx.registry.registry import Registry
from facepass.application.detection_profile import ProfileName
from facepass.domain.errors import LowQualityFace
from facepass.domain.face import Detection

RgbArray = npt.NDArray[np.uint8]
Vector = npt.NDArray[np.float32]

_WARM_UP_SIDE_PX = 320


@dataclass(frozen=True, slots=True)
class Found:
    """The largest face of a picture.

    Attributes:
        face: None where there is none.
        took_ms: of detection, in milliseconds.
    """

    face: Detection | None
    took_ms: float


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """A face as a vector.

    Attributes:
        vector: `(dimension,)` float32 of norm 1.
        took_ms: of alignment and network, mirror image included, in milliseconds.
    """

    vector: Vector
    took_ms: float


class TimedDetector:
    """A detector of the registry, on one thread.

    Attributes:
        name: of the model.
    """

    def __init__(self, registry: Registry, name: str, *, profile: ProfileName, score_threshold: float | None) -> None:
        """Load it, and let it run once, since first runs are slow.

        Args:
            registry: knows the model.
            name: of the detector.
            profile: how closely small faces are looked for.
            score_threshold: least score of a face; None for the model's own.

        Raises:
            ConfigurationError: the name is unknown, or the model cannot run.
        """
        manifest = registry.detector(name)
        self.name = name
        self._detector = Detector.load(
            manifest, registry.require(manifest), profile=profile, score_threshold=score_threshold
        )
        self._detector.detect(np.zeros((_WARM_UP_SIDE_PX, _WARM_UP_SIDE_PX, 3), dtype=np.uint8))

    def largest(self, pixels: RgbArray, *, longest_px: int | None = None) -> Found:
        """The largest face of `(height, width, 3)` uint8 RGB; `longest_px` as `Detector.detect` wants it."""
        started_s = time.perf_counter()
        faces = self._detector.detect(pixels, longest_px=longest_px)
        return Found(faces[0] if faces else None, _since_ms(started_s))


class TimedRecogniser:
    """A recogniser of the registry, on one thread and one face at a time.

    Attributes:
        name: of the model.
    """

    def __init__(self, registry: Registry, name: str) -> None:
        """Load it, and let it run once.

        Raises:
            ConfigurationError: the name is unknown, or the model cannot run.
        """
        manifest = registry.recogniser(name)
        self.name = name
        self._template = manifest.template
        self._recogniser = Recogniser(manifest, registry.require(manifest))
        self._recogniser.embed(np.zeros((1, self._template.side, self._template.side, 3), dtype=np.uint8))

    def embed(self, pixels: RgbArray, face: Detection) -> Embedded | None:
        """The face as a vector; None where its landmarks make no face."""
        started_s = time.perf_counter()
        try:
            chip = align(pixels, face.landmarks, self._template)
        except LowQualityFace:
            return None
        vector = self._recogniser.embed(chip[None])[0]
        return Embedded(vector, _since_ms(started_s))


def _since_ms(started_s: float) -> float:
    return 1e3 * (time.perf_counter() - started_s)
