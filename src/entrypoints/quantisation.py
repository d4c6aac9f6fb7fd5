"""Makes an int8 model of a recogniser, on the faces of an operator's own pictures."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from facepass.adapters.onnx.detection.detector import Detector
from facepass.adapters.onnx.recognition.alignment import align
from facepass.adapters.onnx.registry import static_int8
from facepass.adapters.onnx.registry.manifest import Template
from facepass.application.detection_profile import PROFILES
from facepass.domain.errors import FacePassError, LowQualityFace
from facepass.entrypoints.models import registry_of
from facepass.entrypoints.settings import Settings
from facepass.entrypoints.source_photos import decode_photo

Progress = Callable[[str], None]

MOST_PICTURES = 400
"""Of a folder that a quantisation looks at, evenly spread over it."""


class Quantisation(msgspec.Struct, frozen=True):
    """An int8 model that was made.

    Attributes:
        recipe: how, in words.
        faces: that set the ranges of activations.
        held_out_faces: that the cosines are taken over.
        mean_cosine, least_cosine: of a face's int8 vector to its float vector.
        fp32_ms, int8_ms: milliseconds a face, mirror image included, on one thread.
    """

    name: str
    file: str
    recipe: str
    faces: int
    held_out_faces: int
    mean_cosine: float
    least_cosine: float
    fp32_ms: float
    int8_ms: float


def quantise(settings: Settings, name: str, pictures: Sequence[Path], *, progress: Progress) -> Quantisation:
    """Make a static int8 model of an installed recogniser: see `static_int8.quantise`.

    Args:
        settings: say where models are, and which detector finds the faces.
        name: of the recogniser.
        pictures: that show faces; those that cannot be read are passed over.
        progress: told in a line what takes time.

    Raises:
        ConfigurationError: it cannot be made, or is not good enough.
        InvalidRequest: the pictures show too few faces.
    """
    registry = registry_of(settings)
    manifest = static_int8.require_quantisable(registry, name)
    chosen = registry.detector(settings.recognition.detector_type)
    detector = Detector.load(chosen, registry.require(chosen))
    progress(f"Looking for faces with {chosen.name}")
    chips: list[npt.NDArray[np.uint8]] = []
    for pixels in _pictures(settings, _spread(pictures), progress):
        chips += _chips(detector, pixels, manifest.template)
        if len(chips) >= static_int8.MOST_FACES:
            break
    side = manifest.template.side
    faces = np.stack(chips) if chips else np.empty((0, side, side, 3), dtype=np.uint8)
    made = static_int8.quantise(registry, name, faces, progress=progress)
    return Quantisation(
        name=made.name,
        file=str(made.path),
        recipe=made.recipe,
        faces=made.faces,
        held_out_faces=made.held_out_faces,
        mean_cosine=round(made.mean_cosine, 5),
        least_cosine=round(made.least_cosine, 5),
        fp32_ms=round(made.fp32_ms, 2),
        int8_ms=round(made.int8_ms, 2),
    )


def _spread(pictures: Sequence[Path]) -> Sequence[Path]:
    step = -(-len(pictures) // MOST_PICTURES) or 1
    return pictures[::step]


def _pictures(settings: Settings, paths: Sequence[Path], progress: Progress) -> Iterator[npt.NDArray[np.uint8]]:
    for path in paths:
        try:
            picture = decode_photo(path, settings, profile=PROFILES["balanced"])
        except (OSError, FacePassError) as error:
            progress(f"{path} is passed over: {error}")
        else:
            yield picture.pixels


def _chips(detector: Detector, pixels: npt.NDArray[np.uint8], template: Template) -> Iterator[npt.NDArray[np.uint8]]:
    for face in detector.detect(pixels):
        # Landmarks that coincide make no chip: the face is of no use here.
        with suppress(LowQualityFace):
            yield align(pixels, face.landmarks, template)
