"""From a float ONNX file to a static int8 one, by ONNX Runtime's own tools. Imports the whole of `onnx`: late, then."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort  # type: ignore[import-untyped]  # ships neither annotations nor stubs
from onnx import version_converter
from onnxruntime.quantization import (  # type: ignore[import-untyped]  # as above
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.quant_utils import add_pre_process_metadata  # type: ignore[import-untyped]  # as above

from facepass.domain.errors import ConfigurationError

_INTEGER_OPERATORS = frozenset(
    {
        "QuantizeLinear",
        "DequantizeLinear",
        "DynamicQuantizeLinear",
        "ConvInteger",
        "MatMulInteger",
        "QLinearConv",
        "QLinearMatMul",
    }
)
_LEAST_OPSET = 13
"""The first that can quantise per channel."""
_LOG_ERRORS_ONLY = 3


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to quantise.

    Attributes:
        label: for people.
        reduce_range: weights of seven bits instead of eight.
        depthwise: whether layers with one filter a channel are quantised too.
    """

    label: str
    reduce_range: bool
    depthwise: bool


def float_graph(model: Path, target: Path, *, name: str) -> Path:
    """The float network as quantisation wants it: constants folded, normalisation merged, every node named.

    Args:
        model: its file.
        target: where to put the result.
        name: what errors call it.

    Raises:
        ConfigurationError: it is int8 already, or cannot be brought into this form.
    """
    try:
        folded = _folded(onnx.load_model(model), target)
    except Exception as error:  # both libraries raise classes of their own, some of them not exported
        raise ConfigurationError(f"{name} cannot be prepared for quantisation: {error}") from error
    if any(node.op_type in _INTEGER_OPERATORS for node in folded.graph.node):
        raise ConfigurationError(f"{name} is an int8 model already: quantise the float model it was made of.")
    for number, node in enumerate(folded.graph.node):
        node.name = f"{node.op_type}_{number}"
    add_pre_process_metadata(folded)
    onnx.save_model(folded, target)
    return target


def _folded(model: onnx.ModelProto, target: Path) -> onnx.ModelProto:
    versions = [one.version for one in model.opset_import if one.domain in {"", "ai.onnx"}]
    if min(versions, default=_LEAST_OPSET) < _LEAST_OPSET:
        model = version_converter.convert_version(model, _LEAST_OPSET)
    options = ort.SessionOptions()
    options.log_severity_level = _LOG_ERRORS_ONLY
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(target)
    ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return onnx.shape_inference.infer_shapes(onnx.load_model(target))


def quantised(graph: Path, target: Path, recipe: Recipe, inputs: npt.NDArray[np.float32]) -> Path:
    """The int8 file.

    Args:
        graph: made by `float_graph`.
        target: where to put the result.
        recipe: how.
        inputs: `(n, 3, side, side)` that set the ranges.

    Raises:
        ConfigurationError: the network cannot be quantised.
    """
    loaded = onnx.load_model(graph)
    try:
        quantize_static(
            graph,
            target,
            _Inputs(loaded.graph.input[0].name, inputs),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=recipe.reduce_range,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[] if recipe.depthwise else _depthwise(loaded),
        )
    except Exception as error:  # whatever its tools raise, it is of this network
        raise ConfigurationError(f"The network cannot be quantised: {error}") from error
    return target


class _Inputs(CalibrationDataReader):  # type: ignore[misc]  # of a package without annotations
    """One at a time, as some networks take no more."""

    def __init__(self, name: str, inputs: npt.NDArray[np.float32]) -> None:
        self._name = name
        self._left: Iterator[npt.NDArray[np.float32]] = iter(inputs)

    def get_next(  # pyright: ignore[reportIncompatibleMethodOverride]  # None ends it, though the base does not say so
        self,
    ) -> dict[str, npt.NDArray[np.float32]] | None:
        """The next input by its name; None at the end."""
        following = next(self._left, None)
        return None if following is None else {self._name: following[None]}


def _depthwise(model: onnx.ModelProto) -> list[str]:
    return [
        node.name
        for node in model.graph.node
        if node.op_type == "Conv" and any(one.name == "group" and one.i > 1 for one in node.attribute)
    ]
