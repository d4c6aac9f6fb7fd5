"""What a face-finding network does, whatever it is: one look at one picture. Which looks are taken is `detector`'s."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
RgbArray = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.intp]

MAX_CANDIDATES = 5000
"""Most candidates of one look, the best ones: bounds what a picture full of texture may cost."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """What may be faces, several for each face.

    Attributes:
        boxes: `(n, 4)` float32 left, top, right, bottom, in pixels; may reach beyond the picture.
        landmarks: `(n, 5, 2)` float32 in pixels: eye, eye, nose, mouth corner, mouth corner, image-left first.
        scores: `(n,)` float32, 0 to 1.
    """

    boxes: FloatArray
    landmarks: FloatArray
    scores: FloatArray

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, which: Indices | npt.NDArray[np.bool_]) -> "Candidates":
        """Those chosen by index or by mask."""
        return Candidates(self.boxes[which], self.landmarks[which], self.scores[which])

    def moved(self, x: float, y: float) -> "Candidates":
        """The same, `x` pixels to the right and `y` down."""
        by = np.array([x, y], dtype=np.float32)
        return Candidates(self.boxes + np.tile(by, 2), self.landmarks + by, self.scores)

    def scaled(self, x: float, y: float) -> "Candidates":
        """The same in a picture `x` times as wide and `y` times as high."""
        by = np.array([x, y], dtype=np.float32)
        return Candidates(self.boxes * np.tile(by, 2), self.landmarks * by, self.scores)

    @property
    def sides(self) -> FloatArray:
        """`(n,)` float32: the longer side of each box, in pixels."""
        longer: FloatArray = np.max(self.boxes[:, 2:] - self.boxes[:, :2], axis=1)
        return longer

    @staticmethod
    def joined(parts: Sequence["Candidates"]) -> "Candidates":
        """All of them, in order; there must be at least one part."""
        return Candidates(
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.landmarks for part in parts]),
            np.concatenate([part.scores for part in parts]),
        )


class Network(Protocol):
    """One look. Safe to call from several threads at once.

    Attributes:
        overlap: intersection over union above which two candidates are one face, 0 to 1.
        least_face_px: shorter side from which it finds nearly all faces, in the pixels of its look.
        sure_score: below it, a face may well be one that lies on its side or stands on its head.
    """

    overlap: float
    least_face_px: float
    sure_score: float

    @abstractmethod
    def look(self, pixels: RgbArray, *, border: tuple[int, int] = (0, 0)) -> Candidates:
        """Candidates at or above the network's score threshold, in pixels of `pixels`.

        Args:
            pixels: `(height, width, 3)` uint8 RGB, at the scale to look at.
            border: empty pixels to put at the left and the right, and at the top and the bottom.
        """


def likely(scores: FloatArray, threshold: float) -> Indices:
    """Where scores reach the threshold; of more than `MAX_CANDIDATES`, the best."""
    chosen = np.flatnonzero(scores >= threshold)
    if chosen.size > MAX_CANDIDATES:
        chosen = chosen[np.argsort(-scores[chosen], kind="stable")[:MAX_CANDIDATES]]
    return chosen


def input_blob(
    pixels: RgbArray, *, border: tuple[int, int], grid: int, bgr_mean: tuple[float, float, float]
) -> FloatArray:
    """`(1, 3, height, width)` float32, BGR minus the mean, sides up to multiples of `grid`; 0 where no picture is."""
    height, width = pixels.shape[:2]
    left, top = border
    blob = np.zeros((1, 3, -(-(height + 2 * top) // grid) * grid, -(-(width + 2 * left) // grid) * grid), np.float32)
    inside = blob[0, :, top : top + height, left : left + width]
    for channel, mean in enumerate(bgr_mean):
        np.subtract(pixels[:, :, 2 - channel], np.float32(mean), out=inside[channel], dtype=np.float32)
    return blob
