"""Measures the faces of a picture for `facepass.domain.quality`."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from facepass.application.ports import QualityAssessor, Workers
from facepass.domain.face import BoundingBox, Detection, Image, Quality
from facepass.domain.quality import FaceMeasurements, assess, pose

CROP_PX: Final = 96
"""Faces are measured at this size, so that sharpness means detail per face, whatever the size of the photo."""


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
    yaw, pitch = pose(detection.landmarks)
    return assess(
        FaceMeasurements(
            size_px=detection.box.shorter_side * image.scale,
            confidence=detection.confidence,
            sharpness=sharpness(image.pixels, detection.box),
            yaw=yaw,
            pitch=pitch,
        )
    )


def sharpness(pixels: npt.NDArray[np.uint8], box: BoundingBox) -> float:
    """Detail of a face relative to its contrast: a modified Laplacian (Nayar and Nakagawa, 1994) over the deviation.

    Args:
        pixels: `(height, width, 3)` uint8 RGB.
        box: in the same pixels; may reach beyond the border.

    Returns:
        0 for a flat or hopelessly blurred face, upward of about 0.5 for a sharp one; independent of brightness and
        contrast.
    """
    height, width = pixels.shape[:2]
    left, top = max(0, int(box.x)), max(0, int(box.y))
    right, bottom = min(width, round(box.x + box.width)), min(height, round(box.y + box.height))
    if right - left < 2 or bottom - top < 2:  # noqa: PLR2004 - nothing to differentiate
        return 0.0
    crop = (
        Pillow.fromarray(pixels[top:bottom, left:right]).convert("L").resize((CROP_PX, CROP_PX), Pillow.Resampling.BOX)
    )
    grey = np.asarray(crop, dtype=np.float32)
    across = np.abs(2 * grey[1:-1, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:])
    down = np.abs(2 * grey[1:-1, 1:-1] - grey[:-2, 1:-1] - grey[2:, 1:-1])
    contrast = float(grey.std())
    return float((across + down).mean()) / contrast if contrast > 1.0 else 0.0
