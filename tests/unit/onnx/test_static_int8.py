"""int8 models made of installed recognisers: true to the float model, or not kept at all."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from facepass.adapters.onnx.detection.detector import Detector
from facepass.adapters.onnx.recognition.alignment import align
from facepass.adapters.onnx.recognition.recogniser import Recogniser
from facepass.adapters.onnx.registry.int8_graph import Recipe, float_graph, quantised
from facepass.adapters.onnx.registry.licences import accepted_licences, record_acceptance
from facepass.adapters.onnx.registry.manifest import CalibrationRecord, encode_manifest
from facepass.adapters.onnx.registry.registry import CALIBRATION_SUFFIX, ModelState, Registry
from facepass.adapters.onnx.registry.static_int8 import LEAST_COSINE, LEAST_FACES, quantise
from facepass.adapters.onnx.registry.verify import verify
from facepass.domain.errors import ConfigurationError, InvalidRequest
from tests.fixtures_models import Pixels
from tests.unit.onnx.graphs import arcface_like, manifest_of, save

MEASURED = CalibrationRecord(0.41, 17.0, "guests of a gala", people=30, pictures=300, date="2026-11-01")
PLAIN = Recipe("7-bit weights", reduce_range=True, depthwise=True)


@pytest.fixture(scope="module")
def chips(orl: Callable[..., Pixels], registry: Registry) -> Pixels:
    """`(40, 112, 112, 3)`: a face of each person."""
    template = manifest_of(b"").template
    manifest = registry.detector("retinaface-mnet025")
    detector = Detector.load(manifest, registry.require(manifest))
    pictures = [orl(person, 1) for person in range(1, 41)]
    return np.stack([align(picture, detector.detect(picture)[0].landmarks, template) for picture in pictures])


def installed(folder: Path, model: bytes, *, commercial_use: bool = True) -> Registry:
    manifest = manifest_of(model, commercial_use=commercial_use)
    save(folder, "mine.onnx", model)
    (folder / "mine.toml").write_bytes(encode_manifest(manifest))
    if not commercial_use:
        record_acceptance(folder, manifest)
    return Registry(folder)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


@pytest.mark.parametrize(
    "graph",
    [{"batch": "n"}, {"batch": 1}, {"opset": 11, "batch": "n", "declared_batch": 1}],
    ids=["free batch", "one at a time", "an old export"],
)
def test_an_int8_model_is_made_and_is_one_of_the_models(
    tmp_path: Path, chips: Pixels, graph: dict[str, int | str], capfd: pytest.CaptureFixture[str]
) -> None:
    model = arcface_like(**graph)  # type: ignore[arg-type]  # what is varied is stated above
    registry = installed(tmp_path, model, commercial_use=False)
    (tmp_path / f"mine{CALIBRATION_SUFFIX}").write_bytes(msgspec.json.encode(MEASURED))
    said: list[str] = []
    made = quantise(registry, "mine", chips, progress=said.append)

    after = Registry(tmp_path)
    child = after.recogniser("mine-int8")
    assert (made.name, made.faces, made.held_out_faces) == ("mine-int8", 20, 20)
    assert LEAST_COSINE <= made.mean_cosine <= 1.0
    assert made.least_cosine <= made.mean_cosine
    assert made.fp32_ms > 0
    assert made.int8_ms > 0
    assert after.state(child) is ModelState.READY
    assert verify(after, child).problem is None
    assert verify(after, child).golden_known
    assert accepted_licences(tmp_path)["mine-int8"] == child.licence.name == registry.get("mine").licence.name
    assert (child.calibration.operating_point, child.calibration.slope) == (0.41, 17.0)
    assert not child.calibration.measured
    assert "mine (guests of a gala, 300 pictures of 30 people); not measured" in child.calibration.basis
    assert (child.dimension, child.mirror, child.template) == (16, True, registry.recogniser("mine").template)
    graph_made = onnx.load_model(made.path)
    assert any(node.op_type == "QuantizeLinear" for node in graph_made.graph.node)
    both = [Recogniser(one, after.require(one)) for one in (after.recogniser("mine"), child)]
    cosines = np.sum(both[0].embed(chips[20:]) * both[1].embed(chips[20:]), axis=1)
    assert float(cosines.mean()) == pytest.approx(made.mean_cosine, abs=1e-4)
    assert capfd.readouterr() == ("", "")


def test_seven_bits_have_seven_bits(tmp_path: Path, chips: Pixels) -> None:
    model = arcface_like()
    path = save(tmp_path, "mine.onnx", model)
    inputs = Recogniser(manifest_of(model), path).network_input(chips[:4])
    graph = float_graph(path, tmp_path / "float.onnx", name="mine")
    made = onnx.load_model(quantised(graph, tmp_path / "int8.onnx", PLAIN, inputs))
    weights = [
        numpy_helper.to_array(tensor)
        for tensor in made.graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) == 4
    ]
    assert len(weights) == 2
    assert max(int(np.abs(weight.astype(np.int16)).max()) for weight in weights) <= 64


class TestRefusals:
    def test_one_that_loses_too_much_leaves_nothing(self, tmp_path: Path, chips: Pixels) -> None:
        registry = installed(tmp_path, fragile())
        before = names(tmp_path)
        with pytest.raises(ConfigurationError, match=r"loses too much.*0\.\d{4} with 7-bit weights.*Nothing was kept"):
            quantise(registry, "mine", chips, progress=lambda _: None)
        assert names(tmp_path) == before

    def test_too_few_faces(self, tmp_path: Path, chips: Pixels) -> None:
        registry = installed(tmp_path, arcface_like())
        with pytest.raises(InvalidRequest, match=f"at least {LEAST_FACES} faces, 31 were found"):
            quantise(registry, "mine", chips[:31], progress=lambda _: None)

    def test_an_int8_model(self, tmp_path: Path, chips: Pixels, onnx_models_dir: Path) -> None:
        registry = installed(tmp_path, arcface_like())
        quantise(registry, "mine", chips, progress=lambda _: None)
        with pytest.raises(ConfigurationError, match="is an int8 model already"):
            quantise(Registry(tmp_path), "mine-int8", chips, progress=lambda _: None)
        with pytest.raises(ConfigurationError, match=r"model mine-int8 already.*models remove"):
            quantise(Registry(tmp_path), "mine", chips, progress=lambda _: None)
        large = np.zeros((LEAST_FACES, 150, 150, 3), dtype=np.uint8)
        with pytest.raises(ConfigurationError, match="is an int8 model already"):
            quantise(Registry(onnx_models_dir), "dlib-resnet29-int8", large, progress=lambda _: None)

    @pytest.mark.parametrize("name", ["sface-2021dec", "retinaface-mnet025", "nothing"])
    def test_what_is_no_installed_recogniser(self, tmp_path: Path, chips: Pixels, name: str) -> None:
        with pytest.raises(ConfigurationError):
            quantise(Registry(tmp_path), name, chips, progress=lambda _: None)
        assert names(tmp_path) <= {".lock"}


def fragile() -> bytes:
    """A recogniser with a channel a thousand times as loud as the others, and of no meaning."""
    model = onnx.load_model_from_string(arcface_like())
    for tensor in model.graph.initializer:
        value = numpy_helper.to_array(tensor).copy()
        if tensor.name == "w1":
            value[0] *= 1000
        elif tensor.name == "w3":
            value[:4] = 0
        tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
    return bytes(model.SerializeToString())
