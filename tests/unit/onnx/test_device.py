import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from facepass.adapters.onnx.runtime.device import CPU, CPU_PROVIDER, CUDA_PROVIDER, Device, choose_device
from facepass.adapters.onnx.runtime.session import Session
from facepass.domain.errors import ConfigurationError


def twice() -> bytes:
    """A model that doubles its input."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "twice",
        [value("x", TensorProto.FLOAT, ["n"])],
        [value("y", TensorProto.FLOAT, ["n"])],
    )
    model: bytes = helper.make_model(
        graph, ir_version=10, opset_imports=[onnx.helper.make_opsetid("", 17)]
    ).SerializeToString()
    return model


@pytest.mark.parametrize(
    ("enable_cuda", "name", "device"),
    [
        (False, None, "cpu"),
        (False, "cpu", "cpu"),
        (False, "CPU", "cpu"),
        (True, None, "cuda:0"),
        (True, "cuda", "cuda:0"),
        (True, "cuda:0", "cuda:0"),
        (True, "CUDA:3", "cuda:3"),
    ],
)
def test_device_that_the_settings_ask_for(enable_cuda: bool, name: str | None, device: str) -> None:
    assert choose_device(enable_cuda=enable_cuda, name=name).name == device


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:-1", "cuda:x", "cuda:0,1", "rocm:0", ""])
def test_unknown_device_is_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"LOCAL_ML_DEVICE is .*may be cpu, cuda or cuda:N"):
        choose_device(enable_cuda=True, name=name)


@pytest.mark.parametrize(("enable_cuda", "name"), [(True, "cpu"), (False, "cuda:0"), (False, "cuda")])
def test_settings_that_contradict_each_other_are_refused(enable_cuda: bool, name: str) -> None:
    with pytest.raises(ConfigurationError, match="change one of them"):
        choose_device(enable_cuda=enable_cuda, name=name)


def test_session_on_the_processor_says_so() -> None:
    session = Session(twice(), intra_op_threads=1, varying_shapes=True)
    assert session.providers[0] == CPU_PROVIDER
    CPU.check_in_force(session.providers)


@pytest.mark.skipif(CUDA_PROVIDER in ort.get_available_providers(), reason="this ONNX Runtime knows CUDA")
def test_cuda_asked_for_and_absent_says_what_to_install() -> None:
    with pytest.raises(ConfigurationError, match=r"asks for cuda:1.*knows no CUDA.*onnxruntime-gpu"):
        Session(twice(), intra_op_threads=1, varying_shapes=False, device=Device(cuda=1))


def test_silent_fall_back_to_the_processor_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match=r"would run on the processor.*cuDNN"):
        Device(cuda=0).check_in_force([CPU_PROVIDER])
    with pytest.raises(ConfigurationError, match="would run on the processor"):
        Device(cuda=0).check_in_force([])
    Device(cuda=0).check_in_force([CUDA_PROVIDER, CPU_PROVIDER])


def test_cuda_is_asked_for_first_with_its_number() -> None:
    (first, options), (second, _) = Device(cuda=2).providers()
    assert (first, options["device_id"], second) == (CUDA_PROVIDER, "2", CPU_PROVIDER)
