"""What an installed model computed on this machine of the drawn face, where its manifest does not say what it should.

Written once, when the model is installed, and bound to the model's digest: a record of another file says nothing.
"""

from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from facepass.adapters.onnx.embedded.workspace import put
from facepass.adapters.onnx.registry.manifest import GoldenFace
from facepass.domain.errors import ConfigurationError

GOLDEN_SUFFIX = ".golden.json"

Golden = tuple[float, ...] | GoldenFace
"""A recogniser's vector, or what a detector found."""


class _Vector(Struct, frozen=True):
    sha256: str
    golden: tuple[float, ...]


class _Face(Struct, frozen=True):
    sha256: str
    golden: GoldenFace


_Record = TypeVar("_Record", _Vector, _Face)


def golden_path(models_dir: Path, name: str) -> Path:
    """Where the record of a model lies, or would."""
    return models_dir / f"{name}{GOLDEN_SUFFIX}"


def read_vector(models_dir: Path, name: str, sha256: str | None) -> tuple[float, ...] | None:
    """A recogniser's record; None where there is none of this very file.

    Raises:
        ConfigurationError: it cannot be read.
    """
    record = _read(golden_path(models_dir, name), _Vector, sha256)
    return None if record is None else record.golden


def read_face(models_dir: Path, name: str, sha256: str | None) -> GoldenFace | None:
    """A detector's record; None where there is none of this very file.

    Raises:
        ConfigurationError: it cannot be read.
    """
    record = _read(golden_path(models_dir, name), _Face, sha256)
    return None if record is None else record.golden


def write_golden(models_dir: Path, name: str, sha256: str, golden: Golden) -> None:
    """Keep a record. The caller holds the workspace.

    Raises:
        OSError: it cannot be written.
    """
    put(golden_path(models_dir, name), msgspec.json.encode({"sha256": sha256, "golden": golden}))


def _read(path: Path, kind: type[_Record], sha256: str | None) -> _Record | None:
    try:
        record = msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error}. Delete it; facepass models install records anew."
        ) from error
    return record if record.sha256 == sha256 else None
