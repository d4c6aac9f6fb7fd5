"""YuNet against OpenCV's own reading of the same graph: a small one made here, and the official one where it lies."""

import os
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from facepass.adapters.onnx.detection.detector import Detector
from facepass.adapters.onnx.detection.network import Candidates
from facepass.adapters.onnx.detection.suppression import suppress
from facepass.adapters.onnx.detection.yunet import STRIDES, YuNet
from facepass.adapters.onnx.golden import check_detector
from facepass.adapters.onnx.registry.registry import Registry
from facepass.domain.errors import ConfigurationError

REPOSITORY = Path(__file__).parents[3]
CHANNELS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
EXPORTED_SIDE = 64


@pytest.fixture(scope="module")
def official() -> Path:
    shared = Path(os.environ.get("FACEPASS_SHARED", REPOSITORY.parent / "shared"))
    path = shared / "models" / "face_detection_yunet_2023mar.onnx"
    if not path.is_file():
        pytest.skip("the official YuNet file is not here")
    return path


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph with YuNet's inputs and outputs, fixed to 64 by 64 pixels, and one random filter for each output."""
    random = np.random.default_rng(4)
    nodes, weights, inner, outputs = [], [], [], []
    for stride in STRIDES:
        cells = EXPORTED_SIDE // stride
        for kind, channels in CHANNELS.items():
            name = f"{kind}_{stride}"
            kernel = random.normal(0, 0.4 / (255 * stride), (channels, 3, stride, stride)).astype(np.float32)
            bias = random.uniform(0.4, 1.2, channels).astype(np.float32)
            shape = np.array([1, -1, channels])
            for part, values in (("w", kernel), ("b", bias), ("s", shape)):
                weights.append(numpy_helper.from_array(values, f"{name}_{part}"))
            nodes += [
                helper.make_node(
                    "Conv",
                    ["input", f"{name}_w", f"{name}_b"],
                    [f"{name}_c"],
                    strides=[stride, stride],
                    kernel_shape=[stride, stride],
                ),
                helper.make_node("Transpose", [f"{name}_c"], [f"{name}_t"], perm=[0, 2, 3, 1]),
                helper.make_node("Reshape", [f"{name}_t", f"{name}_s"], [name]),
            ]
            inner.append(helper.make_tensor_value_info(f"{name}_c", TensorProto.FLOAT, [1, channels, cells, cells]))
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, cells * cells, channels]))
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, EXPORTED_SIDE, EXPORTED_SIDE])
    graph = helper.make_graph(nodes, "untrained", [picture], outputs, weights, value_info=inner)
    path = tmp_path_factory.mktemp("yunet") / "untrained.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6), path)
    return path


def opencv_faces(model: Path, pixels: np.ndarray, *, score: float, iou: float) -> np.ndarray:
    """`(n, 15)`: box as x, y, width, height, five points, score, as OpenCV finds them, best first."""
    detector = cv2.FaceDetectorYN.create(str(model), "", (pixels.shape[1], pixels.shape[0]), score, iou, 5000)
    _, faces = detector.detect(np.ascontiguousarray(pixels[:, :, ::-1]))
    found = np.zeros((0, 15)) if faces is None else faces
    return found[np.argsort(-found[:, 14], kind="stable")]


def as_rows(found: Candidates) -> np.ndarray:
    order = np.argsort(-found.scores, kind="stable")
    sizes = found.boxes[:, 2:] - found.boxes[:, :2]
    rows = np.concatenate([found.boxes[:, :2], sizes, found.landmarks.reshape(-1, 10), found.scores[:, None]], axis=1)
    return rows[order]


@pytest.mark.parametrize("shape", [(64, 64), (96, 160), (50, 121), (1, 1)])
def test_any_size_is_read_as_opencv_reads_it(untrained: Path, shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    mine = as_rows(YuNet(untrained, score_threshold=0.6).look(pixels))
    theirs = opencv_faces(untrained, pixels, score=0.6, iou=1.0)
    assert len(mine) == len(theirs) > 0
    np.testing.assert_allclose(mine, theirs, atol=1e-2)


def test_the_border_moves_nothing(untrained: Path) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    network = YuNet(untrained, score_threshold=0.0)
    plain, bordered = network.look(pixels), network.look(pixels, border=(32, 64))
    # The filters of this graph see one cell each, so the border only adds cells of its own.
    for box, score in zip(plain.boxes, plain.scores, strict=True):
        same = np.flatnonzero(np.abs(bordered.boxes - box).max(axis=1) < 1e-2)
        assert np.abs(bordered.scores[same] - score).min() < 1e-4


def test_of_too_many_candidates_the_best_count(untrained: Path) -> None:
    found = YuNet(untrained, score_threshold=0.0).look(np.full((800, 800, 3), 128, dtype=np.uint8))
    assert len(found) == 5000


def test_what_is_no_yunet_is_refused(tmp_path: Path, untrained: Path) -> None:
    other = onnx.load_model(untrained)
    del other.graph.output[3:]
    onnx.save(other, tmp_path / "other.onnx")
    with pytest.raises(ConfigurationError, match="no YuNet of 2023"):
        YuNet(tmp_path / "other.onnx")
    (tmp_path / "text.onnx").write_text("no model at all")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        YuNet(tmp_path / "text.onnx")


def test_lfw_faces_are_where_opencv_finds_them(official: Path, lfw10: list[Path]) -> None:
    network = YuNet(official, score_threshold=0.7)
    for path in lfw10:
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        found = network.look(pixels)
        # OpenCV knows no rule for parts of faces: 1 turns ours off.
        kept = suppress(found.boxes, found.scores, iou_threshold=network.overlap, covered=1.0)
        mine, theirs = as_rows(found.take(kept)), opencv_faces(official, pixels, score=0.7, iou=0.3)
        assert len(mine) == len(theirs)
        np.testing.assert_allclose(mine[:, :14], theirs[:, :14], atol=1.0)
        np.testing.assert_allclose(mine[:, 14], theirs[:, 14], atol=1e-3)


def test_the_official_network_passes_its_check(official: Path, registry: Registry) -> None:
    manifest = registry.detector("yunet-2023mar")
    assert manifest.golden is not None
    assert manifest.refine
    check_detector(Detector.load(manifest, official), manifest.golden, name=manifest.name)
