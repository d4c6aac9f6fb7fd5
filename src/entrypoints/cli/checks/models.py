"""Whether the models are there, whole, and compute what they should on this machine."""

from collections.abc import Iterator

from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.cli.checks.check import Check, fail, ok, warn
from facepass.entrypoints.settings import Settings
from facepass.entrypoints.upkeep import check_prepared_models, models_to_prepare

NAME = "models"


def checks(settings: Settings) -> Iterator[Check]:
    """All of them; nothing is fetched."""
    missing = models_to_prepare(settings)
    if missing:
        detail = f"to be prepared in {settings.models_dir.absolute()}: {', '.join(missing)}"
        yield warn(NAME, detail, "facepass models prepare; else the first start does it, which takes longer")
        return
    yield ok(NAME, f"prepared in {settings.models_dir.absolute()}, checksums right")
    try:
        check_prepared_models(settings)
    except ConfigurationError as error:
        remedy = f"remove {settings.models_dir.absolute()} and run facepass models prepare; if it stays, report it"
        yield fail("model check", error.detail, remedy)
    else:
        recogniser, detector = settings.recognition.recognizer_type, settings.recognition.detector_type
        yield ok("model check", f"{detector} and {recogniser} compute what is recorded")
