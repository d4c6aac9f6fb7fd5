"""Measures how well the embedded default tells people apart, and calibrates its similarity.

    python benchmarks/verification.py DIR [--models MODELS_DIR] [--precision int8|fp32] [--only PATTERN]
        [--enlarge N --border N] [--renderings N --seed N]

DIR has one folder a person, with pictures of that person; the largest face of each counts. `--enlarge 3 --border 100`
is for cut-out faces such as the ORL set (`--only '*.pgm'` there: one of its folders holds a stranger's picture in
another format). `--renderings 4` compares not the pictures but four renderings of each as an event photo would show
it: face 40 to 300 pixels wide, turned, lighter or darker, compressed. Rates are those of ISO/IEC 19795-1; the rule of
the calibration is `facepass.domain.verification.calibrate`.
"""

import argparse
import io
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from facepass.adapters.onnx.detection.retinaface import RetinaFace
from facepass.adapters.onnx.embedded.prepare import prepare_models
from facepass.adapters.onnx.recognition.alignment import align
from facepass.adapters.onnx.recognition.recogniser import Recogniser
from facepass.adapters.onnx.registry.registry import Registry
from facepass.domain.verification import Comparisons, calibrate, rank_1

_SUFFIXES = {".jpg", ".jpeg", ".png", ".pgm", ".webp", ".bmp"}
_FMRS = (0.01, 0.001, 0.0001)
_GREY = (127, 127, 127)
_FACE_PX = (40.0, 300.0)
_TURN_DEGREES = 15.0
_BRIGHTNESS = (0.6, 1.4)
_JPEG_QUALITY = (70, 95)
_LEAST_SIDE = 640


def main() -> None:
    """Print the figures."""
    arguments = _arguments()
    models = prepare_models(arguments.models, source=None, progress=lambda line: print(line, file=sys.stderr))
    registry = Registry(arguments.models)
    manifest = registry.recogniser(f"dlib-resnet29-{arguments.precision}")
    recogniser = Recogniser(manifest, registry.require(manifest))
    detector = RetinaFace(models.detector)
    random = np.random.default_rng(arguments.seed)
    vectors, people, missed = [], [], 0
    for person, picture in _pictures(arguments):
        pictures = [picture]
        if arguments.renderings:
            faces = detector.detect(np.asarray(picture))
            pictures = [_rendering(picture, faces[0].box.width, random) for _ in range(arguments.renderings) if faces]
        for each in pictures:
            pixels = np.asarray(each)
            faces = detector.detect(pixels)
            missed += not faces
            if faces:
                chip = align(pixels, faces[0].landmarks, manifest.template)
                vectors.append(recogniser.embed(chip[None])[0])
                people.append(person)
    print(f"{len(people)} faces of {len(set(people))} people, {missed} pictures without a face, {arguments.precision}")
    _report(np.stack(vectors), people)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--models", type=Path, default=Path(".facepass/models"))
    parser.add_argument("--precision", choices=("int8", "fp32"), default="int8")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="names of the pictures that count")
    parser.add_argument("--enlarge", type=int, default=1, help="times, bicubic")
    parser.add_argument("--border", type=int, default=0, help="grey pixels on each side, after enlarging")
    parser.add_argument("--renderings", type=int, default=0, help="of each picture, in its place")
    parser.add_argument("--seed", type=int, default=1, help="of the renderings")
    return parser.parse_args()


def _pictures(arguments: argparse.Namespace) -> Iterator[tuple[str, Image.Image]]:
    for folder in sorted(path for path in arguments.directory.iterdir() if path.is_dir()):
        for path in sorted(folder.glob(arguments.only)):
            if path.suffix.lower() not in _SUFFIXES:
                continue
            picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
            if arguments.enlarge != 1:
                size = (picture.width * arguments.enlarge, picture.height * arguments.enlarge)
                picture = picture.resize(size, Image.Resampling.BICUBIC)
            yield folder.name, ImageOps.expand(picture, arguments.border, _GREY)


def _rendering(picture: Image.Image, face_px: float, random: np.random.Generator) -> Image.Image:
    """The picture as a part of an event photo; face sizes even on a logarithmic scale."""
    width = math.exp(random.uniform(*map(math.log, _FACE_PX)))
    turned = picture.rotate(random.uniform(-_TURN_DEGREES, _TURN_DEGREES), Image.Resampling.BICUBIC, fillcolor=_GREY)
    factor = width / face_px
    small = turned.resize((round(picture.width * factor), round(picture.height * factor)), Image.Resampling.LANCZOS)
    lit = ImageEnhance.Brightness(small).enhance(random.uniform(*_BRIGHTNESS))
    canvas = Image.new("RGB", (max(lit.width, _LEAST_SIDE), max(lit.height, _LEAST_SIDE)), _GREY)
    canvas.paste(lit, ((canvas.width - lit.width) // 2, (canvas.height - lit.height) // 2))
    encoded = io.BytesIO()
    canvas.save(encoded, "JPEG", quality=int(random.integers(_JPEG_QUALITY[0], _JPEG_QUALITY[1], endpoint=True)))
    return Image.open(encoded).convert("RGB")


def _report(vectors: np.ndarray, people: list[str]) -> None:
    compared = Comparisons.between(vectors, people)
    rates, genuine, impostor = compared.rates(), compared.genuine, compared.impostor
    print(f"{len(genuine)} genuine pairs, {len(impostor)} impostor pairs")
    equal = rates.equal()
    print(f"EER {100 * equal.rate:.2f} % at cosine {equal.cosine:.4f}")
    for rate in _FMRS:
        print(f"FMR {100 * rate:g} %: cosine {rates.cosine_at_fmr(rate):.4f}, TAR {100 * rates.tar_at_fmr(rate):.2f} %")
    print(f"genuine least {genuine[0]:.4f}, impostor greatest {impostor[-1]:.4f}")
    print(f"rank-1 {rank_1(vectors, people).mean():.4f}")
    calibration = calibrate(compared)
    point = calibration.operating_point
    print(
        f"calibration: similarity 0.5 at cosine {point:.3f}, slope {calibration.slope:g}; "
        f"there FMR {100 * float(rates.fmr(point)):.4f} %, FNMR {100 * float(rates.fnmr(point)):.2f} %"
    )


if __name__ == "__main__":
    main()
