"""Builds the ONNX graph of dlib's face recognition ResNet from its parsed layers.

Two habits of dlib have to be followed exactly. A residual block that halves the picture adds branches of different
size, and dlib then treats what is missing, at the bottom, at the right and in the last channels, as zero. And layers
name no inputs: a block starts where the one before has ended.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from facepass.adapters.onnx.dlib_dat import (
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
    layers = _fold(network)
    # A block ends with its addition; its input is what left the one before.
    start = builder.head
    for layer in layers:
        if isinstance(layer, AddPrevious):
            builder.add(start)
            continue
        if isinstance(layer, Pool) and layer.kind == "average" and layer.kernel > 0:
            start = builder.shrink(start, layer, channels=builder.head[1][0])
            continue
        builder.append(layer)
        if isinstance(layer, Relu) and builder.block_is_open_for_start:
            start = builder.head
        if isinstance(layer, Pool):
            start = builder.head
    return builder.finish()


def _fold(network: Network) -> list[Layer]:
    """Affine layers go into the convolution before them, the input's normalisation into the first convolution."""
    folded: list[Layer] = []
    for layer in network.layers:
        previous = folded[-1] if folded else None
        if not isinstance(layer, Affine):
            folded.append(layer)
        elif isinstance(previous, Convolution):
            weight = previous.weight * layer.scale[:, None, None, None]
            folded[-1] = Convolution(
                weight, previous.bias * layer.scale + layer.shift, previous.stride, previous.padding
            )
        else:
            raise DlibFormatError("an affine layer without a convolution before it")
    first = folded[0] if folded else None
    if not isinstance(first, Convolution) or first.padding:
        # With padding, zero after normalisation is not zero before: folding would change the border.
        raise DlibFormatError("the first layer is not a convolution without padding")
    scaled = first.weight / np.float32(_PIXEL_RANGE)
    mean = np.asarray(network.mean, dtype=np.float64)
    shift = np.einsum("oihw,i->o", scaled.astype(np.float64), mean)
    folded[0] = Convolution(scaled, (first.bias - shift).astype(np.float32), first.stride, first.padding)
    return folded
