"""Finds out what runs models here, by running one."""

import numpy as np
from onnx import TensorProto, helper

from facepass.adapters.onnx.runtime.device import Device
from facepass.adapters.onnx.runtime.session import Session
from facepass.domain.errors import ConfigurationError

_IR_VERSION, _OPSET = 8, 17


def provider_in_force(device: Device) -> str:
    """Run a network of one convolution on a device; the execution provider, as ONNX Runtime names it.

    Raises:
        ConfigurationError: the device cannot be used, or computes something else than it should.
    """
    session = Session(_box_filter(), intra_op_threads=1, varying_shapes=True, device=device)
    pixels = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    found = session.run(pixels)[0]
    wanted = np.array([[45.0, 54.0], [81.0, 90.0]], dtype=np.float32)
    if not np.allclose(found[0, 0], wanted):
        raise ConfigurationError(
            f"{device.name} computes {found.ravel().tolist()} instead of {wanted.ravel().tolist()}."
        )
    provider: str = session.providers[0]
    return provider


def _box_filter() -> bytes:
    """The sum of each 3 by 3 pixels."""
    graph = helper.make_graph(
        [helper.make_node("Conv", ["pixels", "ones"], ["sums"])],
        "box",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, 1, "height", "width"])],
        [helper.make_tensor_value_info("sums", TensorProto.FLOAT, [1, 1, "rows", "columns"])],
        [helper.make_tensor("ones", TensorProto.FLOAT, [1, 1, 3, 3], [1.0] * 9)],
    )
    model = helper.make_model(graph, ir_version=_IR_VERSION, opset_imports=[helper.make_opsetid("", _OPSET)])
    serialised: bytes = model.SerializeToString()
    return serialised
