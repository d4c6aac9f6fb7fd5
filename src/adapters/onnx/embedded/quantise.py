"""Makes the int8 recogniser from the float one, with activation ranges that were recorded once and are shipped.

Static quantisation in QDQ form (ONNX `QuantizeLinear` / `DequantizeLinear`), weights per channel, after Jacob et al.,
"Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018. It is written
here, and not left to a quantisation tool, because the file has to be the same bytes for everyone: its digest is
checked and its vectors are stored.

Weights use seven bits. Processors without VNNI add pairs of products in 16 bits and saturate with eight-bit weights;
with seven they cannot, so a gallery indexed on one machine can be searched on another.
"""

import json
from collections.abc import Mapping
from importlib import resources

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from facepass.adapters.onnx.embedded.dlib_graph import INPUT

Ranges = Mapping[str, tuple[float, float]]

_RANGES_FILE = "activation_ranges.json"
_WEIGHT_LIMIT = 63
_ACTIVATION_LEVELS = 255
_HEADROOM = 1.5
"""Ranges are widened by this: faces unlike the recorded ones go beyond them, and clipping costs more than rounding."""
_FLOAT_TAIL = frozenset({"GlobalAveragePool", "Flatten", "MatMul", "Identity"})
"""Left in float: a thousandth of the work, and the embedding's last bits."""


def recorded_ranges() -> dict[str, tuple[float, float]]:
    """Least and greatest value of each activation over real faces, by the tensor's name in the float model."""
    text = resources.files("facepass.adapters.onnx.embedded").joinpath(_RANGES_FILE).read_text(encoding="utf-8")
    ranges: dict[str, list[float]] = json.loads(text)["ranges"]
    return {name: (low, high) for name, (low, high) in ranges.items()}


def activations(model: onnx.ModelProto) -> list[str]:
    """Names of the tensors that become 8-bit, in graph order; these are what has to be recorded."""
    return [name for name, source in _quantised(model).items() if source == name]


def quantise(model: onnx.ModelProto, ranges: Ranges) -> onnx.ModelProto:
    """The same network with 8-bit activations and 7-bit weights. Input and output stay float32.

    Args:
        model: made by `dlib_graph.build_model`.
        ranges: of each name in `activations(model)`.

    Raises:
        KeyError: an activation without a range.
    """
    return _Rewriter(model, ranges).rewrite()


def _quantised(model: onnx.ModelProto) -> dict[str, str]:
    """Tensors to quantise, each with the tensor whose range it shares: itself, except behind a max-pool."""
    consumers: dict[str, list[str]] = {}
    for node in model.graph.node:
        for name in node.input:
            consumers.setdefault(name, []).append(node.op_type)
    quantised = {INPUT: INPUT}
    for node in model.graph.node:
        output = node.output[0]
        after = consumers.get(output, [])
        # The runtime fuses convolution, addition and ReLU into one 8-bit operator only with nothing in between.
        if node.op_type in _FLOAT_TAIL or after == ["Relu"] or all(operator in _FLOAT_TAIL for operator in after):
            continue
        shares = node.op_type == "MaxPool" and node.input[0] in quantised
        quantised[output] = quantised[node.input[0]] if shares else output
    return quantised


class _Rewriter:
    """Copies a graph node by node, putting quantisation around its tensors."""

    def __init__(self, model: onnx.ModelProto, ranges: Ranges) -> None:
        self._model = model
        self._constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        self._shared = _quantised(model)
        self._parameters = {
            # The input cannot go beyond its range, and without headroom its 256 levels are exact.
            name: _activation_parameters(*ranges[name], headroom=1.0 if name == INPUT else _HEADROOM)
            for name in set(self._shared.values())
        }
        self._nodes: list[onnx.NodeProto] = []
        self._made: dict[str, onnx.TensorProto] = {}

    def rewrite(self) -> onnx.ModelProto:
        self._quantise_activation(INPUT)
        for node in self._model.graph.node:
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            for index, name in enumerate(node.input):
                if name in self._shared:
                    copy.input[index] = f"{name}_dequantised"
                elif name in self._constants and node.op_type != "Conv":
                    self._keep(name, self._constants[name])
            if node.op_type == "Conv":
                self._quantise_weights(copy)
            self._nodes.append(copy)
            if node.output[0] in self._shared:
                self._quantise_activation(node.output[0])
        graph = helper.make_graph(
            self._nodes,
            f"{self._model.graph.name}-int8",
            self._model.graph.input,
            self._model.graph.output,
            list(self._made.values()),
        )
        made = helper.make_model(
            graph,
            opset_imports=self._model.opset_import,
            ir_version=self._model.ir_version,
            producer_name=self._model.producer_name,
        )
        onnx.checker.check_model(made)
        return made

    def _quantise_activation(self, name: str) -> None:
        scale, zero = self._parameters[self._shared[name]]
        scale_name = self._keep(f"{self._shared[name]}_scale", scale)
        zero_name = self._keep(f"{self._shared[name]}_zero", zero)
        level = f"{name}_level"
        dequantised = f"{name}_dequantised"
        self._nodes.append(helper.make_node("QuantizeLinear", [name, scale_name, zero_name], [level], name=level))
        self._nodes.append(
            helper.make_node("DequantizeLinear", [level, scale_name, zero_name], [dequantised], name=dequantised)
        )

    def _quantise_weights(self, node: onnx.NodeProto) -> None:
        source, weight_name, bias_name = self._model_inputs(node)
        weight, bias = self._constants[weight_name], self._constants[bias_name]
        scales = _weight_scales(weight)
        levels = np.clip(np.rint(weight / scales[:, None, None, None]), -_WEIGHT_LIMIT, _WEIGHT_LIMIT).astype(np.int8)
        input_scale, _ = self._parameters[self._shared[source]]
        bias_scales = (input_scale * scales).astype(np.float32)
        bias_levels = np.rint(bias.astype(np.float64) / bias_scales)
        limits = np.iinfo(np.int32)
        node.input[1] = self._dequantised_constant(weight_name, levels, scales)
        node.input[2] = self._dequantised_constant(
            bias_name, np.clip(bias_levels, limits.min, limits.max).astype(np.int32), bias_scales
        )

    def _model_inputs(self, node: onnx.NodeProto) -> tuple[str, str, str]:
        source, weight, bias = node.input
        return source.removesuffix("_dequantised"), weight, bias

    def _dequantised_constant(
        self, name: str, levels: npt.NDArray[np.signedinteger], scales: npt.NDArray[np.float32]
    ) -> str:
        output = f"{name}_dequantised"
        inputs = [
            self._keep(f"{name}_levels", levels),
            self._keep(f"{name}_scales", scales),
            self._keep(f"{name}_zeros", np.zeros(len(scales), dtype=levels.dtype)),
        ]
        self._nodes.append(helper.make_node("DequantizeLinear", inputs, [output], name=output, axis=0))
        return output

    def _keep(self, name: str, value: npt.NDArray[np.generic]) -> str:
        self._made[name] = numpy_helper.from_array(value, name)
        return name


def _activation_parameters(
    low: float, high: float, *, headroom: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Scale and zero point; zero is always exact, since padding is made of it."""
    low, high = min(low, 0.0) * headroom, max(high, 0.0) * headroom
    scale = np.float32((high - low) / _ACTIVATION_LEVELS) if high > low else np.float32(1.0)
    zero = np.uint8(np.clip(np.rint(-low / scale), 0, _ACTIVATION_LEVELS))
    return np.asarray(scale, dtype=np.float32), np.asarray(zero, dtype=np.uint8)


def _weight_scales(weight: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    greatest = np.abs(weight).reshape(len(weight), -1).max(axis=1)
    return np.where(greatest > 0, greatest / _WEIGHT_LIMIT, 1.0).astype(np.float32)
