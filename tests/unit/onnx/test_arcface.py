"""ArcFace-type recognisers through the code path of the SFace and InsightFace manifests.

Small graphs made here run everywhere; the two verification models only where somebody has put them beside the
repository, since their licences do not let them be shipped.
"""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import onnxruntime as ort
import pytest
from PIL import Image as PillowImage

from facepass.adapters.onnx.detection.detector import Detector
from facepass.adapters.onnx.recognition.alignment import align
from facepass.adapters.onnx.recognition.embedding_model import OnnxEmbeddingModel
from facepass.adapters.onnx.recognition.recogniser import Recogniser
from facepass.adapters.onnx.registry.install import Installer
from facepass.adapters.onnx.registry.manifest import InputLayout, RecogniserManifest, Template, encode_manifest
from facepass.adapters.onnx.registry.registry import Registry
from facepass.adapters.onnx.runtime.executor import InferenceExecutor
from facepass.domain.face import Image, ImageSize
from facepass.domain.verification import Comparisons
from tests.fixtures_models import REPOSITORY, Pixels
from tests.unit.onnx.graphs import ARCFACE_POINTS, SIDE, arcface_like, manifest_of, save

PEOPLE, PICTURES = 20, 3
MOST_EER = 0.01
"""On cut-out and on found faces alike; 0.0 to 0.01 % where it was measured."""
TEMPLATE = Template(SIDE, ARCFACE_POINTS)
IMAGENET_MEAN = (255 * 0.485, 255 * 0.456, 255 * 0.406)
IMAGENET_DEVIATION = (255 * 0.229, 255 * 0.224, 255 * 0.225)


@pytest.fixture(scope="module")
def detector(registry: Registry) -> Detector:
    manifest = registry.detector("retinaface-mnet025")
    return Detector.load(manifest, registry.require(manifest))


@pytest.fixture(scope="module")
def orl_faces(orl: Callable[..., Pixels], detector: Detector) -> tuple[Pixels, list[str]]:
    """Aligned faces and whose they are: `PICTURES` of each of `PEOPLE`."""
    pictures = [
        (str(person), orl(person, number)) for person in range(1, PEOPLE + 1) for number in range(1, PICTURES + 1)
    ]
    return _aligned(detector, pictures)


@pytest.fixture(scope="module")
def lfw10_faces(lfw10: list[Path], detector: Detector) -> tuple[Pixels, list[str]]:
    def read(path: Path) -> Pixels:
        with PillowImage.open(path) as picture:
            return np.asarray(picture.convert("RGB"))

    return _aligned(detector, [(path.parent.name, read(path)) for path in lfw10])


def _aligned(detector: Detector, pictures: list[tuple[str, Pixels]]) -> tuple[Pixels, list[str]]:
    chips, people = [], []
    for person, pixels in pictures:
        faces = detector.detect(pixels)
        if faces:
            chips.append(align(pixels, faces[0].landmarks, TEMPLATE))
            people.append(person)
    return np.stack(chips), people


def installed(models_dir: Path, manifest: RecogniserManifest, source: Path) -> Registry:
    """As a person does it: a manifest in MODELS_DIR, then `facepass models install NAME --from FILE`."""
    (models_dir / f"{manifest.name}.toml").write_bytes(encode_manifest(manifest))
    registry = Registry(models_dir)
    installer = Installer(registry, progress=lambda _: None, transferred=lambda *_: None)
    installer.install(manifest.name, source=source, accept_licence=not manifest.licence.commercial_use)
    return registry


def loaded(registry: Registry, name: str) -> Recogniser:
    manifest = registry.recogniser(name)
    return Recogniser(manifest, registry.require(manifest))


@pytest.mark.parametrize("mirror", [True, False])
@pytest.mark.parametrize(
    "graph",
    [
        {"batch": "n"},
        {"batch": 1},
        {"batch": "n", "declared_batch": 1},
    ],
    ids=["free batch", "one at a time", "declares one and gives many"],
)
def test_small_graphs_give_what_the_runtime_gives(
    tmp_path: Path,
    orl_faces: tuple[Pixels, list[str]],
    capfd: pytest.CaptureFixture[str],
    graph: dict[str, int | str],
    mirror: bool,
) -> None:
    model = arcface_like(**graph)  # type: ignore[arg-type]  # what is varied is stated above
    manifest = manifest_of(model, mirror=mirror)
    registry = installed(tmp_path, manifest, save(tmp_path, "given.onnx", model))
    chips = orl_faces[0][:5]
    found = loaded(registry, "mine").embed(chips)

    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    blob = ((chips.astype(np.float32) - 127.5) / 127.5).transpose(0, 3, 1, 2)

    def run(batch: np.ndarray) -> np.ndarray:
        return np.concatenate([session.run(None, {"input": one[None]})[0] for one in batch])

    expected = run(blob) + (run(blob[:, :, :, ::-1]) if mirror else 0)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert capfd.readouterr() == ("", ""), "nothing for the log, whatever batch the graph declares"


def test_colours_are_put_in_the_order_that_the_manifest_says(tmp_path: Path) -> None:
    model = arcface_like()
    path = save(tmp_path, "mine.onnx", model)
    rgb = manifest_of(model, mean=(10.0, 20.0, 30.0), deviation=(1.0, 2.0, 3.0))
    chips = np.random.default_rng(1).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    bgr = msgspec.structs.replace(rgb, input=InputLayout("BGR", (30.0, 20.0, 10.0), (3.0, 2.0, 1.0)))
    read = Recogniser(bgr, path)
    np.testing.assert_allclose(
        read.network_input(chips)[:, ::-1], Recogniser(rgb, path).network_input(chips), atol=1e-5
    )


async def test_the_service_embeds_with_a_model_of_ones_own(
    tmp_path: Path, orl: Callable[..., Pixels], detector: Detector
) -> None:
    model = arcface_like(batch=1)
    registry = installed(tmp_path, manifest_of(model), save(tmp_path, "given.onnx", model))
    workers = InferenceExecutor(threads=1)
    service = OnnxEmbeddingModel(registry=registry, name="mine", workers=workers, batch_max=4)
    pixels = orl(1, 1)
    landmarks = detector.detect(pixels)[0].landmarks
    (found,) = await service.embed(Image(pixels, ImageSize(pixels.shape[1], pixels.shape[0])), [landmarks])
    await service.close()
    workers.close()
    assert (service.model_id, service.dimension) == ("mine", 16)
    expected = loaded(registry, "mine").embed(align(pixels, landmarks, TEMPLATE)[None])[0]
    np.testing.assert_allclose(found.vector, expected, atol=1e-6)


@pytest.fixture(params=["arcface-mbf512", "mobilefacenet-arcface128"])
def verification_model(request: pytest.FixtureRequest, tmp_path: Path) -> Recogniser:
    """One of the two models of `shared/models`, installed into an empty MODELS_DIR."""
    file = {
        "arcface-mbf512": "arcface_mbf512_verification.onnx",
        "mobilefacenet-arcface128": "mobilefacenet_arcface128.onnx",
    }[request.param]
    source = Path(os.environ.get("FACEPASS_SHARED", REPOSITORY.parent / "shared")) / "models" / file
    if not source.is_file():
        pytest.skip(f"no {file} in FACEPASS_SHARED/models")
    model = source.read_bytes()
    if request.param == "arcface-mbf512":
        # It subtracts 127.5 and divides by 127.5 itself.
        plain = {"mean": (0.0, 0.0, 0.0), "deviation": (1.0, 1.0, 1.0)}
        manifest = manifest_of(model, name=request.param, dimension=512, commercial_use=False, **plain)
    else:
        manifest = manifest_of(
            model, name=request.param, dimension=128, mean=IMAGENET_MEAN, deviation=IMAGENET_DEVIATION
        )
    return loaded(installed(tmp_path, manifest, source), request.param)


def test_verification_models_tell_people_apart_on_orl(
    verification_model: Recogniser, orl_faces: tuple[Pixels, list[str]]
) -> None:
    _check_people(verification_model, orl_faces)


def test_verification_models_tell_people_apart_on_lfw10(
    verification_model: Recogniser, lfw10_faces: tuple[Pixels, list[str]]
) -> None:
    _check_people(verification_model, lfw10_faces)


def _check_people(recogniser: Recogniser, faces: tuple[Pixels, list[str]]) -> None:
    chips, people = faces
    vectors = np.concatenate([recogniser.embed(chips[start : start + 8]) for start in range(0, len(chips), 8)])
    compared = Comparisons.between(vectors, people)
    equal = compared.rates().equal()
    assert np.median(compared.genuine) > np.quantile(compared.impostor, 0.99)
    assert equal.rate <= MOST_EER
