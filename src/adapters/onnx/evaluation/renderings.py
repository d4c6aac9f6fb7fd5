"""A labelled picture as event photos would show it: of many sizes, turned, lighter or darker, compressed.

Labelled sets are portraits; a calibration on them alone would be fitted to faces that are larger and better lit than
those of a session.
"""

import io
import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageEnhance

RgbArray = npt.NDArray[np.uint8]

FACE_PX = (40.0, 300.0)
TURN_DEGREES = 15.0
BRIGHTNESS = (0.6, 1.4)
JPEG_QUALITY = (70, 95)
LEAST_SIDE_PX = 640
"""Sides of a rendering; smaller ones are put on a grey ground of this size, as a face is in a photo."""

GREY = (127, 127, 127)


class Renderer:
    """Makes renderings, one picture after another: the same pictures in the same order give the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def render(self, pixels: RgbArray, face_px: float, *, count: int) -> Iterator[RgbArray]:
        """So many renderings, `(height, width, 3)` uint8 RGB.

        Args:
            pixels: the picture, likewise.
            face_px: width of its face, in pixels.
            count: how many.
        """
        picture = PillowImage.fromarray(pixels)
        for _ in range(count):
            yield self._one(picture, face_px)

    def _one(self, picture: PillowImage.Image, face_px: float) -> RgbArray:
        random = self._random
        # Even on a logarithmic scale: a photo has more small faces than large ones.
        factor = math.exp(random.uniform(math.log(FACE_PX[0]), math.log(FACE_PX[1]))) / face_px
        turned = picture.rotate(
            random.uniform(-TURN_DEGREES, TURN_DEGREES), PillowImage.Resampling.BICUBIC, fillcolor=GREY
        )
        size = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
        lit = ImageEnhance.Brightness(turned.resize(size, PillowImage.Resampling.LANCZOS)).enhance(
            random.uniform(*BRIGHTNESS)
        )
        canvas = PillowImage.new("RGB", (max(lit.width, LEAST_SIDE_PX), max(lit.height, LEAST_SIDE_PX)), GREY)
        canvas.paste(lit, ((canvas.width - lit.width) // 2, (canvas.height - lit.height) // 2))
        encoded = io.BytesIO()
        canvas.save(encoded, "JPEG", quality=int(random.integers(*JPEG_QUALITY, endpoint=True)))
        with PillowImage.open(encoded) as decoded:
            return np.asarray(decoded.convert("RGB"))
