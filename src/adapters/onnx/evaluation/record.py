"""Keeps a recogniser's calibration beside its model, where `Registry.calibration` reads it."""

from pathlib import Path

import msgspec

from facepass.adapters.onnx.embedded.workspace import put, storage_errors
from facepass.adapters.onnx.registry.manifest import CalibrationRecord
from facepass.adapters.onnx.registry.registry import CALIBRATION_SUFFIX


def calibration_path(models_dir: Path, name: str) -> Path:
    """Where the calibration of a recogniser lies, or would."""
    return models_dir / f"{name}{CALIBRATION_SUFFIX}"


def write_calibration(models_dir: Path, name: str, record: CalibrationRecord) -> Path:
    """Put a calibration in place, whole or not at all; its path.

    Raises:
        ConfigurationError: the folder does not allow it.
    """
    path = calibration_path(models_dir, name)
    with storage_errors(models_dir):
        models_dir.mkdir(parents=True, exist_ok=True)
        put(path, msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
    return path


def remove_calibration(models_dir: Path, name: str) -> bool:
    """Take a calibration away; whether there was one.

    Raises:
        ConfigurationError: the folder does not allow it.
    """
    with storage_errors(models_dir):
        try:
            calibration_path(models_dir, name).unlink()
        except FileNotFoundError:
            return False
    return True
