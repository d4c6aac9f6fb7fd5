"""Leaves the embedded default's models in a folder, ready to load: fetched, checked, converted, quantised, once.

Later starts only compare digests. A file that was damaged is made again, from what is still whole where that is
enough, so that a corrupt int8 file needs no network.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from facepass.adapters.onnx.embedded.extract import DETECTOR_SHA256, detector_bytes, recogniser_bytes
from facepass.adapters.onnx.embedded.fetch import (
    DETECTOR_ARCHIVE,
    RECOGNISER_ARCHIVE,
    Archive,
    download,
    find_local,
    sha256_of,
)
from facepass.adapters.onnx.embedded.workspace import put, storage_errors, workspace
from facepass.domain.errors import ConfigurationError

Progress = Callable[[str], None]

DETECTOR_FILE = "retinaface-mnet025.onnx"
FLOAT_FILE = "dlib-resnet29-fp32.onnx"
INT8_FILE = "dlib-resnet29-int8.onnx"
MANIFEST_FILE = "manifest.json"

_RECIPE = 1
"""Raise it whenever conversion or quantisation changes what they write: files of another recipe are made again."""


@dataclass(frozen=True, slots=True)
class PreparedModels:
    """Where the models lie."""

    detector: Path
    recogniser_fp32: Path
    recogniser_int8: Path


def prepare_models(models_dir: Path, *, source: Path | None, progress: Progress) -> PreparedModels:
    """Make sure that all models are there and whole. Idempotent, and safe in several processes at once.

    Args:
        models_dir: created if need be.
        source: an archive or a folder of archives to read instead of asking pip; used only for what is missing.
        progress: is told each step that takes time; not called when nothing has to be done.

    Raises:
        ConfigurationError: the models cannot be had; the detail says what to do. What was prepared until then is kept.
    """
    models = PreparedModels(models_dir / DETECTOR_FILE, models_dir / FLOAT_FILE, models_dir / INT8_FILE)
    with storage_errors(models_dir):
        if not damaged_models(models_dir):
            return models
    with workspace(models_dir) as folder:
        # Another process may have done it meanwhile.
        damaged = damaged_models(models_dir)
        if damaged:
            _prepare(models_dir, damaged, source, folder, progress)
    return models


def damaged_models(models_dir: Path) -> set[str]:
    """Names of the model files that are missing, differ from their recorded digest, or come from another recipe.

    Raises:
        ConfigurationError: a file is there and cannot be read.
    """
    recorded = _manifest(models_dir)
    # The detector is kept as it was fetched, so its digest is known beforehand.
    recorded[DETECTOR_FILE] = DETECTOR_SHA256
    return {
        name
        for name in (DETECTOR_FILE, FLOAT_FILE, INT8_FILE)
        if not (models_dir / name).is_file() or sha256_of(models_dir / name) != recorded.get(name)
    }


def recorded_digest(models_dir: Path, name: str) -> str | None:
    """SHA-256 of a model file that was built here; None for one that was not."""
    return _manifest(models_dir).get(name)


def _prepare(models_dir: Path, damaged: set[str], source: Path | None, folder: Path, progress: Progress) -> None:
    if DETECTOR_FILE in damaged:
        detector = detector_bytes(_archive(DETECTOR_ARCHIVE, source, folder, progress))
        _keep(models_dir, DETECTOR_FILE, detector)
    if FLOAT_FILE in damaged:
        dat = recogniser_bytes(_archive(RECOGNISER_ARCHIVE, source, folder, progress))
        from facepass.adapters.onnx.embedded import build  # noqa: PLC0415 - imports onnx: 0.2 s that later starts are spared

        progress("Converting the recogniser to ONNX")
        _keep(models_dir, FLOAT_FILE, build.float_model(dat))
    if {FLOAT_FILE, INT8_FILE} & damaged:
        from facepass.adapters.onnx.embedded import build  # noqa: PLC0415 - as above

        progress("Quantising the recogniser to int8")
        _keep(models_dir, INT8_FILE, build.int8_model((models_dir / FLOAT_FILE).read_bytes()))
    progress(f"The models are ready in {models_dir}")


def _archive(archive: Archive, source: Path | None, folder: Path, progress: Progress) -> Path:
    if source is None:
        return download(archive, folder, progress)
    found = find_local(archive, source)
    if found is None:
        raise ConfigurationError(f"{archive.filename} is needed too, and {source} does not hold it.")
    progress(f"Reading {found.name}")
    return found


def _manifest(models_dir: Path) -> dict[str, str]:
    try:
        content = json.loads((models_dir / MANIFEST_FILE).read_bytes())
        if content["recipe"] == _RECIPE:
            return {str(name): str(digest) for name, digest in content["sha256"].items()}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        pass  # a manifest that cannot be understood vouches for nothing
    return {}


def _keep(models_dir: Path, name: str, data: bytes) -> None:
    """Write a file so that it is there whole or not at all, then vouch for it."""
    put(models_dir / name, data)
    digests = _manifest(models_dir) | {name: hashlib.sha256(data).hexdigest()}
    manifest = {"recipe": _RECIPE, "sha256": digests}
    put(models_dir / MANIFEST_FILE, json.dumps(manifest, indent=1, sort_keys=True).encode())
