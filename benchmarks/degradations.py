"""Ways in which a photo of a face can be poor, in steps: what `benchmarks/quality.py` does to good pictures.

Everything is stated in the face's own terms (parts of its width, stops of exposure), so that a step means the same for
every picture.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageFilter

from facepass.domain.face import BoundingBox

RgbArray = npt.NDArray[np.uint8]

SRGB_GAMMA = 2.2
"""The power law that stands for the sRGB curve: exposure is changed in light, not in numbers."""
NOISE_LEVELS = 2.0
"""Deviation of the noise, in levels of 255, that a camera adds to whatever it took in the dark."""
GREY = (127, 127, 127)
LEAST_SIDE = 320
"""Pixels: smaller pictures are put on grey, for a small face is a small part of a photo."""


@dataclass(frozen=True, slots=True)
class Degradation:
    """One way in one strength.

    Attributes:
        kind: what is done.
        strength: how much, in the words of the table.
        apply: from `(height, width, 3)` uint8 RGB and the face's box in it to the poorer picture.
    """

    kind: str
    strength: str
    apply: Callable[[RgbArray, BoundingBox], RgbArray]


def degradations() -> tuple[Degradation, ...]:
    """Every way, each from harmless to hopeless."""
    return (
        Degradation("none", "", lambda pixels, _: pixels),
        *(Degradation("width", f"{side} px", _narrower(side)) for side in (96, 64, 48, 40, 32, 24, 16)),
        *(Degradation("blur", f"{100 * part:g} %", _blurred(part)) for part in (0.01, 0.02, 0.03, 0.05, 0.08)),
        *(Degradation("motion", f"{100 * part:g} %", _moved(part)) for part in (0.05, 0.1, 0.2)),
        *(Degradation("exposure", f"{stops:+d} EV", _exposed(stops)) for stops in (-7, -6, -5, -4, -3, -2, 1, 2, 3, 4)),
        *(Degradation("cut left", f"{100 * part:g} %", _cut_left(part)) for part in (0.1, 0.2, 0.3, 0.4, 0.5)),
        *(Degradation("cut below", f"{100 * part:g} %", _cut_below(part)) for part in (0.1, 0.2, 0.3, 0.4)),
    )


def _narrower(width_px: float) -> Callable[[RgbArray, BoundingBox], RgbArray]:
    """The face `width_px` pixels wide."""

    def apply(pixels: RgbArray, box: BoundingBox) -> RgbArray:
        factor = width_px / box.width
        size = (max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor)))
        small = Pillow.fromarray(pixels).resize(size, Pillow.Resampling.LANCZOS)
        canvas = Pillow.new("RGB", (max(small.width, LEAST_SIDE), max(small.height, LEAST_SIDE)), GREY)
        canvas.paste(small, ((canvas.width - small.width) // 2, (canvas.height - small.height) // 2))
        return np.asarray(canvas)

    return apply


def _blurred(part: float) -> Callable[[RgbArray, BoundingBox], RgbArray]:
    """Out of focus: a Gaussian whose deviation is a part of the face's width."""

    def apply(pixels: RgbArray, box: BoundingBox) -> RgbArray:
        return np.asarray(Pillow.fromarray(pixels).filter(ImageFilter.GaussianBlur(part * box.width)))

    return apply


def _moved(part: float) -> Callable[[RgbArray, BoundingBox], RgbArray]:
    """Moved sideways by a part of the face's width while the shutter was open."""

    def apply(pixels: RgbArray, box: BoundingBox) -> RgbArray:
        return np.asarray(Pillow.fromarray(pixels).filter(ImageFilter.BoxBlur((part * box.width / 2, 0))))

    return apply


def _exposed(stops: float) -> Callable[[RgbArray, BoundingBox], RgbArray]:
    """More or less light, with the noise of a camera, the same for the same picture."""

    def apply(pixels: RgbArray, _: BoundingBox) -> RgbArray:
        random = np.random.default_rng(pixels.size)
        lit = 255.0 * (pixels / 255.0) * math.pow(2.0, stops / SRGB_GAMMA)
        noisy = lit + random.normal(0.0, NOISE_LEVELS, pixels.shape)
        return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)

    return apply


def _cut_left(part: float) -> Callable[[RgbArray, BoundingBox], RgbArray]:
    """The picture begins inside the face: a part of its width is outside."""

    def apply(pixels: RgbArray, box: BoundingBox) -> RgbArray:
        return np.ascontiguousarray(pixels[:, max(0, round(box.x + part * box.width)) :])

    return apply


def _cut_below(part: float) -> Callable[[RgbArray, BoundingBox], RgbArray]:
    """The picture ends inside the face: a part of its height is outside."""

    def apply(pixels: RgbArray, box: BoundingBox) -> RgbArray:
        return np.ascontiguousarray(pixels[: round(box.y + (1 - part) * box.height)])

    return apply
