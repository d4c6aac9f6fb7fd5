"""From untrusted bytes to an upright RGB picture, within limits known before a pixel is decoded.

Pillow sees nothing of a file but its pixels (see `outline`), and only once their number is known. Its own size guard is
turned off here: it warns at a fixed size and raises at twice that, while ours is a setting and always refuses.
"""

import io
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from facepass.adapters.imaging import bmp, jpeg, png, webp
from facepass.adapters.imaging.outline import NO_PICTURE, Outline
from facepass.adapters.imaging.polyglots import other_document
from facepass.application.detection_profile import PROFILES, DetectionProfile, ProfileName
from facepass.application.ports import ImageDecoder, ImageLimits, Workers
from facepass.domain.errors import PayloadTooLarge, UnsupportedImage
from facepass.domain.face import Image, ImageSize

ENOUGH_SIDE_PX: Final = 2048
"""A JPEG whose long side is at least twice this is decoded at 1/2, 1/4 or 1/8, never below this long side: enough to
recognise faces by, unless the detection profile wants to look closer."""

_SCALES: Final = (8, 4, 2)
"""Fractions at which a JPEG can be decoded."""

BYTES_A_PIXEL: Final = 4
BYTES_A_ROW: Final = 8
"""What Pillow holds of each, for a row to find it."""
MEMORY_BYTES_A_PIXEL: Final = 8
LEAST_MEMORY_BYTES: Final = 400 << 20
"""Decoding may hold this much, or `MEMORY_BYTES_A_PIXEL` for each pixel of the limits if that is more. Where 50
megapixels are allowed, that is enough for every PNG and BMP not narrower than 2 pixels, every JPEG in one scan, a WebP
of up to 26 megapixels, and a JPEG in several scans of up to 46 (CMYK) or 41 (decoded at full scale, colour as fine as
brightness)."""

_BAND_PX: Final = 1 << 18
"""Pixels that are converted at a time."""
_BACKGROUND: Final = (255, 255, 255)
"""What shows through transparent pixels."""

_TRANSPOSED: Final = frozenset({5, 6, 7, 8})
"""EXIF orientations in which rows are stored as columns."""
_ROWS_REVERSED: Final = frozenset({3, 4, 6, 7})
_COLUMNS_REVERSED: Final = frozenset({2, 3, 7, 8})

_OUTLINES: Final[tuple[tuple[bytes, Callable[[bytes], Outline]], ...]] = (
    (jpeg.MAGIC, jpeg.jpeg_outline),
    (png.MAGIC, png.png_outline),
    (webp.MAGIC, webp.webp_outline),
    (bmp.MAGIC, bmp.bmp_outline),
)

Pillow.MAX_IMAGE_PIXELS = None


class PillowImageDecoder(ImageDecoder):
    """Decodes in worker threads."""

    def __init__(self, workers: Workers, *, profile: ProfileName = "balanced") -> None:
        self._workers = workers
        self._profile = PROFILES[profile]

    async def decode(self, data: bytes, limits: ImageLimits) -> Image:
        """See `ImageDecoder.decode`."""
        return await self._workers.run(lambda: decode_image(data, limits, profile=self._profile))


def decode_image(data: bytes, limits: ImageLimits, *, profile: DetectionProfile = PROFILES["balanced"]) -> Image:
    """Decode one picture.

    Args:
        data: the file.
        limits: what it may cost.
        profile: how closely it will be looked at; it is not reduced below that.

    Returns:
        `(height, width, 3)` uint8 RGB, upright by EXIF orientation; alpha composed on white, 16-bit reduced to its
        upper 8 bits, CMYK and palettes converted. Of a JPEG with several pictures (MPO) the first one.

    Raises:
        PayloadTooLarge: more bytes or pixels than the limits, or more memory than decoding may take.
        UnsupportedImage: not decodable, not an accepted format, animated, or another kind of document as well.
    """
    if len(data) > limits.max_bytes:
        raise PayloadTooLarge(f"The picture has {len(data)} bytes; at most {limits.max_bytes} are accepted.")
    outline = _outline(data)
    _check_size(outline.width, outline.height, limits)
    if (document := other_document(data)) is not None:
        raise UnsupportedImage(f"The file is a picture and {document} at once; send the picture alone.")
    # Pillow's decoders raise many types for damaged input, some of them by accident (struct.error, IndexError, …):
    # whatever they raise, the cause is the picture. MemoryError and interrupts are not Exceptions of that kind.
    try:
        with Pillow.open(io.BytesIO(outline.essence), formats=(outline.format_name,)) as picture:
            return _decode_opened(picture, outline, limits, profile)
    except (PayloadTooLarge, UnsupportedImage, MemoryError):
        raise
    except Exception as error:
        raise UnsupportedImage(NO_PICTURE) from error


def _outline(data: bytes) -> Outline:
    for magic, read in _OUTLINES:
        if data.startswith(magic):
            return read(data)
    raise UnsupportedImage(NO_PICTURE)


def _check_size(width: int, height: int, limits: ImageLimits) -> None:
    if limits.max_side is not None and max(width, height) > limits.max_side:
        raise PayloadTooLarge(
            f"The picture is {width}×{height} pixels; at most {limits.max_side} pixels a side are accepted."
        )
    if width * height > limits.max_pixels:
        raise PayloadTooLarge(
            f"The picture is {width}×{height} pixels; at most {limits.max_pixels} pixels in all are accepted."
        )


def _decode_opened(picture: Pillow.Image, outline: Outline, limits: ImageLimits, profile: DetectionProfile) -> Image:
    width, height = outline.width, outline.height
    if picture.size != (width, height):
        raise UnsupportedImage(NO_PICTURE)
    picture.draft("RGB", _draft_size(width, height, profile))
    needed = outline.buffer_bytes + (BYTES_A_PIXEL * picture.width + BYTES_A_ROW) * picture.height
    allowed = max(LEAST_MEMORY_BYTES, MEMORY_BYTES_A_PIXEL * limits.max_pixels)
    if needed > allowed:
        raise PayloadTooLarge(
            f"Decoding this kind of {outline.format_name} at {width}×{height} pixels takes {needed} bytes of memory; "
            f"at most {allowed} are allowed."
        )
    picture.load()
    size = ImageSize(height, width) if outline.orientation in _TRANSPOSED else ImageSize(width, height)
    return Image(pixels=_upright(picture, outline.orientation), size=size)


def _draft_size(width: int, height: int, profile: DetectionProfile) -> tuple[int, int]:
    """The size to which a JPEG may be reduced while it is decoded."""
    longest = max(width, height)
    wanted = max(ENOUGH_SIDE_PX, profile.long_side_px(longest))
    scale = next((scale for scale in _SCALES if -(-longest // scale) >= wanted), 1)
    return max(1, width // scale), max(1, height // scale)


def _upright(picture: Pillow.Image, orientation: int) -> npt.NDArray[np.uint8]:
    """Convert a decoded picture and turn it, band by band: nothing of its whole size is held but it and the result."""
    width, height = picture.size
    turned = orientation in _TRANSPOSED
    down = -1 if orientation in _ROWS_REVERSED else 1
    across = -1 if orientation in _COLUMNS_REVERSED else 1
    pixels = np.empty((width, height, 3) if turned else (height, width, 3), dtype=np.uint8)
    as_stored = (pixels.swapaxes(0, 1) if turned else pixels)[::down, ::across]
    rows = max(1, _BAND_PX // width)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        as_stored[top:bottom] = np.asarray(_as_rgb(picture.crop((0, top, width, bottom))))
    return pixels


def _as_rgb(picture: Pillow.Image) -> Pillow.Image:
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture
    if picture.mode == "I;16":
        # Pillow clips 16-bit samples when it converts them; the upper byte is what the eye sees.
        wide: npt.NDArray[np.uint16] = np.asarray(picture)
        return Pillow.fromarray((wide >> 8).astype(np.uint8)).convert("RGB")
    if picture.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in picture.info:
        with_alpha = picture.convert("RGBA")
        background = Pillow.new("RGBA", with_alpha.size, (*_BACKGROUND, 255))
        return Pillow.alpha_composite(background, with_alpha).convert("RGB")
    return picture.convert("RGB")
