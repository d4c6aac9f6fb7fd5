"""Measures how well the embedded default tells people apart: every pair of faces of a labelled folder.

    python benchmarks/verification.py DIR [--models MODELS_DIR] [--precision int8|fp32] [--only PATTERN]
        [--enlarge N --border N]

DIR has one folder a person, with pictures of that person; the largest face of each counts. `--enlarge 3 --border 100`
is for cut-out faces such as the ORL set (`--only '*.pgm'` there: one of its folders holds
a stranger's picture in another format). Rates are those of ISO/IEC 19795-1: FMR is the part of impostor pairs at or
above a cosine, TAR (1 - FNMR) the part of genuine pairs there.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from facepass.adapters.onnx.alignment import DLIB_TEMPLATE, align
from facepass.adapters.onnx.prepare import prepare_models
from facepass.adapters.onnx.recogniser import Recogniser
from facepass.adapters.onnx.retinaface import RetinaFace

_SUFFIXES = {".jpg", ".jpeg", ".png", ".pgm", ".webp", ".bmp"}
_FMRS = (0.01, 0.001, 0.0003, 0.0001)
_GREY = (127, 127, 127)


def main() -> None:
    """Print the figures."""
    arguments = _arguments()
    models = prepare_models(arguments.models, source=None, progress=lambda line: print(line, file=sys.stderr))
    recogniser = Recogniser(models.recogniser_int8 if arguments.precision == "int8" else models.recogniser_fp32)
    detector = RetinaFace(models.detector)
    vectors, people, missed, total = [], [], 0, 0
    for folder in sorted(path for path in arguments.directory.iterdir() if path.is_dir()):
        for path in sorted(folder.glob(arguments.only)):
            if path.suffix.lower() not in _SUFFIXES:
                continue
            total += 1
            pixels = _picture(path, arguments.enlarge, arguments.border)
            faces = detector.detect(pixels)
            if not faces:
                missed += 1
                continue
            vectors.append(recogniser.embed(align(pixels, faces[0].landmarks, DLIB_TEMPLATE)[None])[0])
            people.append(folder.name)
    print(f"{total} pictures, {len(set(people))} people, {missed} without a face found, {arguments.precision}")
    _report(np.stack(vectors), np.array(people))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--models", type=Path, default=Path(".facepass/models"))
    parser.add_argument("--precision", choices=("int8", "fp32"), default="int8")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="names of the pictures that count")
    parser.add_argument("--enlarge", type=int, default=1, help="times, bicubic")
    parser.add_argument("--border", type=int, default=0, help="grey pixels on each side, after enlarging")
    return parser.parse_args()


def _picture(path: Path, enlarge: int, border: int) -> np.ndarray:
    picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    if enlarge != 1:
        picture = picture.resize((picture.width * enlarge, picture.height * enlarge), Image.Resampling.BICUBIC)
    return np.asarray(ImageOps.expand(picture, border, _GREY))


def _report(vectors: np.ndarray, people: np.ndarray) -> None:
    scores = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    first, second = np.triu_indices(len(people), 1)
    same = people[first] == people[second]
    pairs = scores[first, second]
    genuine, impostor = np.sort(pairs[same]), np.sort(pairs[~same])
    print(f"{len(genuine)} genuine pairs, {len(impostor)} impostor pairs")
    fmr = 1.0 - np.searchsorted(impostor, genuine, side="left") / len(impostor)
    fnmr = np.arange(len(genuine)) / len(genuine)
    cross = int(np.argmin(np.abs(fmr - fnmr)))
    print(f"EER {50 * (fmr[cross] + fnmr[cross]):.2f} % at cosine {genuine[cross]:.4f}")
    for rate in _FMRS:
        # The least cosine that at most this part of the impostor pairs reaches.
        allowed = int(rate * len(impostor))
        least = float(np.nextafter(impostor[-1 - allowed], 2.0))
        print(f"FMR {100 * rate:g} %: cosine {least:.4f}, TAR {100 * np.mean(genuine >= least):.2f} %")
    for part in (0.001, 0.01, 0.03, 0.05, 0.5):
        print(f"genuine {100 * part:g} % quantile: {np.quantile(genuine, part):.4f}")
    for part in (0.5, 0.99, 0.999, 0.9997, 0.9999):
        print(f"impostor {100 * part:g} % quantile: {np.quantile(impostor, part):.4f}")
    print(f"genuine least {genuine[0]:.4f}, impostor greatest {impostor[-1]:.4f}")
    np.fill_diagonal(scores, -np.inf)
    print(f"rank-1 {np.mean(people[scores.argmax(axis=1)] == people):.4f}")


if __name__ == "__main__":
    main()
