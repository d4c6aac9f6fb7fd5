"""The models there are: those that ship, and those whose manifests lie in MODELS_DIR."""

from collections.abc import Collection
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import TypeVar

import msgspec

from facepass.adapters.onnx.embedded.fetch import sha256_of
from facepass.adapters.onnx.embedded.prepare import recorded_digest
from facepass.adapters.onnx.registry.manifest import (
    CalibrationRecord,
    DetectorManifest,
    Manifest,
    RecogniserManifest,
    parse_manifest,
)
from facepass.domain.errors import ConfigurationError

LICENCES_FILE = "accepted-licences.json"
MANIFEST_SUFFIX = ".toml"
CALIBRATION_SUFFIX = ".calibration.json"

_Kind = TypeVar("_Kind", DetectorManifest, RecogniserManifest)


class ModelState(StrEnum):
    """Whether a model can run."""

    READY = "ready"
    MISSING = "missing"
    DAMAGED = "damaged"
    LICENCE_NOT_ACCEPTED = "licence_not_accepted"


class Registry:
    """Every model by its name. Reads MODELS_DIR, and never writes to it."""

    def __init__(self, models_dir: Path, *, accepted: Collection[str] = ()) -> None:
        """Read all manifests.

        Args:
            models_dir: where model files and further manifests lie; need not exist.
            accepted: names of models whose licence the settings accept.

        Raises:
            ConfigurationError: a manifest there cannot be used; nothing that ships can be replaced by one.
        """
        self.models_dir = models_dir
        self._accepted = frozenset(accepted)
        self._manifests = _shipped()
        for path in sorted(models_dir.glob(f"*{MANIFEST_SUFFIX}")):
            manifest = parse_manifest(path.read_bytes(), origin=str(path))
            if manifest.name in self._manifests:
                raise ConfigurationError(f"{path} calls its model {manifest.name}, as another one is called already.")
            if path.stem != manifest.name:
                raise ConfigurationError(f"{path} holds the model {manifest.name}: name it {manifest.name}.toml.")
            self._manifests[manifest.name] = manifest

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """All, detectors first, by name."""
        return tuple(sorted(self._manifests.values(), key=lambda one: (isinstance(one, RecogniserManifest), one.name)))

    def get(self, name: str) -> Manifest:
        """One model.

        Raises:
            ConfigurationError: there is none of this name; says which there are.
        """
        manifest = self._manifests.get(name)
        if manifest is None:
            raise ConfigurationError(f"There is no model {name!r}; there are {', '.join(sorted(self._manifests))}.")
        return manifest

    def detector(self, name: str) -> DetectorManifest:
        """One detector.

        Raises:
            ConfigurationError: there is none of this name.
        """
        return self._of(DetectorManifest, name, "detector")

    def recogniser(self, name: str) -> RecogniserManifest:
        """One recogniser.

        Raises:
            ConfigurationError: there is none of this name.
        """
        return self._of(RecogniserManifest, name, "recogniser")

    def path(self, manifest: Manifest) -> Path:
        """Where the model's file lies, or would."""
        return self.models_dir / f"{manifest.name}.onnx"

    def digest(self, manifest: Manifest) -> str | None:
        """SHA-256 that the model's file must have; None for what is still to be built here."""
        return manifest.source.sha256 or recorded_digest(self.models_dir, self.path(manifest).name)

    def accepted(self, manifest: Manifest) -> bool:
        """Whether its licence allows commercial use, or was accepted here."""
        return (
            manifest.licence.commercial_use
            or manifest.name in self._accepted
            or manifest.name in accepted_licences(self.models_dir)
        )

    def state(self, manifest: Manifest) -> ModelState:
        """Whether the model can run; reads its whole file."""
        path = self.path(manifest)
        if not path.is_file():
            return ModelState.MISSING
        if sha256_of(path) != self.digest(manifest):
            return ModelState.DAMAGED
        return ModelState.READY if self.accepted(manifest) else ModelState.LICENCE_NOT_ACCEPTED

    def require(self, manifest: Manifest) -> Path:
        """The file of a model that can run.

        Raises:
            ConfigurationError: it cannot; says what to do.
        """
        state, name = self.state(manifest), manifest.name
        if state is ModelState.READY:
            return self.path(manifest)
        how = "facepass models prepare" if manifest.source.package else f"facepass models install {name}"
        if state is ModelState.LICENCE_NOT_ACCEPTED:
            raise ConfigurationError(
                f"The licence of {name} ({manifest.licence.name}) does not allow commercial use. Where that is no "
                f"hindrance, accept it: {how} --accept-license, or ACCEPT_MODEL_LICENSE={name}."
            )
        raise ConfigurationError(f"The model {name} is {state} in {self.models_dir}. Run: {how}")

    def calibration(self, manifest: RecogniserManifest) -> CalibrationRecord:
        """The recogniser's calibration: the one `facepass calibrate` left in MODELS_DIR, else the manifest's.

        Raises:
            ConfigurationError: the file there cannot be used.
        """
        path = self.models_dir / f"{manifest.name}{CALIBRATION_SUFFIX}"
        try:
            return msgspec.json.decode(path.read_bytes(), type=CalibrationRecord)
        except FileNotFoundError:
            return manifest.calibration
        except (OSError, msgspec.DecodeError) as error:
            raise ConfigurationError(
                f"{path} is no calibration: {error}. Run facepass calibrate, or delete it."
            ) from error

    def _of(self, kind: type[_Kind], name: str, word: str) -> _Kind:
        manifest = self._manifests.get(name)
        if isinstance(manifest, kind):
            return manifest
        names = ", ".join(sorted(one.name for one in self.manifests if isinstance(one, kind)))
        raise ConfigurationError(f"There is no {word} {name!r}; there are {names}.")


def accepted_licences(models_dir: Path) -> dict[str, str]:
    """Names of models whose licence was accepted with `--accept-license`, each with the licence.

    Raises:
        ConfigurationError: the record cannot be read.
    """
    path = models_dir / LICENCES_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}. Delete it, and accept again.") from error


def _shipped() -> dict[str, Manifest]:
    manifests = {}
    for file in resources.files("facepass.adapters.onnx.registry").joinpath("catalogue").iterdir():
        if file.name.endswith(MANIFEST_SUFFIX):
            manifest = parse_manifest(file.read_bytes(), origin=file.name)
            manifests[manifest.name] = manifest
    return manifests
