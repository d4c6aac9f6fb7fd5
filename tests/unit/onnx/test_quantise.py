"""The int8 recogniser against the float one, on faces that its ranges were not recorded from."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from facepass.adapters.onnx.benchmark import int8_fidelity
from facepass.adapters.onnx.embedded.build import int8_model
from facepass.adapters.onnx.embedded.dlib_graph import INPUT, build_model
from facepass.adapters.onnx.embedded.prepare import FLOAT_FILE, INT8_FILE
from facepass.adapters.onnx.embedded.quantise import activations, quantise, recorded_ranges
from facepass.adapters.onnx.recognition.recogniser import Recogniser
from facepass.adapters.onnx.registry.registry import Registry
from facepass.adapters.onnx.runtime.session import Session
from facepass.domain.errors import ConfigurationError
from tests.fixtures_models import Pixels
from tests.unit.onnx.dat_writer import small_network

LEAST_COSINE = 0.998


def test_vectors_stay_where_they_were(registry: Registry, orl_chips: Pixels) -> None:
    found = int8_fidelity(registry, orl_chips)
    assert found.faces == len(orl_chips)
    assert found.least_cosine >= LEAST_COSINE
    assert found.mean_cosine >= 0.999


def test_a_comparison_needs_a_chip(registry: Registry) -> None:
    with pytest.raises(ValueError, match="chip"):
        int8_fidelity(registry, np.zeros((0, 150, 150, 3), dtype=np.uint8))


def test_it_is_built_the_same_every_time(onnx_models_dir: Path) -> None:
    assert int8_model((onnx_models_dir / FLOAT_FILE).read_bytes()) == (onnx_models_dir / INT8_FILE).read_bytes()


def test_ranges_are_recorded_for_every_activation(onnx_models_dir: Path) -> None:
    assert set(activations(onnx.load(onnx_models_dir / FLOAT_FILE))) == set(recorded_ranges())


def test_weights_have_seven_bits(onnx_models_dir: Path) -> None:
    model = onnx.load(onnx_models_dir / INT8_FILE)
    weights = [
        onnx.numpy_helper.to_array(tensor)
        for tensor in model.graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8
    ]
    # Twenty-nine layers with weights: all but the last are convolutions.
    assert len([weight for weight in weights if weight.ndim == 4]) == 29
    assert max(int(np.abs(weight).max()) for weight in weights) == 63


def test_a_small_network_survives_quantisation() -> None:
    model = build_model(small_network())
    chips = np.random.default_rng(7).integers(0, 256, (4, 3, 21, 21)).astype(np.float32)
    names = [name for name in activations(model) if name != INPUT]
    observed = onnx.ModelProto()
    observed.CopyFrom(model)
    observed.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    values = Session(observed.SerializeToString(), intra_op_threads=1, varying_shapes=False).run_named(chips, names)
    ranges = {INPUT: (0.0, 255.0)} | {
        name: (float(value.min()), float(value.max())) for name, value in zip(names, values, strict=True)
    }
    (expected,) = Session(model.SerializeToString(), intra_op_threads=1, varying_shapes=False).run(chips)
    int8 = Session(quantise(model, ranges).SerializeToString(), intra_op_threads=1, varying_shapes=False)
    (found,) = int8.run(chips)
    cosines = np.sum(expected * found, axis=1) / np.linalg.norm(expected, axis=1) / np.linalg.norm(found, axis=1)
    assert cosines.min() > 0.99


def test_a_file_that_is_no_model_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="quantised"):
        int8_model(b"\xff\xff\xff")


def test_a_vector_does_not_depend_on_its_batch(int8_recogniser: Recogniser, orl_chips: Pixels) -> None:
    together = int8_recogniser.embed(orl_chips[:7])
    alone = np.concatenate([int8_recogniser.embed(chip[None]) for chip in orl_chips[:7]])
    assert np.sum(together * alone, axis=1).min() >= 1 - 1e-5


def test_a_face_and_its_mirror_image_have_the_same_vector(int8_recogniser: Recogniser, orl_chips: Pixels) -> None:
    face, mirrored = int8_recogniser.embed(np.stack([orl_chips[0], orl_chips[0][:, ::-1]]))
    np.testing.assert_allclose(face, mirrored, atol=1e-6)
