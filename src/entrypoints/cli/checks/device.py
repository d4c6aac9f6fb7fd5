"""Whether the models run where they are meant to: on the processor, or on the CUDA device that was asked for."""

from collections.abc import Iterator

from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.cli.checks.check import Check, fail, ok, warn
from facepass.entrypoints.device import device_in_force
from facepass.entrypoints.settings import Settings

NAME = "device"


def checks(settings: Settings) -> Iterator[Check]:
    """One row: a network was run there."""
    try:
        found = device_in_force(settings)
    except ConfigurationError as error:
        yield fail(NAME, error.detail, "install what is missing, or unset LOCAL_ML_ENABLE_CUDA and LOCAL_ML_DEVICE")
        return
    detail = f"{found.name} by {found.provider} of {' and '.join(found.runtime) or 'ONNX Runtime'}"
    if len(found.runtime) > 1:
        remedy = "pip uninstall both, then install one: each overwrites files of the other"
        yield warn(NAME, detail, remedy)
    else:
        yield ok(NAME, detail)
