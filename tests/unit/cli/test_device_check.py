import onnxruntime as ort
import pytest

from facepass.adapters.onnx.runtime.device import CUDA_PROVIDER
from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.cli.checks import device
from facepass.entrypoints.cli.checks.check import State
from facepass.entrypoints.container import build_container
from facepass.entrypoints.environment import load_settings
from facepass.entrypoints.lifespan import vision_running

no_cuda = pytest.mark.skipif(CUDA_PROVIDER in ort.get_available_providers(), reason="this ONNX Runtime knows CUDA")


def test_doctor_names_the_provider_in_force() -> None:
    (check,) = device.checks(load_settings({}))
    assert check.state is State.OK
    assert check.detail.startswith("cpu by CPUExecutionProvider of onnxruntime ")


@no_cuda
def test_doctor_says_what_cuda_needs() -> None:
    (check,) = device.checks(load_settings({"LOCAL_ML_ENABLE_CUDA": "true", "LOCAL_ML_DEVICE": "cuda:0"}))
    assert check.state is State.FAIL
    assert "pip install 'onnxruntime-gpu" in check.detail


def test_doctor_names_settings_that_contradict_each_other() -> None:
    (check,) = device.checks(load_settings({"LOCAL_ML_DEVICE": "cuda:0"}))
    assert check.state is State.FAIL
    assert "LOCAL_ML_ENABLE_CUDA is false" in check.detail


@no_cuda
async def test_the_service_does_not_start_without_the_device_asked_for(tmp_path) -> None:
    settings = load_settings({"FACEPASS_LOCAL_ML_ENABLE_CUDA": "1", "FACEPASS_DATA_DIR": str(tmp_path)})
    with pytest.raises(ConfigurationError, match="asks for cuda:0"):
        async with vision_running(build_container(settings), progress=lambda _: None):
            pass
    assert not list(tmp_path.iterdir())  # and fetches no model first
