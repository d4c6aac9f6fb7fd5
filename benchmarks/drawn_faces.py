"""Pictures to measure detectors with, and the truth about them: drawn from a seed, with real faces (ORL).

Group photos of 24 megapixels with 30 to 60 faces, close-ups in which one face fills or exceeds the frame, and selfies
saved turned by a quarter or a half without saying so.
"""

import io
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

from facepass.domain.face import BoundingBox
from facepass.entrypoints.demo.backdrop import backdrop, grain
from facepass.entrypoints.demo.figure import draw_body, neck_y, paste_head
from facepass.entrypoints.demo.people import FACE_WIDTH, FRAME_HEIGHT, FRAME_WIDTH, PEOPLE, PICTURES, People
from facepass.entrypoints.demo.scene import PlacedFace

SIZE = (6000, 4000)
FACES = (30, 60)
FACE_PX = (16.0, 200.0)
CLOSE_UP_SIZES = ((3000, 4000), (1080, 1920), (960, 1280), (480, 640))
FILLS = (0.6, 1.3)
"""Width of a close-up's face, as a part of the photo's width."""
SELFIE_SIZE = (960, 1280)
SELFIE_FACE_PX = (300.0, 480.0)
TURNS = (
    (Image.Transpose.ROTATE_90, (1, 0)),
    (Image.Transpose.ROTATE_270, (-1, 0)),
    (Image.Transpose.ROTATE_180, (0, -1)),
)
"""How selfies are turned, and where chins are then."""


@dataclass(frozen=True, slots=True)
class Truth:
    """A picture, the boxes of its faces in its pixels, and the direction from their eyes to their mouths."""

    data: bytes
    faces: tuple[BoundingBox, ...]
    down: tuple[int, int] = (0, 1)


def group_photos(people: People, count: int, seed: int) -> Iterator[Truth]:
    """One after the other, the next being drawn meanwhile: all at once would fill the memory."""
    with ThreadPoolExecutor(1) as workers:
        draw = partial(group_photo, people, seed=seed)
        coming = workers.submit(draw, 0)
        for number in range(1, count + 1):
            photo = coming.result()
            if number < count:
                coming = workers.submit(draw, number)
            yield photo


def group_photo(people: People, number: int, *, seed: int) -> Truth:
    """Sizes even on a logarithmic scale; heads keep apart, heads and bodies are drawn as in the demo."""
    rng = np.random.default_rng((seed, 1, number))
    faces: list[PlacedFace] = []
    for _ in range(int(rng.integers(*FACES, endpoint=True))):
        px = math.exp(rng.uniform(math.log(FACE_PX[0]), math.log(FACE_PX[1])))
        x, y = _room(rng, px, faces)
        faces.append(_face(rng, px, x, y, angle=15.0))
    scene = backdrop(rng, *SIZE)
    for face in sorted(faces, key=neck_y):
        draw_body(scene, face)
        paste_head(scene, face, people.face(face.person, face.picture))
    scene = grain(rng, scene, float(rng.uniform(1.0, 5.0)))
    return Truth(_jpeg(scene, int(rng.integers(75, 95, endpoint=True))), tuple(face.box for face in faces))


def _room(rng: np.random.Generator, px: float, others: list[PlacedFace]) -> tuple[float, float]:
    """Where a head of this face size fits without touching another; there is always room in so large a photo."""
    while True:
        across, down = 0.6 * px / FACE_WIDTH, 0.6 * px / FACE_WIDTH * FRAME_HEIGHT / FRAME_WIDTH
        x, y = rng.uniform(across, SIZE[0] - across), rng.uniform(down, SIZE[1] - down)
        if all(
            abs(x - other.x) > across + 0.6 * FRAME_WIDTH * other.scale
            or abs(y - other.y) > down + 0.6 * FRAME_HEIGHT * other.scale
            for other in others
        ):
            return x, y


def _face(rng: np.random.Generator, px: float, x: float, y: float, *, angle: float) -> PlacedFace:
    return PlacedFace(
        person=int(rng.integers(1, PEOPLE, endpoint=True)),
        picture=int(rng.integers(1, PICTURES, endpoint=True)),
        x=x,
        y=y,
        scale=px / (FACE_WIDTH * FRAME_WIDTH),
        angle=float(rng.uniform(-angle, angle)),
        gain=float(rng.uniform(0.7, 1.3)),
        contrast=float(rng.uniform(0.8, 1.2)),
        tint=float(rng.random()),
        clothing=int(rng.integers(2**32)),
    )


def close_up(people: People, number: int, seed: int) -> Truth:
    """One face from the middle of the frame to beyond it."""
    rng = np.random.default_rng((seed, 2, number))
    width, height = CLOSE_UP_SIZES[number % len(CLOSE_UP_SIZES)]
    px = float(rng.uniform(*FILLS)) * width
    x, y = (side * float(rng.uniform(0.42, 0.55)) for side in (width, height))
    face = _face(rng, px, x, y, angle=10.0)
    scene = backdrop(rng, width, height)
    paste_head(scene, face, people.face(face.person, face.picture))
    return Truth(_jpeg(grain(rng, scene, 3.0), 88), (face.box,))


def turned_selfie(people: People, number: int, seed: int) -> Truth:
    """A selfie at arm's length, turned by a quarter or a half."""
    rng = np.random.default_rng((seed, 3, number))
    width, height = SELFIE_SIZE
    face = _face(rng, float(rng.uniform(*SELFIE_FACE_PX)), width / 2, 0.45 * height, angle=8.0)
    scene = backdrop(rng, width, height)
    draw_body(scene, face)
    paste_head(scene, face, people.face(face.person, face.picture))
    turn, down = TURNS[number % len(TURNS)]
    box = face.box
    middle = _turned(box.x + box.width / 2, box.y + box.height / 2, down)
    across, along = (box.width, box.height) if down[0] == 0 else (box.height, box.width)
    at = BoundingBox(middle[0] - across / 2, middle[1] - along / 2, across, along)
    return Truth(_jpeg(grain(rng, scene, 3.0).transpose(turn), 90), (at,), down)


def _turned(x: float, y: float, down: tuple[int, int]) -> tuple[float, float]:
    """A point of the upright selfie in the one whose faces point `down`."""
    width, height = SELFIE_SIZE
    return {(1, 0): (y, width - x), (-1, 0): (height - y, x), (0, -1): (width - x, height - y)}[down]


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()
