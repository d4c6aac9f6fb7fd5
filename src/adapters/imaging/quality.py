"""Measures the faces of a picture for `facepass.domain.quality`."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from facepass.application.ports import QualityAssessor, Workers
from facepass.domain.face import BoundingBox, Detection, Image, Quality
from facepass.domain.quality import FaceMeasurements, assess, pose, share_inside

GreyArray = npt.NDArray[np.float32]

CROP_PX: Final = 48
"""Faces are measured at this size, so that sharpness means detail per face, whatever the size of the photo, and noise
is averaged away. Smaller ones are measured as they are: enlarging would add edges or take them away."""
_SAMPLES: Final = 4
"""Pixels of a close-up, along each side, that make one of its crop: enough for noise to average away."""
_LEAST_CROP_PX: Final = 4
_MARGIN: Final = 0.15
"""Part of the box, on each side, that is no skin: exposure is measured inside."""
BLACK_LEVEL: Final = 8
WHITE_LEVEL: Final = 247
"""Levels of 255 up to which, and from which, a pixel shows nothing of a face. (ISO/IEC 29794-5 counts up to 25 as
underexposed, yet faces are recognised there: their noise, not their level, is what hides them.)"""
_COARSE_PX: Final = 4
_FLAT_LEVELS: Final = 0.5
"""A face with less coarse detail, in mean levels of 255, is flat: its fine detail is rounding."""


class PillowQualityAssessor(QualityAssessor):
    """Measures in worker threads."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    async def assess(self, image: Image, detections: Sequence[Detection]) -> tuple[Quality, ...]:
        """See `QualityAssessor.assess`."""
        if not detections:
            return ()
        return await self._workers.run(lambda: tuple(assess_face(image, detection) for detection in detections))


def assess_face(image: Image, detection: Detection) -> Quality:
    """Quality of one face; the detection is in the pixels of `image.pixels`."""
    return assess(measure(image, detection))


def measure(image: Image, detection: Detection) -> FaceMeasurements:
    """What the quality of one face follows from; the detection is in the pixels of `image.pixels`."""
    height, width = image.pixels.shape[:2]
    yaw, pitch = pose(detection.landmarks)
    grey = face_crop(image.pixels, detection.box)
    luminance, black, white = exposure(grey)
    return FaceMeasurements(
        size_px=detection.box.shorter_side * image.scale,
        confidence=detection.confidence,
        sharpness=sharpness(grey),
        yaw=yaw,
        pitch=pitch,
        inside=share_inside(detection.landmarks, width=width, height=height),
        luminance=luminance,
        black=black,
        white=white,
    )


def face_crop(pixels: npt.NDArray[np.uint8], box: BoundingBox) -> GreyArray:
    """The part of a face that is inside the picture, in grey, at most `CROP_PX` a side.

    Args:
        pixels: `(height, width, 3)` uint8 RGB.
        box: in the same pixels; may reach beyond the border.

    Returns:
        `(rows, columns)` float32, luma of ITU-R BT.601, 0 to 255; empty for a face that is outside the picture or has
        next to no pixels.
    """
    height, width = pixels.shape[:2]
    left, top = max(0, int(box.x)), max(0, int(box.y))
    right, bottom = min(width, round(box.x + box.width)), min(height, round(box.y + box.height))
    if min(right - left, bottom - top) < _LEAST_CROP_PX:
        return np.empty((0, 0), dtype=np.float32)
    # Of a close-up every few pixels will do: a bounded cost, whatever the size of the face.
    step = max(1, min(right - left, bottom - top) // (_SAMPLES * CROP_PX))
    grey = Pillow.fromarray(pixels[top:bottom:step, left:right:step]).convert("L").convert("F")
    if max(grey.size) > CROP_PX:
        # In floats: rounding would look like fine detail where there is none.
        grey = grey.resize((min(CROP_PX, grey.width), min(CROP_PX, grey.height)), Pillow.Resampling.BOX)
    return np.asarray(grey)


def sharpness(grey: GreyArray) -> float:
    """Fine detail of a face relative to its coarse detail, in the direction that has less of it.

    Blur takes fine detail away and leaves coarse detail, whatever the light and the contrast; motion does so in one
    direction only. Fine is a modified Laplacian (Nayar and Nakagawa, 1994), coarse the difference over `_COARSE_PX`
    pixels.

    Args:
        grey: see `face_crop`.

    Returns:
        0 for a flat or hopelessly blurred face, 0.3 upward for a sharp one.
    """
    return min(_detail(grey), _detail(grey.T))


def _detail(grey: GreyArray) -> float:
    """Fine over coarse detail down the rows."""
    if min(grey.shape) <= _COARSE_PX:
        return 0.0
    coarse = float(np.abs(grey[_COARSE_PX:] - grey[:-_COARSE_PX]).mean())
    fine = float(np.abs(2 * grey[1:-1] - grey[:-2] - grey[2:]).mean())
    return fine / coarse if coarse >= _FLAT_LEVELS else 0.0


def exposure(grey: GreyArray) -> tuple[float, float, float]:
    """How light a face is, in its inner part.

    Args:
        grey: see `face_crop`.

    Returns:
        Mean luminance, share of pixels that are all but black, share that are all but white, each 0 to 1; for an empty
        crop those of a well lit face, as nothing is known to be wrong with its light.
    """
    rows, columns = (int(side * _MARGIN) for side in grey.shape)
    inner = grey[rows : grey.shape[0] - rows, columns : grey.shape[1] - columns]
    if not inner.size:
        return 0.5, 0.0, 0.0
    return float(inner.mean()) / 255, float((inner <= BLACK_LEVEL).mean()), float((inner >= WHITE_LEVEL).mean())
