"""Which looks a network takes at a picture: scales, and tiles where a scale is too large for one look.

A pyramid from close-ups to small faces. Each scale is meant for faces up to `LARGE_PX` pixels: beyond that networks
place landmarks badly and take parts of a face for faces, and the next smaller scale sees it better. Tiles overlap, so
that a face that an inner border cuts is whole in the next tile, or small enough at the next scale.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image as PillowImage

from facepass.adapters.onnx.detection.network import Candidates, RgbArray

SMALLEST_LONG_SIDE: Final = 320
"""Of the look at close-ups; smaller pictures are enlarged to it, at most `_MAX_ENLARGEMENT` times."""
_MAX_ENLARGEMENT: Final = 3.0
_ONE_LOOK_LONG_SIDE: Final = 512
"""Up to this a face that fills the picture is still seen well, and no smaller scale is needed."""
_STEP: Final = 4
"""From one scale to the next smaller one: a face too large for the first is still of 40 pixels and more in it."""
LARGE_PX: Final = 240
"""Longer side of a face, in the pixels of a look, from which the next smaller scale sees it better."""
TILE_PX: Final = 1088
"""Longest side of one look: bounds its memory to about 200 MB."""
OVERLAP_PX: Final = 192
_WHOLE_IN_A_TILE_PX: Final = 152
"""Faces up to this are whole in some tile, with `_CUT_MARGIN` on both sides."""
_CUT_MARGIN: Final = 0.1
"""Part of a face's side that must lie between it and an inner border, or it may be cut by it."""
_REDUCING_GAP: Final = 1.0
"""Reduce by whole blocks first: four times faster than filtering every pixel, and no face is lost by it."""


@dataclass(frozen=True, slots=True)
class Scale:
    """One level of the pyramid, in its own pixels, and how it came from the picture's.

    Attributes:
        tiles: left, top, right, bottom of each.
    """

    width: int
    height: int
    x: float
    y: float
    tiles: tuple[tuple[int, int, int, int], ...]

    @classmethod
    def fit(cls, width: int, height: int, long_side: int) -> "Scale":
        """A picture reduced or enlarged to a long side, in pixels."""
        factor = long_side / max(width, height)
        across, down = max(1, round(width * factor)), max(1, round(height * factor))
        tiles = tuple(
            (left, top, right, bottom) for top, bottom in _intervals(down) for left, right in _intervals(across)
        )
        return cls(across, down, across / width, down / height, tiles)

    @property
    def largest_px(self) -> float:
        """Longer side, in pixels of the picture, from which the next smaller scale sees a face better."""
        return (LARGE_PX if len(self.tiles) == 1 else _WHOLE_IN_A_TILE_PX) / min(self.x, self.y)

    def uncut(self, found: Candidates, tile: tuple[int, int, int, int]) -> Candidates:
        """Those of a tile, in its pixels, that no inner border cuts."""
        left, top, right, bottom = tile
        margins = _CUT_MARGIN * found.sides
        boxes = found.boxes
        whole = np.ones(len(found), dtype=np.bool_)
        if left > 0:
            whole &= boxes[:, 0] >= margins
        if top > 0:
            whole &= boxes[:, 1] >= margins
        if right < self.width:
            whole &= boxes[:, 2] <= right - left - margins
        if bottom < self.height:
            whole &= boxes[:, 3] <= bottom - top - margins
        return found.take(whole)


def pyramid(width: int, height: int, long_side: int) -> tuple[Scale, ...]:
    """The scales at which a picture is looked at, the smallest first.

    Args:
        width: of the picture, in pixels.
        height: likewise.
        long_side: of the largest scale, in pixels; a tiny picture is enlarged beyond it.
    """
    side = max(long_side, min(SMALLEST_LONG_SIDE, round(max(width, height) * _MAX_ENLARGEMENT)))
    sides = [side]
    while side > _ONE_LOOK_LONG_SIDE:
        side = max(SMALLEST_LONG_SIDE, side // _STEP)
        sides.append(side)
    return tuple(Scale.fit(width, height, each) for each in reversed(sides))


def resized(pixels: RgbArray, scale: Scale) -> RgbArray:
    """The picture at a scale."""
    if pixels.shape[:2] == (scale.height, scale.width):
        return pixels
    picture = PillowImage.fromarray(pixels).resize(
        (scale.width, scale.height), PillowImage.Resampling.BILINEAR, reducing_gap=_REDUCING_GAP
    )
    return np.asarray(picture)


def _intervals(length: int) -> list[tuple[int, int]]:
    """Begin and end of tiles along one side: as few as fit, all of one length, evenly spread."""
    if length <= TILE_PX:
        return [(0, length)]
    count = math.ceil((length - OVERLAP_PX) / (TILE_PX - OVERLAP_PX))
    size = math.ceil((length + (count - 1) * OVERLAP_PX) / count)
    starts = [round(at * (length - size) / (count - 1)) for at in range(count)]
    return [(start, start + size) for start in starts]
