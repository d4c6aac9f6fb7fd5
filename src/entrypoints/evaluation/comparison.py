"""Detectors and recognisers side by side on labelled pictures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from facepass.adapters.onnx.evaluation.runs import DetectorRun, RecogniserRun
from facepass.adapters.onnx.registry.registry import Registry
from facepass.domain.bootstrap import LEVEL, Estimate, Floats, draw_people, median, percentiles, share
from facepass.domain.figures import DetCurve, Figures, measure
from facepass.domain.verification import TARGET_FMR, Comparisons, rank_1
from facepass.entrypoints.evaluation.chosen import Counter, load_chosen, run_labelled
from facepass.entrypoints.evaluation.labelled import LabelledSet, require_comparable
from facepass.entrypoints.settings import Settings

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to compare.

    Attributes:
        data: folder with one folder a person.
        detectors, recognisers: names, or `chosen.ALL`; empty for the one in force.
        renderings: of each picture, in its place; 0 for the picture itself.
        seed: of renderings and of the bootstrap.
        replicates: of the bootstrap.
    """

    data: Path
    detectors: tuple[str, ...]
    recognisers: tuple[str, ...]
    renderings: int
    seed: int
    replicates: int


class DetectorRow(msgspec.Struct, frozen=True, kw_only=True):
    """A detector.

    Attributes:
        pictures: it looked at, renderings counted one by one.
        missed: pictures without a face.
        missed_share: of all, 0 to 1.
        detect_ms: median for a picture, in milliseconds, on one thread.
        missed_pictures: their names, once for each rendering.
    """

    detector: str
    pictures: int
    missed: int
    missed_share: Estimate
    detect_ms: Estimate
    missed_pictures: tuple[str, ...]


class PairRow(msgspec.Struct, frozen=True, kw_only=True):
    """A recogniser on the faces that a detector found. Rates are 0 to 1; a missed picture counts nowhere in them.

    Attributes:
        faces: compared.
        eer_difference: EER minus that of the first pair, from the same draws of people; None for the first, and where
            the two have not the same people. It settles what intervals that overlap leave open.
        rank_1: share of faces whose nearest other face is of the same person, among all people of the set.
        point: cosine of the operating point in force; `fmr` and `fnmr` were counted there.
        embed_ms: median for a face, aligned and mirrored, in milliseconds, on one thread, one face at a time.
    """

    detector: str
    recogniser: str
    faces: int
    best_f1: Estimate
    best_f1_cosine: Estimate
    eer: Estimate
    eer_difference: Estimate | None
    tar_1: Estimate
    tar_01: Estimate
    rank_1: Estimate
    point: float
    fmr: Estimate
    fnmr: Estimate
    embed_ms: Estimate


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A comparison.

    Attributes:
        name: of the set.
        people, pictures: in it; `unreadable` ones could not be decoded.
        level: of all intervals.
        chart: path of the picture; None where it was not drawn.
    """

    name: str
    people: int
    pictures: int
    unreadable: tuple[str, ...]
    detection_profile: str
    renderings: int
    seed: int
    replicates: int
    level: float
    detectors: tuple[DetectorRow, ...]
    pairs: tuple[PairRow, ...]
    chart: str | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """What `compare` found; curves in the order of the report's pairs."""

    report: Report
    curves: tuple[DetCurve, ...]


def compare(settings: Settings, registry: Registry, options: Options, *, note: Note, counter: Counter) -> Compared:
    """Run every detector, and every recogniser on what each of them finds.

    Raises:
        ConfigurationError: a model cannot run.
        InvalidRequest: the set, or what a detector finds in it, cannot be compared.
    """
    labelled = LabelledSet.in_folder(options.data, renderings=options.renderings)
    chosen = load_chosen(
        settings,
        registry,
        detectors=options.detectors or (settings.recognition.detector_type,),
        recognisers=options.recognisers or (settings.recognition.recognizer_type,),
        progress=note,
    )
    runs = run_labelled(settings, labelled, chosen, renderings=options.renderings, seed=options.seed, counter=counter)
    for run in runs.pairs:
        require_comparable(run.people, f"faces that {run.detector} finds")
    progress = counter("Bootstrap", options.replicates * len(runs.pairs))
    rows, curves = [], []
    first: _Measured | None = None
    for run in runs.pairs:
        point = registry.calibration(registry.recogniser(run.recogniser)).operating_point
        measured = _measure(run, options, point, progress)
        rows.append(_row(run, measured, first, point))
        curves.append(measured.figures.det)
        first = first or measured
    report = Report(
        name=labelled.name,
        people=labelled.people,
        pictures=len(labelled.files) - len(labelled.unreadable),
        unreadable=tuple(labelled.unreadable),
        detection_profile=settings.recognition.detection_profile,
        renderings=options.renderings,
        seed=options.seed,
        replicates=options.replicates,
        level=LEVEL,
        detectors=tuple(_detector_row(run, options) for run in runs.detectors),
        pairs=tuple(rows),
    )
    return Compared(report, tuple(curves))


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    figures: Figures
    names: tuple[str, ...]
    draws: Floats
    person: np.ndarray[tuple[int], np.dtype[np.int64]]


def _measure(run: RecogniserRun, options: Options, point: float, progress: Callable[[], None]) -> _Measured:
    compared = Comparisons.between(run.templates(), run.people)
    names, person = np.unique(run.people, return_inverse=True)
    draws = draw_people(compared.people_with_pairs, replicates=options.replicates, seed=options.seed)
    figures = measure(compared, draws, point=point, fmr=TARGET_FMR, progress=progress)
    return _Measured(figures, tuple(names.tolist()), draws, person)


def _row(run: RecogniserRun, measured: _Measured, first: _Measured | None, point: float) -> PairRow:
    figures = measured.figures
    return PairRow(
        detector=run.detector,
        recogniser=run.recogniser,
        faces=len(run.people),
        best_f1=figures.best_f1,
        best_f1_cosine=figures.best_f1_cosine,
        eer=figures.eer,
        eer_difference=_difference(measured, first),
        tar_1=figures.tar_1,
        tar_01=figures.tar_01,
        rank_1=share(rank_1(run.templates(), run.people), measured.person, measured.draws),
        point=point,
        fmr=figures.fmr,
        fnmr=figures.fnmr,
        embed_ms=median(np.array(run.took_ms), measured.person, measured.draws),
    )


def _difference(measured: _Measured, first: _Measured | None) -> Estimate | None:
    if first is None or measured.names != first.names or not np.array_equal(measured.draws, first.draws):
        return None
    value = measured.figures.eer.value - first.figures.eer.value
    return percentiles(value, measured.figures.eers - first.figures.eers)


def _detector_row(run: DetectorRun, options: Options) -> DetectorRow:
    names, person = np.unique(run.people, return_inverse=True)
    draws = draw_people(np.ones(len(names), dtype=np.bool_), replicates=options.replicates, seed=options.seed)
    return DetectorRow(
        detector=run.name,
        pictures=len(run.found),
        missed=len(run.missed),
        missed_share=share(~np.array(run.found), person, draws),
        detect_ms=median(np.array(run.took_ms), person, draws),
        missed_pictures=tuple(run.missed),
    )
