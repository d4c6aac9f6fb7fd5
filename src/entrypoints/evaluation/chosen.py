"""The models that a command names, loaded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from facepass.adapters.onnx.embedded.prepare import prepare_models
from facepass.adapters.onnx.evaluation.pipeline import TimedDetector, TimedRecogniser
from facepass.adapters.onnx.evaluation.runs import Runs, run_over
from facepass.adapters.onnx.registry.manifest import DetectorManifest, Manifest, RecogniserManifest
from facepass.adapters.onnx.registry.registry import ModelState, Registry
from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.evaluation.labelled import LabelledSet
from facepass.entrypoints.settings import Settings

ALL = ("all",)
"""In place of names: every model that can run here."""

Progress = Callable[[str], None]
Counter = Callable[[str, int], Callable[[], None]]
"""Begins a part of the work, called so and of so many steps; what it returns is called after each."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Models to run."""

    detectors: tuple[TimedDetector, ...]
    recognisers: tuple[TimedRecogniser, ...]


def load_chosen(
    settings: Settings,
    registry: Registry,
    *,
    detectors: Sequence[str],
    recognisers: Sequence[str],
    progress: Progress,
) -> Chosen:
    """Load models, on one thread each.

    Args:
        settings: say how closely detectors look.
        registry: knows the models.
        detectors: names, or `ALL`.
        recognisers: likewise.
        progress: told which models are left out, and what takes time.

    Raises:
        ConfigurationError: a model that was named cannot run, or `ALL` finds none.
    """
    asked: list[Manifest] = []
    for names, kind in ((detectors, DetectorManifest), (recognisers, RecogniserManifest)):
        of_kind = [one for one in registry.manifests if isinstance(one, kind)]
        asked += of_kind if tuple(names) == ALL else [_of_kind(registry, name, kind) for name in names]
    if any(manifest.source.package for manifest in asked):
        prepare_models(registry.models_dir, source=None, progress=progress)
    recognition = settings.recognition
    return Chosen(
        tuple(
            TimedDetector(
                registry,
                name,
                profile=recognition.detection_profile,
                # The setting is meant for the detector in force: scores of another one have another scale.
                score_threshold=recognition.face_detection_threshold if name == recognition.detector_type else None,
            )
            for name in _names(registry, asked, detectors, DetectorManifest, progress)
        ),
        tuple(
            TimedRecogniser(registry, name)
            for name in _names(registry, asked, recognisers, RecogniserManifest, progress)
        ),
    )


def run_labelled(
    settings: Settings, labelled: LabelledSet, chosen: Chosen, *, renderings: int, seed: int, counter: Counter
) -> Runs:
    """Run models over a labelled set, as `run_over` does."""
    return run_over(
        labelled.pictures(settings),
        chosen.detectors,
        chosen.recognisers,
        renderings=renderings,
        seed=seed,
        progress=counter("Pictures", len(labelled.files)),
    )


def _of_kind(
    registry: Registry, name: str, kind: type[DetectorManifest] | type[RecogniserManifest]
) -> DetectorManifest | RecogniserManifest:
    return registry.detector(name) if kind is DetectorManifest else registry.recogniser(name)


def _names(
    registry: Registry,
    asked: Sequence[Manifest],
    names: Sequence[str],
    kind: type[DetectorManifest] | type[RecogniserManifest],
    progress: Progress,
) -> list[str]:
    """What can run of `asked`; all of it must where it was named."""
    of_kind = [manifest for manifest in asked if isinstance(manifest, kind)]
    if tuple(names) != ALL:
        return list(dict.fromkeys(manifest.name for manifest in of_kind))
    ready = []
    for manifest in of_kind:
        state = registry.state(manifest)
        if state is ModelState.READY:
            ready.append(manifest.name)
        else:
            progress(f"{manifest.name} is left out: {state.replace('_', ' ')}.")
    if not ready:
        raise ConfigurationError(f"No {kind.__struct_config__.tag} is installed: facepass models prepare")
    return ready
