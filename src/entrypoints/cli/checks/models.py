"""Whether the models in force are there, whole, licensed, calibrated, and compute what they should on this machine."""

from collections.abc import Iterator

from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.cli.checks.check import Check, fail, ok, warn
from facepass.entrypoints.models import ModelDetails, models_in_force, verify
from facepass.entrypoints.settings import Settings

NAME = "models"
CALIBRATION = "calibration"


def checks(settings: Settings) -> Iterator[Check]:
    """All of them; nothing is fetched."""
    folder = settings.models_dir.absolute()
    try:
        in_force = models_in_force(settings)
    except ConfigurationError as error:
        yield fail(NAME, error.detail, "facepass models list; then correct DETECTOR_TYPE, RECOGNIZER_TYPE or the file")
        return
    yield from _files(in_force, str(folder))
    present = [model for model in in_force if model.summary.state != "missing"]
    for verdict in verify(settings, [model.summary.name for model in present]) if present else ():
        if verdict.problem is not None:
            yield fail("model check", verdict.problem, f"facepass models remove {verdict.name}, then install it anew")
        elif verdict.golden_known:
            yield ok("model check", f"{verdict.name} computes what is on record")
        else:
            detail = f"{verdict.name} works, but nothing is on record to compare it with"
            yield warn("model check", detail, f"facepass models install {verdict.name} records it")
    yield _calibration(in_force[-1])


def _files(models: tuple[ModelDetails, ...], folder: str) -> Iterator[Check]:
    for model in models:
        name, state = model.summary.name, model.summary.state
        built = model.manifest.source.package is not None
        if state == "missing" and built:
            remedy = "facepass models prepare; else the first start does it, which takes longer"
            yield warn(NAME, f"{name} is to be prepared in {folder}", remedy)
        elif state == "missing":
            yield fail(NAME, f"{name} is not installed in {folder}", f"facepass models install {name}")
        elif state == "ready":
            yield ok(NAME, f"{name} in {folder}, checksum right, licence {model.summary.licence}")


def _calibration(model: ModelDetails) -> Check:
    record = model.calibration
    if record is None:  # a detector's; the recogniser comes last
        raise TypeError(model.summary.role)
    detail = f"{model.summary.name}: similarity 0.5 at cosine {record.operating_point:g}, {record.basis}"
    if model.calibration_measured:
        return ok(CALIBRATION, f"{detail}, {record.pictures} pictures, {record.date}")
    return warn(CALIBRATION, detail, "facepass calibrate, with labelled pictures like the ones you serve")
