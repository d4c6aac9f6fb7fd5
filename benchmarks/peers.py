"""FacePass against the `face_recognition` package: photos a second and equal error rate, on the same photographs.

    python benchmarks/peers.py --photos ../shared/data/lfw10
    python benchmarks/peers.py                                  # ten ORL people on busy backgrounds

Both go from the file to a vector for every face, one photo after another on one thread: decode, find, align, embed.
What counts is processor time, which on one thread is the time it takes on a machine with nothing else to do. The peer
runs at its defaults (HOG detector, one upsampling, one jitter) in an environment of its own, which is made in a
temporary folder or, to keep it, in `--environment DIR`; its packages come from the index that pip is set up with.
Turns alternate in blocks of photos. The error rate is over all pairs of photos in which both found a face; the largest
counts. Ends with 1 where FacePass is not five times as fast, or where its error rate is higher by more than the choice
of people explains.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scenery

from facepass.adapters.memory.vision import InlineWorkers
from facepass.adapters.onnx.recognition.alignment import align
from facepass.adapters.onnx.recognition.recogniser import Recogniser
from facepass.adapters.system.heap import keep_heap
from facepass.domain.face import BoundingBox
from facepass.entrypoints.container import build_container
from facepass.entrypoints.environment import load_settings
from facepass.entrypoints.throughput import finished

TIMES_FASTER = 5.0
BLOCKS = 5
RESAMPLES = 1000
PEER = "face_recognition==1.3.0"
PEER_NEEDS = ("dlib-bin", "face_recognition_models==0.3.0", "numpy<2.5", "pillow", "click", "setuptools<81")
"""The peer asks for `dlib`, which needs a compiler; `dlib-bin` is the same library, built. Its models import
`pkg_resources`, which later versions of setuptools lack."""
ORL_PEOPLE, ORL_PICTURES = 10, 10
ORL_PHOTO = (250, 250)
"""The size of LFW's photographs."""

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one side made of one photo.

    Attributes:
        processor_s, elapsed_s: from the file to vectors.
        vector: of the largest face; None where none was found.
    """

    processor_s: float
    elapsed_s: float
    vector: Vector | None


def install(folder: Path) -> Path:
    """The peer's interpreter, in an environment made where there is none yet."""
    interpreter = folder / "bin" / "python"
    if not interpreter.exists():
        venv.create(folder, with_pip=True)
        pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *PEER_NEEDS], check=True)  # noqa: S603 - our own arguments
        subprocess.run([*pip, "--no-deps", PEER], check=True)  # noqa: S603 - as above
    return interpreter


def peer(interpreter: Path, photos: list[Path]) -> list[Seen]:
    """The peer's turn."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["OMP_NUM_THREADS"] = environment["OPENBLAS_NUM_THREADS"] = "1"
    program = Path(__file__).with_name("peer_face_recognition.py")
    run = subprocess.run(  # noqa: S603 - our own arguments
        [str(interpreter), "-W", "ignore", str(program), *map(str, photos)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        sys.exit(f"the peer failed:\n{run.stderr[-2000:]}")
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    return [
        Seen(one["processor_s"], one["elapsed_s"], None if one["vector"] is None else np.array(one["vector"]))
        for one in answers
    ]


def facepass(models_dir: Path) -> Callable[[Path], Seen]:
    """Our turn, one photo a call: the configured adapters without HTTP or database."""
    keep_heap()
    settings = load_settings({**os.environ, "FACEPASS_MODELS_DIR": str(models_dir.absolute())})
    container = build_container(settings)
    container.workers.override(InlineWorkers())
    decoder, detector, limits = container.decoder(), container.detector(), container.source_limits()
    registry = container.registry()
    manifest = registry.recogniser(settings.recognition.recognizer_type)
    recogniser = Recogniser(manifest, registry.require(manifest))

    async def look(path: Path) -> tuple[list[BoundingBox], Vector]:
        image = await decoder.decode(path.read_bytes(), limits)  # noqa: ASYNC240 - nothing else runs here
        faces = await detector.detect(image)
        if not faces:
            return [], np.zeros((0, 0))
        chips = np.stack([align(image.pixels, face.landmarks, manifest.template) for face in faces])
        return [face.box for face in faces], recogniser.embed(chips).astype(np.float64)

    def see(path: Path) -> Seen:
        begun = time.process_time(), time.perf_counter()
        boxes, vectors = finished(look(path))
        spent = time.process_time() - begun[0], time.perf_counter() - begun[1]
        areas = [box.area for box in boxes]
        return Seen(*spent, vectors[areas.index(max(areas))] if areas else None)

    return see


@dataclass(frozen=True, slots=True)
class Errors:
    """Equal error rates over the same pairs, 0 to 1.

    Attributes:
        ours, theirs: rates.
        lowest, highest: 95 % interval of the difference, ours less theirs, by a bootstrap over people.
        photos: in which both found a face.
    """

    ours: float
    theirs: float
    lowest: float
    highest: float
    photos: int


def equal_error_rate(distances: Vector, same: npt.NDArray[np.bool_], weights: Vector) -> float:
    """Where as large a part of strangers' pairs is accepted as of people's own is refused; 0 to 1."""
    order = np.argsort(distances, kind="stable")
    own, strangers = (np.cumsum(np.where(chosen, weights, 0.0)[order]) for chosen in (same, ~same))
    accepted, refused = strangers / strangers[-1], 1.0 - own / own[-1]
    at = int(np.argmax(accepted >= refused))
    return float((accepted[at] + refused[at]) / 2)


def compare(people: list[str], ours: list[Seen], theirs: list[Seen]) -> Errors:
    """Both error rates, over all pairs of photos in which both found a face."""
    both = [n for n in range(len(people)) if ours[n].vector is not None and theirs[n].vector is not None]
    one, other = np.triu_indices(len(both), k=1)
    names, who = np.unique([people[n] for n in both], return_inverse=True)
    same = who[one] == who[other]

    def distances(side: list[Seen]) -> Vector:
        vectors = np.stack([vector for n in both if (vector := side[n].vector) is not None])
        return np.linalg.norm(vectors[one] - vectors[other], axis=1)

    sides = distances(ours), distances(theirs)
    random = np.random.default_rng(0)
    differences = []
    for _ in range(RESAMPLES):
        drawn = np.bincount(random.integers(len(names), size=len(names)), minlength=len(names)).astype(float)
        weights = np.where(same, drawn[who[one]], drawn[who[one]] * drawn[who[other]])
        mine, other_rate = (equal_error_rate(side, same, weights) for side in sides)
        differences.append(mine - other_rate)
    mine, other_rate = (equal_error_rate(side, same, np.ones(len(one))) for side in sides)
    lowest, highest = np.quantile(differences, (0.025, 0.975))
    return Errors(mine, other_rate, float(lowest), float(highest), len(both))


def orl_photos(folder: Path) -> list[Path]:
    """A hundred photographs of ten people, one folder each."""
    paths = []
    for person in range(1, ORL_PEOPLE + 1):
        (folder / f"s{person}").mkdir()
        for picture in range(1, ORL_PICTURES + 1):
            path = folder / f"s{person}" / f"{picture}.jpg"
            path.write_bytes(scenery.portrait(person, picture, ORL_PHOTO))
            paths.append(path)
    return paths


def main() -> None:
    """Take turns and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="a folder a person; else ORL faces on busy backgrounds")
    parser.add_argument("--environment", type=Path, help="folder of the peer's environment, kept")
    parser.add_argument("--models-dir", type=Path, default=Path(".facepass/models"))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="facepass-peers-") as folder:
        photos = sorted(chosen.photos.glob("*/*.jpg")) if chosen.photos else orl_photos(Path(folder))
        if not photos:
            parser.error("--photos has no */*.jpg")
        interpreter = install((chosen.environment or Path(folder) / "environment").absolute())
        see = facepass(chosen.models_dir)
        see(photos[0])
        ours, theirs, ratios = [], [], []
        for number in range(BLOCKS):
            block = photos[number::BLOCKS]
            mine, others = [see(path) for path in block], peer(interpreter, block)
            ratios.append(sum(one.processor_s for one in others) / sum(one.processor_s for one in mine))
            ours += mine
            theirs += others
    people = [path.parent.name for number in range(BLOCKS) for path in photos[number::BLOCKS]]
    errors = compare(people, ours, theirs)
    for name, side, rate in (("FacePass", ours, errors.ours), ("face_recognition", theirs, errors.theirs)):
        per_second = len(side) / sum(one.processor_s for one in side)
        elapsed = len(side) / sum(one.elapsed_s for one in side)
        missed = sum(one.vector is None for one in side)
        print(
            f"{name:17} {per_second:7.2f} photos a processor second ({elapsed:.2f} a second here), "
            f"EER {100 * rate:.2f} % over {errors.photos} photos, {missed} without a face"
        )
    ratio = statistics.median(ratios)
    met = ratio >= TIMES_FASTER and errors.lowest <= 0.0
    blocks = ", ".join(f"{one:.1f}" for one in ratios)
    print(f"{len(photos)} photos, one thread; {ratio:.1f} times as fast (blocks: {blocks}), target {TIMES_FASTER:.0f}")
    print(
        f"EER, ours less theirs: {100 * (errors.ours - errors.theirs):+.2f} points, "
        f"95 % interval {100 * errors.lowest:+.2f} to {100 * errors.highest:+.2f}"
    )
    print("met" if met else "MISSED")
    if not met:
        sys.exit(1)


if __name__ == "__main__":
    main()
