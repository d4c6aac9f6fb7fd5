"""From dlib's serialised network to the two ONNX files that are kept.

A module of its own because it alone needs the `onnx` package, whose import would slow every start.
"""

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # ships no annotations

from facepass.adapters.onnx.embedded.dlib_dat import DlibFormatError, parse
from facepass.adapters.onnx.embedded.dlib_graph import build_model
from facepass.adapters.onnx.embedded.quantise import quantise, recorded_ranges
from facepass.domain.errors import ConfigurationError


def float_model(dat: bytes) -> bytes:
    """The float32 ONNX file of a dlib `.dat` file.

    Raises:
        ConfigurationError: the bytes are no such network.
    """
    try:
        return serialised(build_model(parse(dat)))
    except DlibFormatError as error:
        raise ConfigurationError(f"The recogniser cannot be converted: {error}") from error


def int8_model(float_file: bytes) -> bytes:
    """The int8 ONNX file that belongs to a float32 one.

    Raises:
        ConfigurationError: the bytes are not what `float_model` made.
    """
    try:
        return serialised(quantise(onnx.load_model_from_string(float_file), recorded_ranges()))
    except (DecodeError, KeyError) as error:
        raise ConfigurationError(f"The recogniser cannot be quantised: {error}") from error


def serialised(model: onnx.ModelProto) -> bytes:
    """The model's bytes, the same for the same model."""
    return bytes(model.SerializeToString(deterministic=True))
