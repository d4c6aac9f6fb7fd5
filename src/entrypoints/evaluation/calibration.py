"""Fits a recogniser's similarity to labelled pictures, and says how far to trust it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from facepass.adapters.onnx.evaluation.record import remove_calibration, write_calibration
from facepass.adapters.onnx.evaluation.renderings import FACE_PX
from facepass.adapters.onnx.evaluation.runs import RecogniserRun, Runs
from facepass.adapters.onnx.registry.manifest import CalibrationRecord
from facepass.adapters.onnx.registry.registry import Registry
from facepass.application.ports import Clock
from facepass.domain.bootstrap import LEVEL, Estimate, draw_people
from facepass.domain.embedding import Calibration
from facepass.domain.errors import InvalidRequest
from facepass.domain.figures import DetCurve, Figures, Session, measure, sessions
from facepass.domain.verification import Comparisons, calibrate
from facepass.entrypoints.evaluation.caveats import caveats
from facepass.entrypoints.evaluation.chosen import Counter, load_chosen, run_labelled
from facepass.entrypoints.evaluation.labelled import LabelledSet, require_comparable
from facepass.entrypoints.settings import Settings

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to calibrate.

    Attributes:
        data: folder with one folder a person.
        model: name of the recogniser; None for the one in force.
        fmr: false match rate that similarity 0.5 stands for, inside (0, 1).
        renderings: of each picture, in its place; 0 for the picture itself.
        seed: of renderings and of the bootstrap.
        replicates: of the bootstrap.
    """

    data: Path
    model: str | None
    fmr: float
    renderings: int
    seed: int
    replicates: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A calibration and the figures behind it. Rates are 0 to 1.

    Attributes:
        model, detector, detection_profile: what was calibrated, on faces found by what.
        name: of the set.
        people, pictures: in the set; `faces` were compared, renderings counted one by one.
        missed: pictures without a face, once for each rendering; `unreadable` ones could not be decoded.
        asked_fmr: false match rate that similarity 0.5 stands for.
        operating_point: cosine at which similarity is 0.5.
        slope: see `domain.embedding.Calibration`.
        before: what was in force until now.
        fmr, fnmr: as counted at the operating point.
        fmr_model: FMR there by the distribution that the operating point follows from.
        false_matches: pairs of strangers' pictures at or above the operating point.
        sessions: strangers shown to a visitor who is in no photo.
        caveats: why not to trust all this too far.
        written: path of the calibration; None where it was only tried.
        curve: path of the detection error tradeoff curve; None where it was not drawn.
    """

    model: str
    detector: str
    detection_profile: str
    name: str
    people: int
    pictures: int
    faces: int
    missed: tuple[str, ...]
    unreadable: tuple[str, ...]
    renderings: int
    seed: int
    replicates: int
    level: float
    asked_fmr: float
    operating_point: Estimate
    slope: float
    before: CalibrationRecord
    eer: Estimate
    eer_cosine: Estimate
    tar_1: Estimate
    tar_01: Estimate
    fmr: Estimate
    fmr_model: Estimate
    fnmr: Estimate
    false_matches: int
    sessions: tuple[Session, ...]
    caveats: tuple[str, ...]
    written: str | None = None
    curve: str | None = None


@dataclass(frozen=True, slots=True)
class Fitted:
    """What `fit` found: not in force yet."""

    report: Report
    record: CalibrationRecord
    det: DetCurve


def fit(
    settings: Settings, registry: Registry, clock: Clock, options: Options, *, note: Note, counter: Counter
) -> Fitted:
    """Embed the pictures with the models in force, and fit; writes nothing.

    Raises:
        ConfigurationError: a model cannot run.
        InvalidRequest: the set does not allow a calibration.
    """
    model = options.model or settings.recognition.recognizer_type
    manifest = registry.recogniser(model)
    labelled = LabelledSet.in_folder(options.data, renderings=options.renderings)
    chosen = load_chosen(
        settings, registry, detectors=[settings.recognition.detector_type], recognisers=[model], progress=note
    )
    runs = run_labelled(settings, labelled, chosen, renderings=options.renderings, seed=options.seed, counter=counter)
    run = runs.pairs[0]
    require_comparable(run.people, "faces")
    mapping, figures = _figures(run, options, counter)
    report = _report(
        settings,
        options,
        labelled,
        runs,
        mapping=mapping,
        figures=figures,
        before=registry.calibration(manifest),
    )
    record = CalibrationRecord(
        operating_point=mapping.operating_point,
        slope=mapping.slope,
        basis=_basis(labelled.name, options),
        people=report.people,
        pictures=report.pictures,
        date=clock.now().date().isoformat(),
    )
    return Fitted(report, record, figures.det)


def put_in_force(registry: Registry, fitted: Fitted) -> Report:
    """Write the calibration to MODELS_DIR, whole or not at all; whatever starts next reads it.

    Raises:
        ConfigurationError: the folder does not allow it.
    """
    path = write_calibration(registry, fitted.report.model, fitted.record)
    return msgspec.structs.replace(fitted.report, written=str(path))


class Reset(msgspec.Struct, frozen=True):
    """What `reset` did.

    Attributes:
        removed: whether there was a calibration.
        in_force: the model's own, which holds from now on.
    """

    model: str
    removed: bool
    in_force: CalibrationRecord


def reset(settings: Settings, registry: Registry, model: str | None) -> Reset:
    """Take the calibration of a recogniser away.

    Raises:
        ConfigurationError: there is no such recogniser, or the folder does not allow it.
    """
    manifest = registry.recogniser(model or settings.recognition.recognizer_type)
    removed = remove_calibration(registry, manifest.name)
    return Reset(manifest.name, removed, registry.calibration(manifest))


def _figures(run: RecogniserRun, options: Options, counter: Counter) -> tuple[Calibration, Figures]:
    compared = Comparisons.between(run.templates(), run.people)
    try:
        mapping = calibrate(compared, fmr=options.fmr)
    except ValueError as error:
        raise InvalidRequest.field(
            "--data", "strangers look the same to the model: is a person in two folders, or a picture?"
        ) from error
    draws = draw_people(compared.people_with_pairs, replicates=options.replicates, seed=options.seed)
    progress = counter("Bootstrap", options.replicates)
    return mapping, measure(compared, draws, point=mapping.operating_point, fmr=options.fmr, progress=progress)


def _report(
    settings: Settings,
    options: Options,
    labelled: LabelledSet,
    runs: Runs,
    *,
    mapping: Calibration,
    figures: Figures,
    before: CalibrationRecord,
) -> Report:
    seen, run = runs.detectors[0], runs.pairs[0]
    people = len(set(run.people))
    return Report(
        model=run.recogniser,
        detector=seen.name,
        detection_profile=settings.recognition.detection_profile,
        name=labelled.name,
        people=people,
        pictures=len(labelled.files) - len(labelled.unreadable),
        faces=len(run.people),
        missed=tuple(seen.missed),
        unreadable=tuple(labelled.unreadable),
        renderings=options.renderings,
        seed=options.seed,
        replicates=options.replicates,
        level=LEVEL,
        asked_fmr=options.fmr,
        operating_point=figures.refitted,
        slope=mapping.slope,
        before=before,
        eer=figures.eer,
        eer_cosine=figures.eer_cosine,
        tar_1=figures.tar_1,
        tar_01=figures.tar_01,
        fmr=figures.fmr,
        fmr_model=figures.fmr_model,
        fnmr=figures.fnmr,
        false_matches=figures.false_matches,
        sessions=sessions(figures),
        caveats=caveats(
            figures,
            people=people,
            asked_fmr=options.fmr,
            missed=1.0 - len(run.people) / len(seen.people),
            threshold=settings.recognition.face_similarity_threshold,
        ),
    )


def _basis(name: str, options: Options) -> str:
    shown = name
    if options.renderings:
        least, most = FACE_PX
        shown += f", {options.renderings} renderings of each picture at faces of {least:g} to {most:g} pixels"
    return f"{shown}; FMR {100 * options.fmr:g} %"
