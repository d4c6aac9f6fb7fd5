import onnxruntime as ort
import pytest

from facepass.adapters.onnx.runtime.device import CPU, CPU_PROVIDER, CUDA_PROVIDER, Device
from facepass.adapters.onnx.runtime.probe import provider_in_force
from facepass.domain.errors import ConfigurationError


def test_processor_runs_the_network() -> None:
    assert provider_in_force(CPU) == CPU_PROVIDER


@pytest.mark.skipif(CUDA_PROVIDER in ort.get_available_providers(), reason="this ONNX Runtime knows CUDA")
def test_cuda_without_a_runtime_for_it_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="onnxruntime-gpu"):
        provider_in_force(Device(cuda=0))
