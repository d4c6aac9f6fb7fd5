"""Opens ONNX Runtime sessions the one way this service uses them: few threads, memory that does not pile up.

Chosen by processor time, two cores, ONNX Runtime 1.31 (`facepass bench` shows what follows from it):

- one thread a run and as many runs as threads: a second thread in a run costs 6 to 9 % more processor time (RetinaFace
  at 1024×576: 45.9 ms against 42.1; int8 recogniser, 16 images: 2.35 against 2.30 ms each), and threads that spin
  between runs 60 % more;
- the runtime's default graph level, all optimisations: 45.5 ms against 58.5 with the basic ones only, for its blocked
  memory layout (14.8 against 22.5 ms at 640×384);
- an arena for tensors saves nothing that can be measured once the heap is kept: 41.9 against 42.1 ms;
- a face and its mirror image in one batch: 2.31 ms an image against 2.48 one after the other, 2.30 against 3.03 for
  eight faces.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort  # type: ignore[import-untyped]  # ships neither annotations nor stubs

from facepass.adapters.onnx.runtime.device import CPU, Device
from facepass.domain.errors import ConfigurationError

FloatArray = npt.NDArray[np.float32]

_LOG_ERRORS_ONLY = 3


class Session:
    """A model with one input. Calls from several threads at once are safe.

    Attributes:
        input_shape: as the model declares it; None for a size that is free.
        output_shapes: likewise, in the order in which the model declares its outputs.
        providers: what runs it, as ONNX Runtime names it, first choice first.
    """

    def __init__(
        self, model: Path | bytes, *, intra_op_threads: int, varying_shapes: bool, device: Device = CPU
    ) -> None:
        """Load a model.

        Args:
            model: the ONNX file, or its bytes.
            intra_op_threads: threads that share one run; 1 runs in the caller's thread.
            varying_shapes: the input's size changes from call to call; a memory plan would be kept for each.
            device: where it runs; never anywhere else.

        Raises:
            ConfigurationError: the runtime refuses the model, or cannot use the device.
        """
        device.check_available()
        device.load_libraries()
        options = ort.SessionOptions()
        options.intra_op_num_threads = intra_op_threads
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = _LOG_ERRORS_ONLY
        options.enable_mem_pattern = not varying_shapes
        # An arena keeps the memory of the largest picture for ever, and saves nothing where the C library keeps its
        # heap (`adapters.system.heap`).
        options.enable_cpu_mem_arena = False
        # Threads that spin between runs would take the core from the other requests.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        source = model if isinstance(model, bytes) else str(model)
        try:
            self._session = ort.InferenceSession(source, options, providers=device.providers())
        except Exception as error:  # the runtime's own classes derive from Exception and are not exported
            raise ConfigurationError(f"ONNX Runtime cannot load {_name(model)} on {device.name}: {error}") from error
        self.providers = tuple(self._session.get_providers())
        device.check_in_force(self.providers)
        self._input = self._session.get_inputs()[0].name
        self._outputs = [output.name for output in self._session.get_outputs()]
        self.input_shape = _sizes(self._session.get_inputs()[0].shape)
        self.output_shapes = tuple(_sizes(output.shape) for output in self._session.get_outputs())

    def run(self, batch: FloatArray) -> list[FloatArray]:
        """All outputs for one input batch, in the order in which the model declares them."""
        return self.run_named(batch, self._outputs)

    def run_named(self, batch: FloatArray, names: list[str]) -> list[FloatArray]:
        """The named outputs for one input batch."""
        # The models here have tensors as outputs, never the sequences or maps that the runtime also knows.
        return [np.asarray(output) for output in self._session.run(names, {self._input: batch})]


def _sizes(shape: list[int | str | None]) -> tuple[int | None, ...]:
    return tuple(size if isinstance(size, int) else None for size in shape)


def _name(model: Path | bytes) -> str:
    return "the model" if isinstance(model, bytes) else model.name
