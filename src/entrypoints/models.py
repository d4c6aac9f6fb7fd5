"""What an operator does to models outside of requests: list, install, check and remove them.

Knows the adapters, as `container` does, so that the command line need not.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec

from facepass.adapters.onnx.embedded.prepare import prepare_models
from facepass.adapters.onnx.registry import install as installation
from facepass.adapters.onnx.registry.manifest import (
    CalibrationRecord,
    DetectorManifest,
    Manifest,
    RecogniserManifest,
    encode_manifest,
)
from facepass.adapters.onnx.registry.registry import ModelState, Registry
from facepass.adapters.onnx.registry.verify import Verdict
from facepass.adapters.onnx.registry.verify import verify as verify_model
from facepass.entrypoints.settings import Settings

Progress = Callable[[str], None]
Transferred = Callable[[int, int | None], None]
Verification: TypeAlias = Verdict
"""How a model stands, under the name by which the command line knows it."""


class ModelSummary(msgspec.Struct, frozen=True):
    """A model in a line.

    Attributes:
        role: `detector` or `recogniser`.
        state: `ready`, `missing`, `damaged` or `licence_not_accepted`.
        in_force: whether the settings choose it.
        shipped: whether its manifest comes with FacePass, and not from MODELS_DIR.
    """

    name: str
    role: str
    title: str
    licence: str
    commercial_use: bool
    state: ModelState
    in_force: bool
    shipped: bool


class ModelDetails(msgspec.Struct, frozen=True):
    """All that is known of a model.

    Attributes:
        manifest: as the file has it, without golden values.
        calibration: in force; None for a detector.
        calibration_measured: whether it was fitted to labelled pictures, and not taken over; None for a detector.
        path: where its file lies, or would.
        sha256: that its file must have; None for one that is still to be built here.
        golden: whether what it computes is compared with a record.
    """

    summary: ModelSummary
    manifest: Manifest
    calibration: CalibrationRecord | None
    calibration_measured: bool | None
    path: str
    sha256: str | None
    golden: bool


class ModelFile(msgspec.Struct, frozen=True):
    """A model's file.

    Attributes:
        name: of detector or recogniser.
    """

    name: str
    file: str
    size_bytes: int


class Installation(msgspec.Struct, frozen=True):
    """What installing a model did.

    Attributes:
        fetched: whether its file was put there now, and not before.
        golden_recorded: whether what it computes here was put on record.
    """

    name: str
    file: str
    size_bytes: int
    fetched: bool
    golden_recorded: bool


def registry_of(settings: Settings) -> Registry:
    """The models there are.

    Raises:
        ConfigurationError: a manifest in MODELS_DIR cannot be used.
    """
    return Registry(settings.models_dir, accepted=settings.recognition.accept_model_license)


def list_models(settings: Settings) -> tuple[ModelSummary, ...]:
    """Every model, detectors first; reads the files of those that are installed.

    Raises:
        ConfigurationError: a manifest or a record in MODELS_DIR cannot be used.
    """
    registry = registry_of(settings)
    return tuple(_summary(settings, registry, manifest) for manifest in registry.manifests)


def describe(settings: Settings, name: str) -> ModelDetails:
    """All that is known of one model.

    Raises:
        ConfigurationError: there is none of this name, or a file in MODELS_DIR cannot be used.
    """
    registry = registry_of(settings)
    return _details(settings, registry, registry.get(name))


def _details(settings: Settings, registry: Registry, manifest: Manifest) -> ModelDetails:
    calibration = registry.calibration(manifest) if isinstance(manifest, RecogniserManifest) else None
    return ModelDetails(
        summary=_summary(settings, registry, manifest),
        manifest=msgspec.structs.replace(manifest, golden=None),
        calibration=calibration,
        calibration_measured=None if calibration is None else calibration.measured,
        path=str(registry.path(manifest).absolute()),
        sha256=registry.digest(manifest),
        golden=registry.golden(manifest) is not None,
    )


def manifest_text(settings: Settings, name: str) -> str:
    """A model's manifest as TOML, without golden values: what a manifest of one's own can be made of.

    Raises:
        ConfigurationError: there is none of this name.
    """
    manifest = msgspec.structs.replace(registry_of(settings).get(name), golden=None)
    return encode_manifest(manifest).decode()


def install(
    settings: Settings,
    name: str,
    *,
    source: Path | None,
    accept_licence: bool,
    progress: Progress,
    transferred: Transferred,
) -> Installation:
    """Install a model: see `Installer.install`.

    Raises:
        ConfigurationError, DependencyUnavailable: it cannot be had, or not be used; says what to do.
    """
    installer = installation.Installer(registry_of(settings), progress=progress, transferred=transferred)
    done = installer.install(name, source=source, accept_licence=accept_licence)
    return Installation(name, str(done.path), done.path.stat().st_size, done.fetched, done.golden_recorded)


def verify(settings: Settings, names: Sequence[str]) -> tuple[Verification, ...]:
    """Check models; without names every one that is installed, and those in force.

    Raises:
        ConfigurationError: there is none of a name, or a record in MODELS_DIR cannot be read.
    """
    registry = registry_of(settings)
    chosen = [registry.get(name) for name in names] or [
        manifest
        for manifest in registry.manifests
        if registry.path(manifest).is_file() or manifest.name in _in_force(settings)
    ]
    return tuple(verify_model(registry, manifest) for manifest in chosen)


def remove(settings: Settings, name: str) -> tuple[str, ...]:
    """Delete a model and what was recorded of it; the paths that are gone.

    Raises:
        ConfigurationError: there is none of this name, or a file cannot be deleted.
    """
    return tuple(str(path) for path in installation.remove(registry_of(settings), name))


def prepare(settings: Settings, *, source: Path | None, progress: Progress) -> tuple[ModelFile, ...]:
    """Make sure that the models of the embedded default are there and whole.

    Args:
        settings: say where models are kept.
        source: an archive, or a folder of archives, to read instead of fetching them; None to fetch what is missing.
        progress: told in a line what takes time.

    Raises:
        ConfigurationError: they cannot be had; says what to do.
    """
    models = prepare_models(settings.models_dir, source=source, progress=progress)
    files = (models.detector, models.recogniser_fp32, models.recogniser_int8)
    return tuple(ModelFile(file.stem, str(file), file.stat().st_size) for file in files)


def models_in_force(settings: Settings) -> tuple[ModelDetails, ModelDetails]:
    """The detector and the recogniser that the settings choose.

    Raises:
        ConfigurationError: there is no such model, or a file in MODELS_DIR cannot be used.
    """
    registry = registry_of(settings)
    detector = registry.detector(settings.recognition.detector_type)
    recogniser = registry.recogniser(settings.recognition.recognizer_type)
    return _details(settings, registry, detector), _details(settings, registry, recogniser)


def _summary(settings: Settings, registry: Registry, manifest: Manifest) -> ModelSummary:
    return ModelSummary(
        name=manifest.name,
        role="detector" if isinstance(manifest, DetectorManifest) else "recogniser",
        title=manifest.title,
        licence=manifest.licence.name,
        commercial_use=manifest.licence.commercial_use,
        state=registry.state(manifest),
        in_force=manifest.name in _in_force(settings),
        shipped=registry.shipped(manifest.name),
    )


def _in_force(settings: Settings) -> tuple[str, str]:
    return settings.recognition.detector_type, settings.recognition.recognizer_type
