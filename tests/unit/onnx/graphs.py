"""Small recognisers for tests: real ONNX graphs of the shapes that ArcFace-type exports have, with random weights."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from facepass.adapters.onnx.registry.manifest import (
    CalibrationRecord,
    InputLayout,
    Licence,
    RecogniserManifest,
    Source,
    Template,
)

ARCFACE_POINTS = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
SIDE = 112


def arcface_like(
    *,
    dimension: int = 16,
    batch: int | str = "n",
    declared_batch: int | str | None = None,
    side: int = SIDE,
    opset: int = 17,
    constant: bool = False,
    reshaped: int | None = None,
    undeclared: bool = False,
    seed: int = 5,
) -> bytes:
    """Convolution, batch normalisation, PReLU, depthwise convolution, matrix: the parts of an ArcFace network.

    Args:
        dimension: of the vectors.
        batch: of the input.
        declared_batch: of the output, where the graph declares another one than its input.
        side: of the input.
        opset: of the file.
        constant: it says the same of every picture.
        reshaped: batch that the network forces inside, whatever it declares.
        undeclared: how long a vector is shows only when it runs.
        seed: of the weights.
    """
    random = np.random.default_rng(seed)
    constants: dict[str, np.ndarray] = {
        "w1": random.normal(0, 0.2, (8, 3, 7, 7)),
        "b1": random.normal(0, 0.1, 8),
        "gamma": random.uniform(0.8, 1.2, 8),
        "beta": random.normal(0, 0.1, 8),
        "mean": random.normal(0, 0.1, 8),
        "variance": random.uniform(0.8, 1.2, 8),
        "slope": random.uniform(0.1, 0.3, (8, 1, 1)),
        "w2": random.normal(0, 0.3, (8, 1, 3, 3)),
        "w3": random.normal(0, 0.1, (8 * 4, dimension)) * (0.0 if constant else 1.0),
        "b3": random.normal(0, 0.1, dimension),
    }
    nodes = [
        helper.make_node("Conv", ["input", "w1", "b1"], ["c1"], kernel_shape=[7, 7], strides=[4, 4]),
        helper.make_node("BatchNormalization", ["c1", "gamma", "beta", "mean", "variance"], ["n1"]),
        helper.make_node("PRelu", ["n1", "slope"], ["p1"]),
        helper.make_node("Conv", ["p1", "w2"], ["c2"], kernel_shape=[3, 3], strides=[2, 2], group=8),
        helper.make_node("Relu", ["c2"], ["r2"]),
        helper.make_node("AveragePool", ["r2"], ["a2"], kernel_shape=[6, 6], strides=[6, 6]),
    ]
    if reshaped is None:
        nodes.append(helper.make_node("Flatten", ["a2"], ["flat"]))
    else:
        constants["shape"] = np.array([reshaped, -1], dtype=np.int64)
        nodes.append(helper.make_node("Reshape", ["a2", "shape"], ["flat"]))
    nodes.append(helper.make_node("Gemm", ["flat", "w3", "b3"], ["all" if undeclared else "embedding"]))
    if undeclared:
        constants["wanted"] = np.ones(dimension, dtype=np.bool_)
        nodes.append(helper.make_node("Compress", ["all", "wanted"], ["embedding"], axis=1))
    initialisers = [
        numpy_helper.from_array(value.astype(np.float32) if value.dtype == np.float64 else value, name)
        for name, value in constants.items()
    ]
    out_batch = batch if declared_batch is None else declared_batch
    out_dimension = "d" if undeclared else dimension
    graph = helper.make_graph(
        nodes,
        "arcface-like",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, 3, side, side])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [out_batch, out_dimension])],
        initialisers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7)
    return bytes(model.SerializeToString())


def detector_like() -> bytes:
    """A graph that loads and is no detector."""
    graph = helper.make_graph(
        [helper.make_node("Identity", ["input"], ["output"])],
        "no-detector",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, "h", "w"])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 3, "h", "w"])],
    )
    return bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=7).SerializeToString()
    )


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def manifest_of(
    model: bytes,
    *,
    name: str = "mine",
    dimension: int = 16,
    mirror: bool = True,
    commercial_use: bool = True,
    url: str | None = None,
    member: str | None = None,
    mean: tuple[float, float, float] = (127.5, 127.5, 127.5),
    deviation: tuple[float, float, float] = (127.5, 127.5, 127.5),
    operating_point: float = 0.3,
) -> RecogniserManifest:
    return RecogniserManifest(
        name=name,
        title=f"A model of {dimension} values",
        dimension=dimension,
        mirror=mirror,
        source=Source(megabytes=max(0.01, len(model) / 1e6), sha256=sha256(model), url=url, member=member),
        licence=Licence("Example-1.0", "https://example.org/licence", commercial_use),
        input=InputLayout("RGB", mean, deviation),
        template=Template(SIDE, ARCFACE_POINTS),
        calibration=CalibrationRecord(operating_point, 12.0, "a guess", people=0, pictures=0, date="2026-11-22"),
    )


def save(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def load(data: bytes) -> onnx.ModelProto:
    return onnx.load_model_from_string(data)
