"""The graph against dlib's arithmetic, written out plainly in numpy."""

import numpy as np
import numpy.typing as npt
import pytest

from facepass.adapters.onnx.embedded.dlib_dat import (
    AddPrevious,
    Affine,
    Convolution,
    DlibFormatError,
    FullyConnected,
    Network,
    Pool,
    Relu,
)
from facepass.adapters.onnx.embedded.dlib_graph import build_model
from facepass.adapters.onnx.runtime.session import Session
from tests.unit.onnx.dat_writer import small_network

Array = npt.NDArray[np.float64]


def windows(x: Array, kernel: int, stride: int) -> Array:
    """`(channels, rows, columns, kernel, kernel)`."""
    view = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(1, 2))
    return view[:, ::stride, ::stride]


def apply(layer: object, x: Array) -> Array:
    match layer:
        case Convolution(weight, bias, stride, padding):
            padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
            return np.einsum("oikl,ihwkl->ohw", weight, windows(padded, weight.shape[2], stride)) + bias[:, None, None]
        case Affine(scale, shift):
            return x * scale[:, None, None] + shift[:, None, None]
        case Relu():
            return np.maximum(x, 0)
        case Pool("average", 0):
            return x.mean(axis=(1, 2), keepdims=True)
        case Pool(kind, kernel, stride):
            seen = windows(x, kernel, stride)
            return seen.max(axis=(3, 4)) if kind == "max" else seen.mean(axis=(3, 4))
        case FullyConnected(weight):
            return np.asarray(x.ravel() @ weight)
    raise AssertionError(layer)


def add(a: Array, b: Array) -> Array:
    """What one has not, at the end of each axis, counts as zero."""
    total = np.zeros(np.maximum(a.shape, b.shape))
    total[: a.shape[0], : a.shape[1], : a.shape[2]] += a
    total[: b.shape[0], : b.shape[1], : b.shape[2]] += b
    return total


def reference(network: Network, chip: npt.NDArray[np.uint8]) -> Array:
    x = (chip.transpose(2, 0, 1) - np.array(network.mean)[:, None, None]) / 256
    plain = [layer for layer in network.layers if not isinstance(layer, Affine)]
    assert len(plain) == len(network.layers) - 5
    stem, first, second, end = (
        network.layers[:4],
        network.layers[4:9],
        network.layers[11:16],
        network.layers[18:],
    )
    for layer in stem:
        x = apply(layer, x)
    start = x
    for layer in first:
        x = apply(layer, x)
    assert isinstance(network.layers[9], AddPrevious)
    x = start = np.maximum(add(start, x), 0)
    for layer in second:
        x = apply(layer, x)
    shortcut = apply(network.layers[16], start)
    assert x.shape == (6, 1, 1)
    assert shortcut.shape == (4, 2, 2)
    x = np.maximum(add(shortcut, x), 0)
    for layer in end[1:]:
        x = apply(layer, x)
    return x


def test_equals_the_arithmetic_written_out() -> None:
    network = small_network()
    chips = np.random.default_rng(5).integers(0, 256, (3, 21, 21, 3)).astype(np.uint8)
    session = Session(build_model(network).SerializeToString(), intra_op_threads=1, varying_shapes=False)
    (found,) = session.run(chips.transpose(0, 3, 1, 2).astype(np.float32))
    np.testing.assert_allclose(found, [reference(network, chip) for chip in chips], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "layers",
    [
        (),
        (Affine(np.ones(3, dtype=np.float32), np.zeros(3, dtype=np.float32)),),
        (Convolution(np.ones((1, 3, 3, 3), dtype=np.float32), np.zeros(1, dtype=np.float32), 1, 1),),
        (Convolution(np.ones((1, 4, 3, 3), dtype=np.float32), np.zeros(1, dtype=np.float32), 1, 0),),
        (Convolution(np.ones((1, 3, 9, 9), dtype=np.float32), np.zeros(1, dtype=np.float32), 1, 0),),
    ],
    ids=["empty", "affine first", "padding first", "channels", "kernel too large"],
)
def test_what_is_no_resnet_is_refused(layers: tuple[Convolution | Affine, ...]) -> None:
    with pytest.raises(DlibFormatError):
        build_model(Network((0.0, 0.0, 0.0), 8, layers))
