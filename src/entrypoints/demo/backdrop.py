"""What stands behind the people: busy procedural scenery, so that no foreign picture has to be shipped.

Everything is drawn from one seeded generator. Soft parts are made small and enlarged, hard parts at full size.
"""

import colorsys

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

Colour = tuple[int, int, int]

OUT_OF_FOCUS_SHARE = 0.5
"""Part of the scenes whose background is blurred as a whole."""


def backdrop(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """An RGB scene of `width` by `height` pixels: light and noise first, then two or three kinds of clutter."""
    base_hue = float(rng.random())
    scene = _light(rng, width, height, base_hue)
    clutter = [_lights, _crowd, _shapes, _windows, _stripes, _bunting, _foliage]
    for at in rng.permutation(len(clutter))[: int(rng.integers(2, 4))]:
        scene = clutter[at](rng, scene)
    if rng.random() < OUT_OF_FOCUS_SHARE:
        # Out of focus: a reduction and back costs a tenth of a blur at full size.
        scene = scene.reduce(int(rng.integers(2, 5))).resize((width, height), Image.Resampling.BILINEAR)
    return scene


def grain(rng: np.random.Generator, picture: Image.Image, deviation: float) -> Image.Image:
    """Sensor noise over a finished picture, `deviation` in grey levels."""
    width, height = picture.size
    tile = np.clip(128 + rng.normal(0.0, deviation, (256, 256)), 0, 255).astype(np.uint8)
    noise = Image.fromarray(np.tile(tile, (-(-height // 256), -(-width // 256)))[:height, :width])
    return ImageChops.add(picture, Image.merge("RGB", (noise, noise, noise)), 1.0, -128)


def _colour(rng: np.random.Generator, hue: float, *, spread: float = 0.12, vivid: float = 0.6) -> Colour:
    """A colour near a hue; `vivid` bounds its saturation."""
    red, green, blue = colorsys.hsv_to_rgb(
        (hue + float(rng.uniform(-spread, spread))) % 1.0, float(rng.uniform(0.05, vivid)), float(rng.uniform(0.2, 0.9))
    )
    return int(255 * red), int(255 * green), int(255 * blue)


def _any_colour(rng: np.random.Generator) -> Colour:
    return _colour(rng, float(rng.random()), vivid=0.75)


def _light(rng: np.random.Generator, width: int, height: int, hue: float) -> Image.Image:
    """A smooth field of colour with texture of three sizes, made at half size."""
    half, quarter = (width // 2, height // 2), (width // 4, height // 4)
    corners = np.array([[_colour(rng, hue, vivid=0.4) for _ in range(2)] for _ in range(2)], dtype=np.uint8)
    field = Image.fromarray(corners).resize(half, Image.Resampling.BILINEAR)
    texture = Image.new("L", half, 128)
    for cells, strength, size in ((6, 18.0, quarter), (40, 12.0, quarter), (220, 9.0, half)):
        small = _noise(rng, cells, cells * height // width + 2, strength).resize(size, Image.Resampling.BICUBIC)
        texture = ImageChops.add(texture, small.resize(half, Image.Resampling.BILINEAR), 1.0, -128)
    field = ImageChops.add(field, Image.merge("RGB", (texture, texture, texture)), 1.0, -128)
    return field.resize((width, height), Image.Resampling.BILINEAR)


def _noise(rng: np.random.Generator, width: int, height: int, deviation: float) -> Image.Image:
    return Image.fromarray(np.clip(rng.normal(128.0, deviation, (height, width)), 0, 255).astype(np.uint8))


def _lights(rng: np.random.Generator, scene: Image.Image) -> Image.Image:
    """Lamps out of focus."""
    width, height = scene.size
    layer = Image.new("RGB", (width // 4, height // 4))
    draw = ImageDraw.Draw(layer)
    for _ in range(int(rng.integers(20, 60))):
        x, y, radius = rng.uniform(0, width / 4), rng.uniform(0, height / 4), rng.uniform(3, 22)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_colour(rng, 0.1, spread=0.3))
    glow = layer.filter(ImageFilter.GaussianBlur(2)).resize(scene.size, Image.Resampling.BILINEAR)
    return ImageChops.screen(scene, glow)


def _crowd(rng: np.random.Generator, scene: Image.Image) -> Image.Image:
    """Rows of people far out of focus: heads and shoulders without features."""
    width, height = scene.size
    layer = scene.resize((width // 4, height // 4), Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(layer)
    for row in range(int(rng.integers(2, 5))):
        size = float(rng.uniform(7, 17)) * (1 + 0.3 * row)
        y = height / 4 * (0.35 + 0.15 * row + float(rng.uniform(-0.05, 0.05)))
        for x in np.arange(0, width / 4, size * 1.9):
            at_x, at_y = x + rng.normal(0, size / 3), y + rng.normal(0, size / 3)
            clothes, skin = _any_colour(rng), int(rng.integers(80, 215))
            draw.ellipse((at_x - 1.2 * size, at_y + 0.7 * size, at_x + 1.2 * size, at_y + 6 * size), fill=clothes)
            draw.ellipse(
                (at_x - 0.55 * size, at_y - 0.7 * size, at_x + 0.55 * size, at_y + 0.8 * size),
                fill=(skin, int(0.78 * skin), int(0.64 * skin)),
            )
    blurred = layer.filter(ImageFilter.GaussianBlur(float(rng.uniform(2, 4))))
    return blurred.resize(scene.size, Image.Resampling.BILINEAR)


def _shapes(rng: np.random.Generator, scene: Image.Image) -> Image.Image:
    """Sharp furniture: boxes, discs, triangles and lines."""
    width, height = scene.size
    draw = ImageDraw.Draw(scene)
    for _ in range(int(rng.integers(25, 70))):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        across, down = rng.uniform(10, 220), rng.uniform(10, 220)
        colour = _any_colour(rng)
        kind = ("box", "disc", "triangle", "line")[int(rng.integers(4))]
        if kind == "box":
            draw.rectangle((x, y, x + across, y + down), fill=colour, outline=(20, 20, 20))
        elif kind == "disc":
            draw.ellipse((x, y, x + across, y + down), fill=colour)
        elif kind == "triangle":
            draw.polygon([(x, y), (x + across, y + down / 2), (x + across / 3, y + down)], fill=colour)
        else:
            draw.line((x, y, x + 4 * (across - 110), y + 4 * (down - 110)), fill=colour, width=int(rng.integers(1, 9)))
    return scene


def _windows(rng: np.random.Generator, scene: Image.Image) -> Image.Image:
    """A wall with rows of windows, or a shelf: hard regular edges."""
    width, height = scene.size
    draw = ImageDraw.Draw(scene)
    across, down = (max(8, int(width * rng.uniform(0.03, 0.11))) for _ in range(2))
    left, top = int(rng.integers(0, width // 2)), int(rng.integers(0, height // 3))
    right, bottom = left + int(rng.integers(width // 3, width)), top + int(rng.integers(height // 3, height))
    frame = _colour(rng, 0.6)
    draw.rectangle((left, top, right, bottom), fill=_colour(rng, 0.08))
    for x in range(left + across // 6, right, across):
        for y in range(top + down // 6, bottom, down):
            pane = (x, y, x + 0.7 * across, y + 0.75 * down)
            draw.rectangle(pane, fill=_colour(rng, 0.58), outline=frame, width=max(1, across // 30))
    return scene


def _stripes(rng: np.random.Generator, scene: Image.Image) -> Image.Image:
    """A striped curtain before the scene, half transparent."""
    width, height = scene.size
    period, lean = float(rng.uniform(16, 90)), float(rng.uniform(-0.6, 0.6))
    columns = np.arange(width, dtype=np.float32)[None, :] + lean * np.arange(height, dtype=np.float32)[:, None]
    strength = 255 * float(rng.uniform(0.1, 0.35))
    mask = Image.fromarray(np.where(columns % period < period / 2, strength, 0).astype(np.uint8))
    return Image.composite(Image.new("RGB", scene.size, _any_colour(rng)), scene, mask)


def _bunting(rng: np.random.Generator, scene: Image.Image) -> Image.Image:
    """Strings of pennants, and confetti."""
    width, height = scene.size
    draw = ImageDraw.Draw(scene)
    for _ in range(int(rng.integers(2, 5))):
        top, sag, size = rng.uniform(0, 0.6 * height), rng.uniform(30, 200), width * rng.uniform(0.012, 0.04)
        steps = np.linspace(0, 1, int(width / (1.2 * size)))
        points = [(float(s * width), float(top + 4 * sag * s * (1 - s))) for s in steps]
        draw.line(points, fill=(40, 40, 40), width=2)
        for x, y in points:
            draw.polygon([(x - size / 2, y), (x + size / 2, y), (x, y + 1.3 * size)], fill=_any_colour(rng))
    for _ in range(int(rng.integers(80, 300))):
        x, y, size = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(3, 12)
        draw.rectangle((x, y, x + size, y + size / 2), fill=_any_colour(rng))
    return scene


def _foliage(rng: np.random.Generator, scene: Image.Image) -> Image.Image:
    """Leaves: small patches of green light and shade along a part of the scene."""
    width, height = scene.size
    half = (width // 2, height // 2)
    leaves = ImageOps.colorize(
        _noise(rng, width // 7 + 1, height // 7 + 1, 60.0), black=(18, 34, 16), mid=(62, 96, 48), white=(176, 190, 116)
    ).resize(half, Image.Resampling.BICUBIC)
    mask = _noise(rng, width // 150 + 2, height // 150 + 2, 70.0).resize(half, Image.Resampling.BILINEAR)
    mask = mask.point([min(255, max(0, 6 * (level - 118))) for level in range(256)])
    return Image.composite(leaves.resize(scene.size, Image.Resampling.BILINEAR), scene, mask.resize(scene.size))
