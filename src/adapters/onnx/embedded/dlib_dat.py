"""Reads the network in a dlib `.dat` file, so that neither dlib nor a compiler is needed to use its weights.

The format is dlib's own serialisation (`dlib/serialize.h`, `dlib/dnn/`), as far as `loss_metric` networks over
`input_rgb_image_sized` use it: integers of a control byte and a magnitude, floats as mantissa and exponent, tensors as
raw little-endian float32, and the layers one after the other from the input to the output.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

_MAX_TENSOR_VALUES = 1 << 26
_MAX_LAYERS = 4096
_MAX_TEXT_BYTES = 256
_INPUT_NAME = "input_rgb_image_sized"


class DlibFormatError(ValueError):
    """The bytes are no dlib network of the kind that is read here."""


@dataclass(frozen=True, slots=True)
class Convolution:
    """`con_`: cross-correlation.

    Attributes:
        weight: `(outputs, inputs, height, width)` float32.
        bias: `(outputs,)` float32.
        stride: pixels, down and right alike.
        padding: pixels, on all four sides.
    """

    weight: FloatArray
    bias: FloatArray
    stride: int
    padding: int


@dataclass(frozen=True, slots=True)
class Affine:
    """`affine_`: what batch normalisation becomes after training; `scale · x + shift` per channel, `(channels,)`."""

    scale: FloatArray
    shift: FloatArray


@dataclass(frozen=True, slots=True)
class Pool:
    """`max_pool_` or `avg_pool_`; kernel 0 pools over the whole picture."""

    kind: str
    kernel: int
    stride: int
    padding: int


@dataclass(frozen=True, slots=True)
class FullyConnected:
    """`fc_` without bias: `weight` is `(inputs, outputs)` float32."""

    weight: FloatArray


@dataclass(frozen=True, slots=True)
class Relu:
    """`relu_`."""


@dataclass(frozen=True, slots=True)
class AddPrevious:
    """`add_prev_`: adds the input of the residual block to its output."""


Layer = Convolution | Affine | Pool | FullyConnected | Relu | AddPrevious


@dataclass(frozen=True, slots=True)
class Network:
    """A network as read.

    Attributes:
        mean: what is subtracted from red, green and blue; the difference is divided by 256.
        side: width and height of the input, in pixels.
        layers: from input to output; skip and tag layers hold nothing and do not appear.
    """

    mean: tuple[float, float, float]
    side: int
    layers: tuple[Layer, ...]


def parse(data: bytes) -> Network:
    """Read a whole network.

    Raises:
        DlibFormatError: truncated, trailing bytes, or a layer that is not understood.
    """
    reader = _Reader(data)
    reader.expect(1, "version of the loss layer")
    name = reader.text()
    if name != "loss_metric_2":
        raise DlibFormatError(f"loss layer {name!r} is not loss_metric_2")
    reader.number()
    reader.number()
    reader.skip_versions_until(len(_INPUT_NAME))
    name = reader.raw_text(len(_INPUT_NAME))
    if name != _INPUT_NAME:
        raise DlibFormatError(f"input layer {name!r} is not {_INPUT_NAME}")
    mean = (reader.number(), reader.number(), reader.number())
    rows, columns = reader.integer(), reader.integer()
    if rows != columns or rows <= 0:
        raise DlibFormatError(f"input of {rows} by {columns} pixels")
    layers: list[Layer] = []
    while not reader.at_end:
        if len(layers) == _MAX_LAYERS:
            raise DlibFormatError(f"more than {_MAX_LAYERS} layers")
        layers.append(_layer(reader, first=not layers))
    return Network(mean, rows, tuple(layers))


def _layer(reader: "_Reader", *, first: bool) -> Layer:
    name = reader.text()
    read = _LAYERS.get(name)
    if read is None:
        raise DlibFormatError(f"unknown layer {name!r}")
    layer = read(reader)
    # Training state that dlib writes after each layer, without meaning for inference.
    for _ in range(3):
        reader.flag()
    for _ in range(3):
        reader.tensor()
    if first:
        reader.integer()
    return layer


def _convolution(reader: "_Reader") -> Convolution:
    parameters = reader.tensor().ravel()
    outputs = reader.integer()
    height, width = reader.integer(), reader.integer()
    stride = reader.same("stride")
    padding = reader.same("padding")
    shape, _ = reader.alias(), reader.alias()
    for _ in range(4):
        reader.number()
    if shape[0] != outputs or shape[2:] != (height, width):
        raise DlibFormatError(f"convolution of {outputs} outputs and kernel {height}x{width} with weights {shape}")
    size = math.prod(shape)
    if parameters.size != size + outputs:
        raise DlibFormatError(f"convolution {shape} with {parameters.size} parameters")
    return Convolution(parameters[:size].reshape(shape), parameters[size:], stride, padding)


def _affine(reader: "_Reader") -> Affine:
    parameters = reader.tensor().ravel()
    scale_shape, _ = reader.alias(), reader.alias()
    reader.integer()
    channels = math.prod(scale_shape)
    if parameters.size != 2 * channels:
        raise DlibFormatError(f"affine layer of {channels} channels with {parameters.size} parameters")
    return Affine(parameters[:channels], parameters[channels:])


def _pool(kind: str) -> Callable[["_Reader"], Pool]:
    def read(reader: "_Reader") -> Pool:
        return Pool(kind, reader.same("kernel"), reader.same("stride"), reader.same("padding"))

    return read


def _fully_connected(reader: "_Reader") -> FullyConnected:
    outputs, inputs = reader.integer(), reader.integer()
    parameters = reader.tensor()
    for _ in range(2):
        reader.alias()
    reader.integer()
    for _ in range(4):
        reader.number()
    if parameters.size != inputs * outputs:
        raise DlibFormatError(f"fully connected {inputs}x{outputs} with {parameters.size} parameters")
    return FullyConnected(parameters.reshape(inputs, outputs))


_LAYERS: dict[str, Callable[["_Reader"], Layer]] = {
    "con_4": _convolution,
    "affine_": _affine,
    "max_pool_2": _pool("max"),
    "avg_pool_2": _pool("average"),
    "fc_2": _fully_connected,
    "relu_": lambda _: Relu(),
    "add_prev_": lambda _: AddPrevious(),
}


class _Reader:
    """A cursor over the bytes; every read checks that they are there."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at == len(self._data)

    def _take(self, count: int) -> memoryview:
        end = self._at + count
        if end > len(self._data):
            raise DlibFormatError(f"truncated at byte {self._at}")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def integer(self) -> int:
        control = self._take(1)[0]
        count = control & 0x0F
        if not 1 <= count <= 8:  # noqa: PLR2004 - dlib writes integers of at most eight bytes
            raise DlibFormatError(f"integer of {count} bytes at byte {self._at - 1}")
        magnitude = int.from_bytes(self._take(count), "little")
        return -magnitude if control & 0x80 else magnitude

    def number(self) -> float:
        mantissa, exponent = self.integer(), self.integer()
        try:
            return math.ldexp(mantissa, exponent)
        except OverflowError as error:
            raise DlibFormatError(f"number out of range before byte {self._at}") from error

    def flag(self) -> bool:
        byte = bytes(self._take(1))
        if byte not in (b"0", b"1"):
            raise DlibFormatError(f"{byte!r} is no truth value, at byte {self._at - 1}")
        return byte == b"1"

    def text(self) -> str:
        return self.raw_text(self.integer())

    def raw_text(self, count: int) -> str:
        if not 0 <= count <= _MAX_TEXT_BYTES:
            raise DlibFormatError(f"text of {count} bytes")
        return bytes(self._take(count)).decode("ascii", errors="replace")

    def tensor(self) -> FloatArray:
        self.expect(2, "version of a tensor")
        shape = self._shape()
        count = math.prod(shape)
        if count > _MAX_TENSOR_VALUES:
            raise DlibFormatError(f"tensor of {count} values")
        return np.frombuffer(self._take(4 * count), dtype="<f4").astype(np.float32).reshape(shape)

    def alias(self) -> tuple[int, int, int, int]:
        self.expect(1, "version of an alias")
        return self._shape()

    def _shape(self) -> tuple[int, int, int, int]:
        shape = (self.integer(), self.integer(), self.integer(), self.integer())
        if min(shape) < 0:
            raise DlibFormatError(f"shape {shape}")
        return shape

    def same(self, what: str) -> int:
        """Two integers that must be equal: everything in these networks is square."""
        down, right = self.integer(), self.integer()
        if down != right or down < 0:
            raise DlibFormatError(f"{what} {down}x{right} is not square")
        return down

    def expect(self, value: int, what: str) -> None:
        found = self.integer()
        if found != value:
            raise DlibFormatError(f"{what} is {found}, not {value}")

    def skip_versions_until(self, length: int) -> None:
        """Skip the version numbers of nested layers; they end where the length of the input's name stands."""
        for _ in range(2 * _MAX_LAYERS):
            found = self.integer()
            if found == length:
                return
            if found not in (1, 2, 3):
                break
        raise DlibFormatError("no input layer")
