"""Builds the ONNX graph of dlib's face recognition ResNet from its parsed layers.

Two habits of dlib have to be followed exactly. A residual block that halves the picture adds branches of different
size, and dlib then treats what is missing, at the bottom, at the right and in the last channels, as zero. And layers
name no inputs: a block starts where the one before has ended.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from facepass.adapters.onnx.embedded.dlib_dat import (
    AddPrevious,
    Affine,
    Convolution,
    DlibFormatError,
    FullyConnected,
    Layer,
    Network,
    Pool,
    Relu,
)

FloatArray = npt.NDArray[np.float32]
Shape = tuple[int, int, int]

INPUT = "chips"
OUTPUT = "embeddings"
_OPSET = 17
_IR_VERSION = 9
_PIXEL_RANGE = 256.0


def build_model(network: Network) -> onnx.ModelProto:
    """The network as an ONNX model.

    Input `chips`: `(n, 3, side, side)` float32 RGB, 0 to 255; mean and scale are folded into the first convolution,
    affine layers into the convolution before them. Output `embeddings`: `(n, dimension)` float32, not normalised.

    Raises:
        DlibFormatError: layers in an order that is not a ResNet's.
    """
    builder = _Builder(network.side)
    *blocks, tail = _split_at_additions(_fold(network))
    for block in blocks:
        before, body = _split_where_block_starts(block)
        for layer in before:
            builder.append(layer)
        start = builder.head
        shortcut = body.pop() if body and isinstance(body[-1], Pool) else None
        for layer in body:
            builder.append(layer)
        builder.add_previous(start, shortcut)
    for layer in tail:
        builder.append(layer)
    return builder.finish()


def _split_at_additions(layers: Sequence[Layer]) -> list[list[Layer]]:
    """Runs of layers between the additions that end the residual blocks."""
    runs: list[list[Layer]] = [[]]
    for layer in layers:
        if isinstance(layer, AddPrevious):
            runs.append([])
        else:
            runs[-1].append(layer)
    return runs


def _split_where_block_starts(run: list[Layer]) -> tuple[list[Layer], list[Layer]]:
    """What comes before the residual block (the stem, or the ReLU after the last addition), and its body."""
    start = 1 if run and isinstance(run[0], Relu) else 0
    for index, layer in enumerate(run):
        if isinstance(layer, Pool) and layer.kind == "max":
            start = index + 1
    return run[:start], run[start:]


def _fold(network: Network) -> list[Layer]:
    """Affine layers go into the convolution before them, the input's normalisation into the first convolution."""
    folded: list[Layer] = []
    for layer in network.layers:
        previous = folded[-1] if folded else None
        if not isinstance(layer, Affine):
            folded.append(layer)
        elif isinstance(previous, Convolution) and len(layer.scale) == len(previous.weight):
            weight = previous.weight * layer.scale[:, None, None, None]
            folded[-1] = Convolution(
                weight, previous.bias * layer.scale + layer.shift, previous.stride, previous.padding
            )
        else:
            raise DlibFormatError("an affine layer without a convolution of its size before it")
    first = folded[0] if folded else None
    if not isinstance(first, Convolution) or first.padding or first.weight.shape[1] != len(network.mean):
        # With padding, zero after normalisation is not zero before: folding would change the border.
        raise DlibFormatError("the first layer is not a convolution of three channels without padding")
    scaled = first.weight / np.float32(_PIXEL_RANGE)
    mean = np.asarray(network.mean, dtype=np.float64)
    shift = np.einsum("oihw,i->o", scaled.astype(np.float64), mean)
    folded[0] = Convolution(scaled, (first.bias - shift).astype(np.float32), first.stride, first.padding)
    return folded


class _Builder:
    """Appends nodes to a graph and keeps track of what stands at its end.

    Attributes:
        head: name and shape (channels, height, width) of the tensor that the next layer takes.
    """

    def __init__(self, side: int) -> None:
        self.head: tuple[str, Shape] = (INPUT, (3, side, side))
        self._side = side
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._made = 0

    def append(self, layer: Layer) -> None:
        name, shape = self.head
        match layer:
            case Convolution():
                self.head = self._convolution(name, shape, layer)
            case Relu():
                self.head = (self._node("Relu", [name]), shape)
            case Pool() if layer.kernel == 0 and layer.kind == "average":
                self.head = (self._node("GlobalAveragePool", [name]), (shape[0], 1, 1))
            case Pool():
                self.head = self._pool(name, shape, layer)
            case FullyConnected():
                if math.prod(shape) != len(layer.weight):
                    raise DlibFormatError(f"a matrix of {len(layer.weight)} rows after {shape}")
                flat = self._node("Flatten", [name], axis=1)
                weight = self._constant(layer.weight)
                self.head = (self._node("MatMul", [flat, weight]), (layer.weight.shape[1], 1, 1))
            case Affine() | AddPrevious():
                raise DlibFormatError(f"{type(layer).__name__} where it cannot stand")

    def add_previous(self, start: tuple[str, Shape], shortcut: Layer | None) -> None:
        """End a residual block: add its input, pooled when `shortcut` says so, zero-filled to the larger shape."""
        end, self.head = self.head, start
        if shortcut is not None:
            self.append(shortcut)
        (a, a_shape), (b, b_shape) = end, self.head
        shape = tuple(max(x, y) for x, y in zip(a_shape, b_shape, strict=True))
        channels, height, width = shape
        target = (channels, height, width)
        name = self._node("Add", [self._fill(a, a_shape, target), self._fill(b, b_shape, target)])
        self.head = (name, target)

    def finish(self) -> onnx.ModelProto:
        name, (dimension, _, _) = self.head
        self._nodes.append(helper.make_node("Identity", [name], [OUTPUT], name=OUTPUT))
        graph = helper.make_graph(
            self._nodes,
            "dlib-resnet29",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", 3, self._side, self._side])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", dimension])],
            self._constants,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION, producer_name="facepass"
        )
        onnx.checker.check_model(model)
        return model

    def _convolution(self, name: str, shape: Shape, layer: Convolution) -> tuple[str, Shape]:
        outputs, inputs, kernel, _ = layer.weight.shape
        if inputs != shape[0]:
            raise DlibFormatError(f"a convolution of {inputs} channels after a layer of {shape[0]}")
        made = self._node(
            "Conv",
            [name, self._constant(layer.weight), self._constant(layer.bias)],
            kernel_shape=[kernel, kernel],
            strides=[layer.stride, layer.stride],
            pads=[layer.padding] * 4,
        )
        return made, (outputs, *_sizes(shape, kernel, layer.stride, layer.padding))

    def _pool(self, name: str, shape: Shape, layer: Pool) -> tuple[str, Shape]:
        if layer.padding:
            raise DlibFormatError("a pooling layer with padding")
        made = self._node(
            "MaxPool" if layer.kind == "max" else "AveragePool",
            [name],
            kernel_shape=[layer.kernel, layer.kernel],
            strides=[layer.stride, layer.stride],
        )
        return made, (shape[0], *_sizes(shape, layer.kernel, layer.stride, 0))

    def _fill(self, name: str, shape: Shape, target: Shape) -> str:
        """Zeros in the last channels, at the bottom and at the right, up to `target`."""
        if shape == target:
            return name
        after = [wanted - held for wanted, held in zip(target, shape, strict=True)]
        return self._node("Pad", [name, self._constant(np.array([0, 0, 0, 0, 0, *after], dtype=np.int64))])

    def _constant(self, value: npt.NDArray[np.generic]) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _node(self, operator: str, inputs: list[str], **attributes: int | list[int]) -> str:
        name = f"{operator.lower()}_{self._made}"
        self._made += 1
        node = helper.make_node(operator, inputs, [name], name=name)
        node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self._nodes.append(node)
        return name


def _sizes(shape: Shape, kernel: int, stride: int, padding: int) -> tuple[int, int]:
    """Height and width after a window has slid over the picture."""
    _, height, width = shape
    if min(height, width) + 2 * padding < kernel:
        raise DlibFormatError(f"a kernel of {kernel} over {height}x{width} pixels")
    return (height + 2 * padding - kernel) // stride + 1, (width + 2 * padding - kernel) // stride + 1
