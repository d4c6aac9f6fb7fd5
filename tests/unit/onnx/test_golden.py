"""The check at every start: passes for the right models, and for nothing else."""

import hashlib
from pathlib import Path

import msgspec
import numpy as np
import pytest

from facepass.adapters.onnx.detection.detector import Detector
from facepass.adapters.onnx.detection.face_detector import OnnxFaceDetector
from facepass.adapters.onnx.embedded.build import serialised
from facepass.adapters.onnx.embedded.dlib_dat import Convolution, FullyConnected, Network, Pool, Relu
from facepass.adapters.onnx.embedded.dlib_graph import build_model
from facepass.adapters.onnx.golden import LANDMARKS, check_detector, check_recogniser, geometry, observe_face, portrait
from facepass.adapters.onnx.recognition.embedding_model import OnnxEmbeddingModel
from facepass.adapters.onnx.recognition.recogniser import Recogniser
from facepass.adapters.onnx.registry.manifest import Source, encode_manifest
from facepass.adapters.onnx.registry.registry import Registry
from facepass.adapters.onnx.runtime.executor import InferenceExecutor
from facepass.domain.errors import ConfigurationError


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """A recogniser with the right shapes that was never trained."""
    rng = np.random.default_rng(3)
    weight = rng.normal(0, 1, (8, 3, 7, 7)).astype(np.float32)
    layers = (
        Convolution(weight, np.zeros(8, dtype=np.float32), 2, 0),
        Relu(),
        Pool("average", 0, 1, 0),
        FullyConnected(rng.normal(0, 1, (8, 128)).astype(np.float32)),
    )
    path = tmp_path / "stranger.onnx"
    path.write_bytes(serialised(build_model(Network((122.8, 117.0, 104.3), 150, layers))))
    return path


def test_the_drawn_face_is_one_picture_for_ever() -> None:
    picture = portrait()
    assert picture.shape == (160, 160, 3)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, portrait())


def test_both_precisions_pass(registry: Registry) -> None:
    for name in ("dlib-resnet29-int8", "dlib-resnet29-fp32"):
        manifest = registry.recogniser(name)
        assert manifest.golden is not None
        check_recogniser(Recogniser(manifest, registry.require(manifest)), manifest.golden)


def test_the_detector_passes(registry: Registry, retinaface: Detector) -> None:
    golden = registry.detector("retinaface-mnet025").golden
    assert golden is not None
    check_detector(retinaface, golden, name="retinaface-mnet025")
    assert geometry(observe_face(retinaface))[4:] == pytest.approx(LANDMARKS.as_array().ravel(), abs=0.5)


def test_another_recogniser_fails(registry: Registry, stranger: Path) -> None:
    manifest = registry.recogniser("dlib-resnet29-int8")
    assert manifest.golden is not None
    with pytest.raises(ConfigurationError, match="dlib-resnet29-int8 fails its check"):
        check_recogniser(Recogniser(manifest, stranger), manifest.golden)


def test_a_blind_detector_fails(registry: Registry) -> None:
    manifest = registry.detector("retinaface-mnet025")
    assert manifest.golden is not None
    blind = Detector.load(manifest, registry.path(manifest), score_threshold=1.0)
    with pytest.raises(ConfigurationError, match="0 faces"):
        check_detector(blind, manifest.golden, name=manifest.name)


def test_the_adapters_check_what_they_load(registry: Registry, stranger: Path, tmp_path: Path) -> None:
    workers = InferenceExecutor(threads=1)
    # A model of somebody's own that claims to be what it is not.
    claims = msgspec.structs.replace(
        registry.recogniser("dlib-resnet29-int8"),
        name="stranger",
        source=Source(megabytes=1, sha256=hashlib.sha256(stranger.read_bytes()).hexdigest()),
    )
    (tmp_path / "stranger.toml").write_bytes(encode_manifest(claims))
    with pytest.raises(ConfigurationError, match="fails its check"):
        OnnxEmbeddingModel(registry=Registry(tmp_path), name="stranger", workers=workers, batch_max=8)
    with pytest.raises(ConfigurationError, match="retinaface-mnet025 is missing"):
        OnnxFaceDetector(registry=Registry(tmp_path), name="retinaface-mnet025", workers=workers, score_threshold=0.8)
    with pytest.raises(ConfigurationError, match="dlib-resnet29-fp32, dlib-resnet29-int8"):
        OnnxEmbeddingModel(registry=registry, name="sface", workers=workers, batch_max=8)
    workers.close()
