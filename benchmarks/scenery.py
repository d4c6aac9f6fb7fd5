"""Photographs for the benchmarks: real faces (ORL) on busy backgrounds, in any size, number of faces and format.

The same seed gives the same picture. Faces stand in cells of a grid, so that none covers another.
"""

import io
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image, ImageFilter

from facepass.entrypoints.demo.backdrop import backdrop, grain
from facepass.entrypoints.demo.people import FRAME_HEIGHT, FRAME_WIDTH, PEOPLE, PICTURES, People

FULL_HD = (1920, 1080)
FACE_SHARE = (0.45, 0.75)
"""Height of a head, as a part of its cell."""
MOST_HEAD_PX = 700.0
JPEG_QUALITY = 88
SENSOR_NOISE = 3.0
DRAWN_SIDE_PX = 2048
"""Longer side up to which backgrounds are drawn; larger ones are enlarged from it, which takes a tenth of the time."""


def photo(seed: int, size: tuple[int, int], *, faces: int, file_format: str = "JPEG") -> bytes:
    """An encoded photograph.

    Args:
        seed: of everything in it.
        size: width and height in pixels.
        faces: of different people, at most 40.
        file_format: as Pillow names it: `JPEG`, `PNG`, `WEBP`.
    """
    random = np.random.default_rng(seed)
    width, height = size
    part = min(1.0, DRAWN_SIDE_PX / max(size))
    scene = backdrop(random, max(64, round(width * part)), max(64, round(height * part))).resize(size)
    columns = max(1, math.ceil(math.sqrt(faces * width / height)))
    rows = max(1, math.ceil(faces / columns))
    cell = (width / columns, height / rows)
    people = People.installed()
    for number, person in enumerate(random.permutation(PEOPLE)[:faces]):
        head = min(float(random.uniform(*FACE_SHARE)) * min(cell), MOST_HEAD_PX)
        frame = _frame(people.face(int(person) + 1, int(random.integers(1, PICTURES + 1))), head)
        middle = (number % columns + 0.5) * cell[0], (number // columns + 0.5) * cell[1]
        scene.paste(
            frame,
            (round(middle[0] - frame.width / 2), round(middle[1] - frame.height / 2)),
            _soft_edge(frame.size),
        )
    encoded = io.BytesIO()
    options = {"quality": JPEG_QUALITY} if file_format != "PNG" else {"compress_level": 1}
    grain(random, scene, SENSOR_NOISE).save(encoded, file_format, **options)
    return encoded.getvalue()


def one_face_photos(count: int) -> list[bytes]:
    """So many JPEG files of 1920 by 1080 pixels, each with one face of its own size."""
    with ThreadPoolExecutor(2) as workers:
        return list(workers.map(lambda seed: photo(seed, FULL_HD, faces=1), range(count)))


def portrait(person: int, picture: int, size: tuple[int, int]) -> bytes:
    """A JPEG file with one picture of a person (1 to 40, 1 to 10) in the middle, half of its height."""
    random = np.random.default_rng((person, picture))
    scene = backdrop(random, *size)
    frame = _frame(People.installed().face(person, picture), size[1] / 2)
    scene.paste(frame, ((size[0] - frame.width) // 2, (size[1] - frame.height) // 2), _soft_edge(frame.size))
    encoded = io.BytesIO()
    grain(random, scene, SENSOR_NOISE).save(encoded, "JPEG", quality=JPEG_QUALITY)
    return encoded.getvalue()


def _frame(face: np.ndarray, height: float) -> Image.Image:
    size = max(8, round(height * FRAME_WIDTH / FRAME_HEIGHT)), max(8, round(height))
    return Image.fromarray(face).convert("RGB").resize(size, Image.Resampling.BICUBIC)


def _soft_edge(size: tuple[int, int]) -> Image.Image:
    """An oval that lets the head through and fades into the scene."""
    y, x = np.mgrid[-1.0:1.0:56j, -1.0:1.0:46j]
    oval = np.clip((1.15 - np.hypot(x, y)) * 4.0, 0.0, 1.0)
    mask = Image.fromarray((255 * oval).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1))
    return mask.resize(size, Image.Resampling.BILINEAR)
