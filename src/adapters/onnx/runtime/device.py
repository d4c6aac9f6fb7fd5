"""Where models run: on the processor, or on one CUDA device. What is asked for and cannot be had is an error.

ONNX Runtime itself falls back: where the CUDA libraries are missing it writes a line to the log and goes on with the
processor, many times slower. So what a session really uses is looked at, before and after it is made.
"""

import contextlib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import onnxruntime as ort  # type: ignore[import-untyped]  # ships neither annotations nor stubs

from facepass.domain.errors import ConfigurationError

CPU_PROVIDER: Final = "CPUExecutionProvider"
CUDA_PROVIDER: Final = "CUDAExecutionProvider"
INSTALL: Final = "pip uninstall onnxruntime, then pip install 'onnxruntime-gpu[cuda,cudnn]'"
_CUDA_NAME: Final = re.compile(r"cuda(?::(\d{1,3}))?")


@dataclass(frozen=True, slots=True)
class Device:
    """One of them.

    Attributes:
        cuda: number of the CUDA device; None for the processor.
    """

    cuda: int | None = None

    @property
    def name(self) -> str:
        """As `LOCAL_ML_DEVICE` takes it: `cpu` or `cuda:0`."""
        return "cpu" if self.cuda is None else f"cuda:{self.cuda}"

    @property
    def provider(self) -> str:
        """Execution provider that must be in force, as ONNX Runtime names it."""
        return CPU_PROVIDER if self.cuda is None else CUDA_PROVIDER

    def providers(self) -> list[tuple[str, dict[str, str]]]:
        """What a session is asked for, first choice first, with options.

        The processor comes second for a CUDA device: operators that compute shapes always run there.
        """
        if self.cuda is None:
            return [(CPU_PROVIDER, {})]
        # The other ways of choosing a convolution try them all out, for every new size of picture.
        options = {"device_id": str(self.cuda), "cudnn_conv_algo_search": "HEURISTIC"}
        return [(CUDA_PROVIDER, options), (CPU_PROVIDER, {})]

    def check_available(self) -> None:
        """Return where the installed ONNX Runtime knows this kind of device.

        Raises:
            ConfigurationError: it does not; says what to install.
        """
        if self.provider not in ort.get_available_providers():
            raise ConfigurationError(
                f"LOCAL_ML_ENABLE_CUDA asks for {self.name}, but the installed ONNX Runtime {ort.__version__} knows no "
                f"CUDA: {INSTALL}; or unset LOCAL_ML_ENABLE_CUDA."
            )

    def load_libraries(self) -> None:
        """Make CUDA and cuDNN known where they were installed as Python packages; elsewhere the system finds them."""
        if self.cuda is not None:
            # What it cannot load it says on standard output, which is for answers.
            with contextlib.redirect_stdout(sys.stderr):
                ort.preload_dlls()

    def check_in_force(self, providers: Sequence[str]) -> None:
        """Return where a session uses this device.

        Args:
            providers: what the session says it uses, first choice first.

        Raises:
            ConfigurationError: it uses another; says what may be missing.
        """
        if not providers or providers[0] != self.provider:
            raise ConfigurationError(
                f"LOCAL_ML_ENABLE_CUDA asks for {self.name}, but ONNX Runtime {ort.__version__} cannot use it and "
                "would run on the processor: the driver, CUDA or cuDNN is missing or does not fit this version "
                f"({INSTALL} brings CUDA and cuDNN along); or unset LOCAL_ML_ENABLE_CUDA."
            )


CPU: Final = Device()


def choose_device(*, enable_cuda: bool, name: str | None) -> Device:
    """The device that the settings ask for.

    Args:
        enable_cuda: `LOCAL_ML_ENABLE_CUDA`.
        name: `LOCAL_ML_DEVICE`: `cpu`, `cuda` for the first CUDA device, `cuda:1` for the second; None for `cpu`
            without CUDA and `cuda:0` with it.

    Raises:
        ConfigurationError: there is no such device, or the two settings contradict each other.
    """
    if name is None:
        return Device(cuda=0) if enable_cuda else CPU
    wanted = name.strip().lower()
    match = _CUDA_NAME.fullmatch(wanted)
    if wanted != "cpu" and match is None:
        raise ConfigurationError(f"LOCAL_ML_DEVICE is {name!r}; it may be cpu, cuda or cuda:N, such as cuda:0.")
    if enable_cuda != (match is not None):
        raise ConfigurationError(
            f"LOCAL_ML_DEVICE is {name}, but LOCAL_ML_ENABLE_CUDA is {str(enable_cuda).lower()}: change one of them."
        )
    return CPU if match is None else Device(cuda=int(match[1] or 0))
