"""Draws one person into a scene: head from the picture set, body from a few shapes.

The head is cut along a soft oval that follows the frame, so that no rectangular border helps or hinders a detector,
and coloured, because event photos are not grey.
"""

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from facepass.entrypoints.demo.people import FRAME_HEIGHT, FRAME_WIDTH
from facepass.entrypoints.demo.scene import PlacedFace

SUPERELLIPSE = 3.5
"""Exponent of the oval's outline: an ellipse, 2, would cut ears and chins; large values show the frame's corners."""
FEATHER = 0.10
"""Width of the soft edge, as a part of the radius."""

NECK = 0.40
"""Where the body begins below the middle of the frame, as a part of its height."""
STRIPE_AT = 0.35
"""Sine above which a stripe is; a little more cloth than stripe."""
COLLAR = 0.16
"""Half the width of an open jacket at the neck, as a part of half the body's."""
MAX_BODY_PX = 320
"""Side at which a body is drawn before it is enlarged: cloth needs no finer detail."""

SKIN = np.array(
    [
        [[18, 10, 8], [150, 96, 70], [232, 190, 164], [255, 248, 238]],
        [[16, 12, 12], [164, 118, 98], [246, 212, 192], [255, 252, 248]],
        [[12, 8, 6], [128, 84, 58], [214, 166, 132], [255, 244, 230]],
        [[20, 18, 18], [150, 132, 122], [226, 212, 202], [255, 254, 252]],
    ],
    dtype=np.float64,
)
"""Colours of grey levels 0, 110, 200 and 255, for four skin tones."""


def neck_y(face: PlacedFace) -> float:
    """Where the body begins. Drawn in this order, no body covers a face, and near people stand before far ones."""
    return face.y + NECK * FRAME_HEIGHT * face.scale


def draw_body(scene: Image.Image, face: PlacedFace) -> None:
    """Shoulders and chest below where the head will be, clothed, in place."""
    rng = np.random.default_rng(face.clothing)
    width, height = FRAME_WIDTH * face.scale, FRAME_HEIGHT * face.scale
    size = (round(2.3 * width), round(2.2 * height))
    across, down = (min(side, MAX_BODY_PX) for side in size)
    x = np.linspace(-1, 1, across)[None, :]
    y = np.linspace(0, 1, down)[:, None]
    # Shoulders slope from the neck to the arms, which hang straight down.
    shoulder = 0.30 * np.clip((np.abs(x) - 0.22) / 0.78, 0, None) ** 1.6
    inside = np.clip((y - shoulder) * down / 2, 0, 1) * np.clip((1 - np.abs(x)) * across / 8, 0, 1)
    fold = 1.0 - 0.35 * np.abs(x) ** 2 + 0.06 * np.sin(9 * x + 14 * y + face.clothing % 7)
    vivid = rng.integers(20, 215, (2, 3)).astype(np.float64)
    colours = 0.55 * vivid + 0.45 * vivid.mean(axis=1, keepdims=True)
    pattern = _pattern(rng, x, y)[:, :, None]
    cloth = (colours[0] * (1 - pattern) + colours[1] * pattern) * fold[:, :, None]
    body = Image.fromarray(np.clip(cloth, 0, 255).astype(np.uint8))
    mask = Image.fromarray((255 * inside).astype(np.uint8))
    neck_x = face.x + NECK * height * math.sin(math.radians(face.angle))
    scene.paste(
        body.resize(size, Image.Resampling.BILINEAR),
        (round(neck_x - size[0] / 2), round(neck_y(face))),
        mask.resize(size, Image.Resampling.BILINEAR),
    )


def _pattern(
    rng: np.random.Generator, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """How much of the second colour shows, 0 to 1, over the cloth: plain, striped, checked or with an open collar."""
    kind = ("plain", "striped", "checked", "open")[int(rng.integers(4))]
    count = float(rng.uniform(5, 16))
    across, down = np.sin(count * np.pi * x) > STRIPE_AT, np.sin(count * np.pi * y) > STRIPE_AT
    shown: npt.ArrayLike
    if kind == "plain":
        shown = np.zeros((y.shape[0], x.shape[1]))
    elif kind == "striped":
        shown = down & np.ones_like(across)
    elif kind == "checked":
        shown = 0.5 * across + 0.5 * down
    else:
        shown = np.abs(x) < COLLAR * (1 - 1.6 * y)
    return np.asarray(shown, dtype=np.float64)


def paste_head(scene: Image.Image, face: PlacedFace, grey: npt.NDArray[np.uint8]) -> None:
    """Paste the head, in place.

    Args:
        scene: RGB.
        face: where, how large and how lit.
        grey: `(112, 92)` uint8, the picture.
    """
    size = (max(1, round(FRAME_WIDTH * face.scale)), max(1, round(FRAME_HEIGHT * face.scale)))
    head = Image.fromarray(_coloured(_lit(grey, face.gain, face.contrast), face.tint))
    head = head.resize(size, Image.Resampling.LANCZOS if face.scale < 1 else Image.Resampling.BICUBIC)
    mask = _oval(size)
    head = head.rotate(face.angle, Image.Resampling.BICUBIC, expand=True)
    mask = mask.rotate(face.angle, Image.Resampling.BICUBIC, expand=True)
    scene.paste(head, (round(face.x - head.width / 2), round(face.y - head.height / 2)), mask)


def _lit(grey: npt.NDArray[np.uint8], gain: float, contrast: float) -> npt.NDArray[np.uint8]:
    values = grey.astype(np.float64)
    mean = values.mean()
    lit: npt.NDArray[np.uint8] = np.clip(gain * (mean + contrast * (values - mean)), 0, 255).astype(np.uint8)
    return lit


def _coloured(grey: npt.NDArray[np.uint8], tint: float) -> npt.NDArray[np.uint8]:
    """From grey to RGB by one of the skin tones, `tint` 0 to 1 choosing it."""
    tones = SKIN[min(int(tint * len(SKIN)), len(SKIN) - 1)]
    table = np.stack([np.interp(np.arange(256), (0, 110, 200, 255), tones[:, channel]) for channel in range(3)], axis=1)
    coloured: npt.NDArray[np.uint8] = table.astype(np.uint8)[grey]
    return coloured


def _oval(size: tuple[int, int]) -> Image.Image:
    """A soft mask that fills the frame but for its corners."""
    x = np.abs(np.linspace(-1, 1, size[0]))[None, :] ** SUPERELLIPSE
    y = np.abs(np.linspace(-1, 1, size[1]))[:, None] ** SUPERELLIPSE
    radius = (x + y) ** (1 / SUPERELLIPSE)
    alpha = np.clip((1 - radius) / FEATHER, 0, 1)
    smooth = alpha * alpha * (3 - 2 * alpha)
    return Image.fromarray((255 * smooth).astype(np.uint8))
