"""Measures how many faces each detector finds, by size and detection profile, and what it takes for faces but is none.

    python benchmarks/group_photos.py [--models MODELS_DIR] [--detectors a,b] [--photos N] [--close-ups N] [--seed N]
        [--json]

Pictures come from `drawn_faces`: group photos of 24 megapixels with faces of 16 to 200 pixels, the sizes even on a
logarithmic scale; close-ups; and turned selfies. All go through the service's own decoder. A face is found when a box
overlaps its true one by `LEAST_IOU`; a turned selfie also has to have its landmarks in the order of the upright face.
What is found and is no placed face is false. Ends with 1 when a target is missed.
"""

import argparse
import math
import sys
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import get_args

import msgspec
import numpy as np
from drawn_faces import SIZE, Truth, close_up, group_photos, turned_selfie

from facepass.adapters.imaging.decode import decode_image
from facepass.adapters.onnx.detection.detector import Detector
from facepass.adapters.onnx.registry.registry import Registry
from facepass.application.detection_profile import PROFILES, ProfileName
from facepass.application.ports import ImageLimits
from facepass.domain.face import Detection
from facepass.entrypoints.demo.measure import LEAST_IOU
from facepass.entrypoints.demo.people import People

ROUNDING_PX = 1e-6
"""Sizes come back from the scales that faces are drawn at with an error of this order."""
MOST_TILT_DEGREES = 45.0
BUCKETS = (16.0, 24.0, 32.0, 40.0, 60.0, 100.0, math.inf)
LIMITS = ImageLimits(max_bytes=64 << 20, max_side=None, max_pixels=50_000_000)


@dataclass(frozen=True, slots=True)
class Target:
    """At least this part of the faces of so many pixels and more, with a profile, by every detector."""

    profile: ProfileName
    least_px: float
    recall: float


TARGETS = (Target("thorough", 24.0, 0.90), Target("balanced", 40.0, 0.97))


@dataclass(slots=True)
class Counts:
    """What a detector did with a profile on the group photos."""

    detector: str
    profile: ProfileName
    placed: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) - 1))
    found: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) - 1))
    false: int = 0
    decode_ms: float = 0.0
    detect_ms: float = 0.0
    photos: int = 0

    def recall_from(self, least_px: float) -> float:
        """Of all faces of so many pixels and more; `least_px` begins a bucket."""
        first = BUCKETS.index(least_px)
        return sum(self.found[first:]) / max(1, sum(self.placed[first:]))

    @property
    def precision(self) -> float:
        """Part of what was found that is a face."""
        return sum(self.found) / max(1, sum(self.found) + self.false)


@dataclass(frozen=True, slots=True)
class Share:
    """Pictures of a set in which the one face was found."""

    name: str
    detector: str
    profile: ProfileName
    pictures: int
    found: int
    false: int


def main() -> None:
    """Print the tables."""
    arguments = _arguments()
    people = People.installed()
    registry = Registry(arguments.models)
    detectors = {
        (name, profile): Detector.load(manifest, registry.require(manifest), profile=profile)
        for name in arguments.detectors.split(",")
        for profile in get_args(ProfileName)
        for manifest in [registry.detector(name)]
    }
    counts = {key: Counts(*key) for key in detectors}
    for number, photo in enumerate(group_photos(people, arguments.photos, arguments.seed), start=1):
        print(f"group photo {number} of {arguments.photos}", file=sys.stderr)
        for key, detector in detectors.items():
            _count(counts[key], detector, photo)
    close_ups = [close_up(people, number, arguments.seed) for number in range(arguments.close_ups)]
    turned = [turned_selfie(people, number, arguments.seed) for number in range(arguments.close_ups)]
    shares = [
        _share(name, key, detector, pictures)
        for name, pictures in (("close-ups", close_ups), ("turned selfies", turned))
        for key, detector in detectors.items()
    ]
    met = [(one, target, one.recall_from(target.least_px)) for one in counts.values() for target in TARGETS]
    met = [(one, target, recall) for one, target, recall in met if one.profile == target.profile]
    if arguments.json:
        document = {
            "buckets_px": BUCKETS[:-1],
            "groups": list(counts.values()),
            "sets": shares,
            "targets": [
                {"detector": one.detector, "target": target, "recall": recall, "met": recall >= target.recall}
                for one, target, recall in met
            ],
        }
        sys.stdout.buffer.write(msgspec.json.encode(document) + b"\n")
    else:
        _print(list(counts.values()), shares)
        for one, target, recall in met:
            word = "met" if recall >= target.recall else "MISSED"
            print(
                f"{one.detector}, {target.profile}, {target.least_px:g} px and more: {100 * recall:.1f} % "
                f"(at least {100 * target.recall:g} %): {word}"
            )
    sys.exit(any(recall < target.recall for _, target, recall in met))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path(".facepass/models"))
    parser.add_argument("--detectors", default="retinaface-mnet025,yunet-2023mar", metavar="NAMES")
    parser.add_argument("--photos", type=int, default=12, help="group photos")
    parser.add_argument("--close-ups", type=int, default=42, help="close-ups, and turned selfies, of each so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _detect(
    detector: Detector, profile: ProfileName, data: bytes, *, any_rotation: bool
) -> tuple[tuple[Detection, ...], float, float]:
    """Faces in the pixels of the upright photo, milliseconds of decoding and of detection."""
    started = time.perf_counter()
    image = decode_image(data, LIMITS, profile=PROFILES[profile])
    decoded = time.perf_counter()
    longest_px = max(image.size.width, image.size.height)
    faces = detector.detect(image.pixels, longest_px=longest_px, any_rotation=any_rotation)
    ended = time.perf_counter()
    return tuple(face.scaled(image.scale) for face in faces), 1e3 * (decoded - started), 1e3 * (ended - decoded)


def _count(counts: Counts, detector: Detector, photo: Truth) -> None:
    faces, decode_ms, detect_ms = _detect(detector, counts.profile, photo.data, any_rotation=False)
    boxes = [face.box for face in faces]
    for truth in photo.faces:
        bucket = max(at for at, least in enumerate(BUCKETS[:-1]) if truth.shorter_side >= least - ROUNDING_PX)
        counts.placed[bucket] += 1
        counts.found[bucket] += any(box.iou(truth) >= LEAST_IOU for box in boxes)
    counts.false += sum(all(box.iou(truth) < LEAST_IOU for truth in photo.faces) for box in boxes)
    counts.decode_ms += decode_ms
    counts.detect_ms += detect_ms
    counts.photos += 1


def _share(name: str, key: tuple[str, ProfileName], detector: Detector, pictures: list[Truth]) -> Share:
    found = false = 0
    for picture in pictures:
        faces, _, _ = _detect(detector, key[1], picture.data, any_rotation=True)
        right = [face for face in faces if face.box.iou(picture.faces[0]) >= LEAST_IOU and _points(face, picture.down)]
        found += bool(right)
        false += len(faces) - len(right)
    return Share(name, *key, len(pictures), found, false)


def _points(face: Detection, down: tuple[int, int]) -> bool:
    """Whether the mouth is where it should be: alignment would set the face upright."""
    points = face.landmarks.as_array()
    direction = points[3:].mean(axis=0) - points[:2].mean(axis=0)
    return float(direction @ down) > math.cos(math.radians(MOST_TILT_DEGREES)) * float(np.hypot(*direction))


def _print(counts: list[Counts], shares: list[Share]) -> None:
    ends = [f"{low:g}-{high:g}" if math.isfinite(high) else f"{low:g}+" for low, high in pairwise(BUCKETS)]
    print(f"Group photos of {SIZE[0]} by {SIZE[1]}, recall in % by face size in pixels (faces placed):")
    print(f"{'':32}" + "".join(f"{end:>13}" for end in ends) + f"{'false':>7}{'decode ms':>11}{'detect ms':>11}")
    for one in counts:
        cells = "".join(
            f"{100 * found / max(1, placed):7.1f} ({placed:3d})"
            for found, placed in zip(one.found, one.placed, strict=True)
        )
        per_photo = max(1, one.photos)
        times = f"{one.decode_ms / per_photo:11.0f}{one.detect_ms / per_photo:11.0f}"
        print(f"{one.detector:22}{one.profile:10}{cells}{one.false:7}{times}")
    for share in shares:
        print(
            f"{share.name}, {share.detector}, {share.profile}: {share.found} of {share.pictures} found, "
            f"{share.false} false"
        )


if __name__ == "__main__":
    main()
