"""One pass over labelled pictures: every detector looks at each, every recogniser embeds what each of them found."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from facepass.adapters.onnx.evaluation.pipeline import RgbArray, TimedDetector, TimedRecogniser, Vector
from facepass.adapters.onnx.evaluation.renderings import Renderer
from facepass.domain.face import Detection, Image


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture of somebody.

    Attributes:
        name: what a report calls it.
        person: whose largest face it is.
        image: decoded.
    """

    name: str
    person: str
    image: Image


@dataclass(slots=True)
class DetectorRun:
    """What a detector saw.

    Attributes:
        name: of the detector.
        people: of each picture, renderings counted one by one.
        found: whether it saw a face, likewise.
        took_ms: likewise.
        missed: names of pictures without a face.
    """

    name: str
    people: list[str] = field(default_factory=list)
    found: list[bool] = field(default_factory=list)
    took_ms: list[float] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


@dataclass(slots=True)
class RecogniserRun:
    """What a recogniser made of the faces that a detector found.

    Attributes:
        detector, recogniser: names.
        people: of each face.
        vectors: of each face, `(dimension,)` float32.
        took_ms: likewise.
    """

    detector: str
    recogniser: str
    people: list[str] = field(default_factory=list)
    vectors: list[Vector] = field(default_factory=list)
    took_ms: list[float] = field(default_factory=list)

    def templates(self) -> npt.NDArray[np.float32]:
        """`(faces, dimension)` float32."""
        return np.stack(self.vectors)


@dataclass(frozen=True, slots=True)
class Runs:
    """All of them, in the order in which the models were named, recognisers changing fastest."""

    detectors: tuple[DetectorRun, ...]
    pairs: tuple[RecogniserRun, ...]


def run_over(
    pictures: Iterable[Picture],
    detectors: Sequence[TimedDetector],
    recognisers: Sequence[TimedRecogniser],
    *,
    renderings: int,
    seed: int,
    progress: Callable[[], None],
) -> Runs:
    """Look at every picture once.

    Args:
        pictures: read one at a time.
        detectors: all see the same pictures.
        recognisers: likewise.
        renderings: of each picture, in its place; 0 for the picture itself. A picture in which no detector finds a
            face cannot be rendered, and stands for itself.
        seed: of the renderings.
        progress: called after each picture.
    """
    renderer = Renderer(seed)
    seen = tuple(DetectorRun(detector.name) for detector in detectors)
    pairs = tuple(RecogniserRun(one.name, other.name) for one in detectors for other in recognisers)
    for picture in pictures:
        for shown, longest_px in _shown(picture.image, detectors, renderer, renderings):
            for at, detector in enumerate(detectors):
                found = detector.largest(shown, longest_px=longest_px)
                seen[at].people.append(picture.person)
                seen[at].found.append(found.face is not None)
                seen[at].took_ms.append(found.took_ms)
                if found.face is None:
                    seen[at].missed.append(picture.name)
                else:
                    of_detector = pairs[at * len(recognisers) : (at + 1) * len(recognisers)]
                    _embed(picture.person, shown, found.face, recognisers, of_detector)
        progress()
    return Runs(seen, pairs)


def _shown(
    image: Image, detectors: Sequence[TimedDetector], renderer: Renderer, renderings: int
) -> Iterator[tuple[RgbArray, int]]:
    """Pixels, and the long side of the photo that they were decoded from."""
    longest_px = max(image.size.width, image.size.height)
    if renderings:
        # The first detector that sees the face says how wide it is, so that all get the same renderings.
        for detector in detectors:
            face = detector.largest(image.pixels, longest_px=longest_px).face
            if face is not None:
                for rendering in renderer.render(image.pixels, face.box.width, count=renderings):
                    yield rendering, max(rendering.shape)
                return
    yield image.pixels, longest_px


def _embed(
    person: str,
    pixels: RgbArray,
    face: Detection,
    recognisers: Sequence[TimedRecogniser],
    runs: Sequence[RecogniserRun],
) -> None:
    for recogniser, run in zip(recognisers, runs, strict=True):
        embedded = recogniser.embed(pixels, face)
        if embedded is not None:
            run.people.append(person)
            run.vectors.append(embedded.vector)
            run.took_ms.append(embedded.took_ms)
