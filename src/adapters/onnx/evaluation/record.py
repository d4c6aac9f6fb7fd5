"""Keeps a recogniser's calibration beside its model, where `Registry.calibration` reads it."""

from pathlib import Path

import msgspec

from facepass.adapters.onnx.embedded.workspace import put, storage_errors
from facepass.adapters.onnx.registry.manifest import CalibrationRecord
from facepass.adapters.onnx.registry.registry import Registry


def write_calibration(registry: Registry, name: str, record: CalibrationRecord) -> Path:
    """Put a calibration in place, whole or not at all; its path.

    Raises:
        ConfigurationError: the folder does not allow it.
    """
    path = registry.calibration_path(name)
    with storage_errors(registry.models_dir):
        registry.models_dir.mkdir(parents=True, exist_ok=True)
        put(path, msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
    return path


def remove_calibration(registry: Registry, name: str) -> bool:
    """Take a calibration away; whether there was one.

    Raises:
        ConfigurationError: the folder does not allow it.
    """
    with storage_errors(registry.models_dir):
        try:
            registry.calibration_path(name).unlink()
        except FileNotFoundError:
            return False
    return True
