"""The check at every start: passes for the right models, and for nothing else."""

from pathlib import Path

import numpy as np
import pytest

from facepass.adapters.onnx.build import serialised
from facepass.adapters.onnx.detector import OnnxFaceDetector
from facepass.adapters.onnx.dlib_dat import Convolution, FullyConnected, Network, Pool, Relu
from facepass.adapters.onnx.dlib_graph import build_model
from facepass.adapters.onnx.embedding_model import OnnxEmbeddingModel
from facepass.adapters.onnx.executor import InferenceExecutor
from facepass.adapters.onnx.golden import check_detector, check_models, check_recogniser, portrait
from facepass.adapters.onnx.prepare import DETECTOR_FILE, FLOAT_FILE, INT8_FILE
from facepass.adapters.onnx.recogniser import Recogniser
from facepass.adapters.onnx.retinaface import RetinaFace
from facepass.domain.embedding import ModelId
from facepass.domain.errors import ConfigurationError

INT8, FLOAT = ModelId("dlib-resnet29-int8"), ModelId("dlib-resnet29-fp32")


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
    path = tmp_path / INT8_FILE
    path.write_bytes(serialised(build_model(Network((122.8, 117.0, 104.3), 150, layers))))
    return path


def test_the_drawn_face_is_one_picture_for_ever() -> None:
    picture = portrait()
    assert picture.shape == (160, 160, 3)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, portrait())


def test_both_precisions_pass(onnx_models_dir: Path, retinaface: RetinaFace, int8_recogniser: Recogniser) -> None:
    check_models(retinaface, int8_recogniser, INT8)
    check_models(retinaface, Recogniser(onnx_models_dir / FLOAT_FILE), FLOAT)


def test_another_recogniser_fails(stranger: Path) -> None:
    with pytest.raises(ConfigurationError, match="dlib-resnet29-int8 fails its check"):
        check_recogniser(Recogniser(stranger), INT8)


def test_a_blind_detector_fails(onnx_models_dir: Path) -> None:
    with pytest.raises(ConfigurationError, match="0 faces"):
        check_detector(RetinaFace(onnx_models_dir / DETECTOR_FILE, score_threshold=1.0))


def test_the_adapters_check_what_they_load(stranger: Path, tmp_path: Path) -> None:
    workers = InferenceExecutor(threads=1)
    with pytest.raises(ConfigurationError, match="fails its check"):
        OnnxEmbeddingModel(models_dir=stranger.parent, name=INT8, workers=workers, batch_max=8)
    with pytest.raises(ConfigurationError, match=DETECTOR_FILE):
        OnnxFaceDetector(models_dir=tmp_path, workers=workers, score_threshold=0.8)
    with pytest.raises(ConfigurationError, match="dlib-resnet29-fp32, dlib-resnet29-int8"):
        OnnxEmbeddingModel(models_dir=tmp_path, name="sface", workers=workers, batch_max=8)
    workers.close()
