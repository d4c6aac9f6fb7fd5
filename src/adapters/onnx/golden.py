"""Proves at start that the models, the runtime and this processor compute what was recorded.

A drawn face goes through detection, alignment and recognition, and must come out as it did. The tolerances allow for
other instruction sets and runtime versions, and for nothing else. It is the warm-up as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from facepass.adapters.onnx.recognition.alignment import align
from facepass.adapters.onnx.recognition.recogniser import Recogniser
from facepass.adapters.onnx.registry.manifest import GoldenFace, Template
from facepass.domain.embedding import NORM_TOLERANCE
from facepass.domain.errors import ConfigurationError
from facepass.domain.face import Detection, Landmarks, Point

Geometry = npt.NDArray[np.float64]

_POINT_TOLERANCE_PX = 0.5
_SCORE_TOLERANCE = 0.01
_LEAST_COSINE = 0.999
_SAME_COSINE = 0.9999
"""Least of one face in two ways: alone or in company, as it is or mirrored where both are summed."""
_OTHER_COSINE = 0.999
"""Most of two pictures that share nothing."""
_SIDE = 160
_EDGE = 0.012

LANDMARKS = Landmarks(
    Point(64.297, 69.212), Point(97.193, 69.9), Point(81.23, 89.049), Point(66.892, 105.02), Point(94.794, 105.573)
)
"""Of the drawn face, as RetinaFace finds them: recognisers are checked with these, whatever the detector."""


class Detector(Protocol):
    """What finds faces in `(height, width, 3)` uint8 RGB."""

    def detect(self, pixels: npt.NDArray[np.uint8]) -> tuple[Detection, ...]:
        """All faces, largest first."""
        ...


@dataclass(frozen=True, slots=True)
class _Ellipse:
    """Centre, radii as parts of the picture's side, colour in RGB 0 to 255."""

    x: float
    y: float
    radius_x: float
    radius_y: float
    colour: tuple[int, int, int]


_PORTRAIT = (
    _Ellipse(0.50, 0.42, 0.300, 0.360, (60, 40, 30)),  # hair
    _Ellipse(0.50, 1.00, 0.380, 0.220, (70, 80, 130)),  # shoulders
    _Ellipse(0.50, 0.74, 0.110, 0.160, (190, 140, 115)),  # neck
    _Ellipse(0.50, 0.50, 0.235, 0.310, (222, 172, 145)),  # face
    _Ellipse(0.41, 0.395, 0.065, 0.014, (70, 45, 35)),  # eyebrows
    _Ellipse(0.59, 0.395, 0.065, 0.014, (70, 45, 35)),
    _Ellipse(0.41, 0.45, 0.048, 0.023, (245, 240, 235)),  # eyes
    _Ellipse(0.59, 0.45, 0.048, 0.023, (245, 240, 235)),
    _Ellipse(0.41, 0.45, 0.022, 0.023, (45, 30, 25)),
    _Ellipse(0.59, 0.45, 0.022, 0.023, (45, 30, 25)),
    _Ellipse(0.50, 0.50, 0.020, 0.080, (235, 190, 165)),  # nose
    _Ellipse(0.50, 0.575, 0.045, 0.020, (190, 130, 110)),
    _Ellipse(0.50, 0.665, 0.080, 0.024, (175, 75, 75)),  # mouth
    _Ellipse(0.50, 0.662, 0.070, 0.005, (110, 40, 45)),
)


def portrait() -> npt.NDArray[np.uint8]:
    """The drawn face, `(160, 160, 3)` uint8 RGB."""
    y, x = np.mgrid[0:_SIDE, 0:_SIDE].astype(np.float64) / _SIDE
    picture: npt.NDArray[np.float64] = np.stack([90 + 60 * y, 120 + 40 * x, 150 - 30 * y], axis=-1)
    for part in _PORTRAIT:
        distance = np.hypot((x - part.x) / part.radius_x, (y - part.y) / part.radius_y) - 1.0
        edge = _EDGE / min(part.radius_x, part.radius_y)
        cover = np.clip(0.5 - distance / edge, 0.0, 1.0)[..., None]
        picture = picture * (1.0 - cover) + cover * np.array(part.colour, dtype=np.float64)
    levels: npt.NDArray[np.uint8] = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return levels


def observe_face(detector: Detector) -> Detection:
    """What the detector finds in the drawn face.

    Raises:
        ConfigurationError: not exactly one face.
    """
    faces = detector.detect(portrait())
    if len(faces) != 1:
        raise ConfigurationError(f"The detector finds {len(faces)} faces in the test picture instead of one.")
    return faces[0]


def drawn_chip(template: Template) -> npt.NDArray[np.uint8]:
    """The drawn face as a recogniser wants it, `(side, side, 3)` uint8 RGB, aligned by `LANDMARKS`."""
    return align(portrait(), LANDMARKS, template)


def observe_embedding(recogniser: Recogniser) -> npt.NDArray[np.float32]:
    """`(dimension,)` float32: what the recogniser says of the drawn face."""
    embedding: npt.NDArray[np.float32] = recogniser.embed(drawn_chip(recogniser.manifest.template)[None])[0]
    return embedding


def check_detector(detector: Detector, golden: GoldenFace, *, name: str) -> None:
    """Compare what a detector finds with the record.

    Args:
        detector: at its own score threshold.
        golden: the record.
        name: what the error calls it.

    Raises:
        ConfigurationError: it differs by more than other hardware explains.
    """
    face = observe_face(detector)
    distance = float(np.abs(geometry(face) - np.array(golden.geometry)).max())
    if not (distance <= _POINT_TOLERANCE_PX and abs(face.confidence - golden.confidence) <= _SCORE_TOLERANCE):
        raise ConfigurationError(
            f"The detector {name} fails its check on this machine: {distance:.2f} pixels from the record, "
            f"score {face.confidence:.3f}."
        )


def check_recogniser(recogniser: Recogniser, golden: Sequence[float]) -> None:
    """Compare what a recogniser says of the drawn face with the record, a vector of any length.

    Raises:
        ConfigurationError: it differs by more than other hardware explains.
    """
    recorded, found = np.array(golden, dtype=np.float64), observe_embedding(recogniser)
    _check_dimension(recogniser, found)
    cosine = float(found @ recorded / np.linalg.norm(recorded)) if recorded.shape == found.shape else 0.0
    if not cosine >= _LEAST_COSINE:
        raise ConfigurationError(
            f"The recogniser {recogniser.manifest.name} fails its check on this machine: "
            f"cosine {cosine:.4f} to the record."
        )


def try_recogniser(recogniser: Recogniser) -> npt.NDArray[np.float32]:
    """What a recogniser says of the drawn face, `(dimension,)` float32 of norm 1, after seeing that it is sensible.

    Raises:
        ConfigurationError: the vector is not finite, is the same for every picture, or depends on the other faces of
            its batch; or the runtime cannot run the network at all.
    """
    face = drawn_chip(recogniser.manifest.template)
    other = 255 - face[::-1]
    name = recogniser.manifest.name
    try:
        alone: npt.NDArray[np.float32] = recogniser.embed(face[None])[0]
        mirrored = recogniser.embed(face[None, :, ::-1])[0]
        in_company, stranger = recogniser.embed(np.stack([face, other]))
    except Exception as error:  # the runtime's own classes derive from Exception and are not exported
        raise ConfigurationError(f"The recogniser {name} cannot embed a face: {error}") from error
    _check_dimension(recogniser, alone)
    if not abs(float(np.linalg.norm(alone)) - 1.0) <= NORM_TOLERANCE:
        raise ConfigurationError(f"The recogniser {name} gives a vector that is zero or not finite.")
    if not float(alone @ in_company) >= _SAME_COSINE:
        raise ConfigurationError(f"The recogniser {name} says something else of a face in a batch than of it alone.")
    if not float(alone @ stranger) <= _OTHER_COSINE:
        raise ConfigurationError(f"The recogniser {name} says the same of different pictures: it has learnt nothing.")
    if recogniser.manifest.mirror and not float(alone @ mirrored) >= _SAME_COSINE:
        raise ConfigurationError(f"The recogniser {name} says something else of a face and of its mirror image.")
    return alone


def _check_dimension(recogniser: Recogniser, vector: npt.NDArray[np.float32]) -> None:
    """Graphs may leave it open until they run."""
    dimension = recogniser.manifest.dimension
    if vector.shape != (dimension,):
        raise ConfigurationError(
            f"The recogniser {recogniser.manifest.name} gives {vector.size} values, its manifest says {dimension}."
        )


def geometry(face: Detection) -> Geometry:
    """Box and landmarks as 14 pixel coordinates."""
    box = face.box
    return np.concatenate([[box.x, box.y, box.width, box.height], face.landmarks.as_array().ravel()])
