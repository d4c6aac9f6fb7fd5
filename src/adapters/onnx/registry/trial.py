"""A model shows what it can before it is trusted: its graph fits its manifest, and it computes something sensible.

What it says of the drawn face is the record that later starts are checked against, where its manifest has none.
"""

from pathlib import Path

from facepass.adapters.onnx.detection.detector import Detector
from facepass.adapters.onnx.golden import check_detector, check_recogniser, geometry, observe_face, try_recogniser
from facepass.adapters.onnx.recognition.recogniser import Recogniser
from facepass.adapters.onnx.registry.golden_record import Golden
from facepass.adapters.onnx.registry.manifest import DetectorManifest, GoldenFace, Manifest
from facepass.domain.errors import ConfigurationError

_DECIMALS = 5


def try_model(manifest: Manifest, model: Path, golden: Golden | None) -> Golden:
    """Load a model and have it look at the drawn face.

    Args:
        manifest: of the model.
        model: its file, wherever it lies.
        golden: what it must see; None where that is not known, and then whatever is sensible will do.

    Returns:
        What it saw, for the record.

    Raises:
        ConfigurationError: it cannot be loaded, does not fit its manifest, or computes something else.
    """
    if isinstance(manifest, DetectorManifest):
        detector = Detector.load(manifest, model)
        return _try_detector(detector, manifest, golden if isinstance(golden, GoldenFace) else None)
    recogniser = Recogniser(manifest, model)
    vector = try_recogniser(recogniser)
    if golden is not None and not isinstance(golden, GoldenFace):
        check_recogniser(recogniser, golden)
    return tuple(round(float(value), _DECIMALS) for value in vector)


def _try_detector(detector: Detector, manifest: DetectorManifest, golden: GoldenFace | None) -> GoldenFace:
    try:
        if golden is not None:
            check_detector(detector, golden, name=manifest.name)
        face = observe_face(detector)
    except ConfigurationError:
        raise
    except Exception as error:  # the runtime's classes, or an output of a shape that the architecture does not have
        raise ConfigurationError(
            f"The model {manifest.name} does not work as a {manifest.architecture} detector: {error}"
        ) from error
    rounded = tuple(round(float(value), 3) for value in geometry(face))
    return GoldenFace(geometry=rounded, confidence=round(face.confidence, _DECIMALS))
