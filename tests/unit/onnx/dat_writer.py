"""Writes dlib's serialisation, byte by byte, for the reader's tests."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from facepass.adapters.onnx.embedded.dlib_dat import (
    AddPrevious,
    Affine,
    Convolution,
    FullyConnected,
    Layer,
    Network,
    Pool,
    Relu,
)

NO_TENSOR = np.zeros((0, 0, 0, 0), dtype=np.float32)


def integer(value: int) -> bytes:
    magnitude = abs(value)
    count = max(1, (magnitude.bit_length() + 7) // 8)
    return bytes([count | (0x80 if value < 0 else 0)]) + magnitude.to_bytes(count, "little")


def number(value: float) -> bytes:
    mantissa, exponent = math.frexp(value)
    return integer(int(mantissa * 2**53)) + integer(exponent - 53)


def text(value: str) -> bytes:
    return integer(len(value)) + value.encode()


def tensor(values: npt.NDArray[np.float32]) -> bytes:
    shape = (*values.shape, *(1,) * (4 - values.ndim))
    return b"".join(integer(value) for value in (2, *shape)) + values.astype("<f4").tobytes()


def alias(*shape: int) -> bytes:
    return b"".join(integer(value) for value in (1, *shape))


def body(layer: Layer) -> bytes:
    match layer:
        case Convolution(weight, bias, stride, padding):
            outputs, _, kernel, _ = weight.shape
            numbers = (outputs, kernel, kernel, stride, stride, padding, padding)
            parameters = np.concatenate([weight.ravel(), bias])
            return (
                text("con_4")
                + tensor(parameters)
                + b"".join(map(integer, numbers))
                + alias(*weight.shape)
                + alias(1, outputs, 1, 1)
                + number(1.0) * 4
            )
        case Affine(scale, shift):
            shape = alias(1, len(scale), 1, 1)
            return text("affine_") + tensor(np.concatenate([scale, shift])) + shape + shape + integer(0)
        case Pool(kind, kernel, stride, padding):
            numbers = (kernel, kernel, stride, stride, padding, padding)
            return text("max_pool_2" if kind == "max" else "avg_pool_2") + b"".join(map(integer, numbers))
        case FullyConnected(weight):
            inputs, outputs = weight.shape
            return (
                text("fc_2")
                + integer(outputs)
                + integer(inputs)
                + tensor(weight)
                + alias(inputs, outputs, 1, 1)
                + alias(0, 0, 0, 0)
                + integer(1)
                + number(1.0) * 4
            )
        case Relu():
            return text("relu_")
        case AddPrevious():
            return text("add_prev_")


def network(net: Network) -> bytes:
    header = integer(1) + text("loss_metric_2") + number(0.04) + number(0.6)
    nesting = (integer(1) + integer(2)) * len(net.layers) + integer(1) + integer(3)
    source = text("input_rgb_image_sized") + b"".join(map(number, net.mean)) + integer(net.side) * 2
    return header + nesting + source + layers(net.layers)


def layers(of: Sequence[Layer]) -> bytes:
    written = b""
    for index, layer in enumerate(of):
        written += body(layer) + b"100" + tensor(NO_TENSOR) * 3
        if index == 0:
            written += integer(1)
    return written


def small_network(seed: int = 1) -> Network:
    """A stem, a residual block, one that halves the picture unevenly (1x1 + 2x2) and widens it, and the end."""
    rng = np.random.default_rng(seed)

    def convolution(outputs: int, inputs: int, stride: int, padding: int) -> list[Layer]:
        weight = rng.normal(0, 0.3, (outputs, inputs, 3, 3)).astype(np.float32)
        bias, scale, shift = (rng.normal(0.2, 0.5, outputs).astype(np.float32) for _ in range(3))
        return [Convolution(weight, bias, stride, padding), Affine(scale, shift)]

    return Network(
        (120.0, 110.5, 100.25),
        21,
        (
            *convolution(4, 3, 2, 0),
            Relu(),
            Pool("max", 3, 2, 0),
            *convolution(4, 4, 1, 1),
            Relu(),
            *convolution(4, 4, 1, 1),
            AddPrevious(),
            Relu(),
            *convolution(6, 4, 2, 0),
            Relu(),
            *convolution(6, 6, 1, 1),
            Pool("average", 2, 2, 0),
            AddPrevious(),
            Relu(),
            Pool("average", 0, 1, 0),
            FullyConnected(rng.normal(0, 1, (6, 5)).astype(np.float32)),
        ),
    )
