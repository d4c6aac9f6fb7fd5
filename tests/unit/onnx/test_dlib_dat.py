"""Reading dlib's serialisation, on a network written byte by byte."""

import contextlib
import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.adapters.onnx.embedded.dlib_dat import DlibFormatError, Network, parse
from tests.unit.onnx import dat_writer

DATA = dat_writer.network(dat_writer.small_network())


def test_reads_what_was_written() -> None:
    expected = dat_writer.small_network()
    found = parse(DATA)
    assert found.mean == expected.mean
    assert found.side == expected.side
    assert len(found.layers) == len(expected.layers)
    for layer, other in zip(found.layers, expected.layers, strict=True):
        assert type(layer) is type(other)
        for field in dataclasses.fields(layer):
            np.testing.assert_array_equal(getattr(layer, field.name), getattr(other, field.name))


@given(st.integers(0, len(DATA) - 1))
def test_every_truncation_is_refused_or_ends_between_layers(length: int) -> None:
    try:
        found = parse(DATA[:length])
    except DlibFormatError:
        return
    assert len(found.layers) < len(parse(DATA).layers)


@given(st.binary(max_size=64))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(DlibFormatError):
        parse(noise)


@given(st.integers(0, len(DATA) - 1), st.integers(0, 255))
def test_a_changed_byte_raises_nothing_but_our_error(position: int, value: int) -> None:
    changed = bytearray(DATA)
    changed[position] = value
    with contextlib.suppress(DlibFormatError):
        assert isinstance(parse(bytes(changed)), Network)


def test_trailing_bytes_are_refused() -> None:
    with pytest.raises(DlibFormatError):
        parse(DATA + b"\x01\x05")


def test_an_unknown_layer_is_named() -> None:
    with pytest.raises(DlibFormatError, match="dropout_"):
        parse(DATA + dat_writer.text("dropout_"))
