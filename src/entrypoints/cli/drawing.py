"""Draws what a detector saw into the picture, so that a person can judge it."""

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from facepass.domain.errors import FacePassError, UnsupportedImage
from facepass.entrypoints.http.schemas import Face, Point

GOOD, POOR, INK = (46, 204, 64), (255, 133, 27), (0, 0, 0)
FULL_LINE_SIDE_PX = 500
"""Long side of a picture, in pixels, for which lines are one pixel wide."""


class NotWritten(FacePassError):
    """The drawing could not be saved."""

    code = "not_written"
    title = "Not written"


def draw_faces(picture: bytes, faces: Sequence[Face], out: Path) -> None:
    """Write the upright picture with each face's box, five points, number, score and quality; orange means poor.

    Args:
        picture: encoded, already accepted by a detector.
        faces: in pixels of the upright picture.
        out: file to write; its suffix chooses the format, PNG when it has none.

    Raises:
        UnsupportedImage: the picture cannot be decoded.
        NotWritten: the file cannot be written.
    """
    try:
        with Image.open(io.BytesIO(picture)) as opened:
            canvas = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        raise UnsupportedImage(f"The picture cannot be drawn on: {error}.") from error
    pen = ImageDraw.Draw(canvas)
    line_px = max(1, max(canvas.size) // FULL_LINE_SIDE_PX)
    font = ImageFont.load_default(size=12.0 * line_px)
    for face in faces:
        _draw_face(pen, face, line_px, font)
    try:
        canvas.save(out, format=None if out.suffix else "PNG")
    except (OSError, ValueError) as error:
        raise NotWritten(f"{out}: {error}.") from error


def _draw_face(
    pen: ImageDraw.ImageDraw, face: Face, line_px: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> None:
    box, points = face.box, face.landmarks
    colour = POOR if face.quality.reasons else GOOD
    pen.rectangle((box.x, box.y, box.x + box.width, box.y + box.height), outline=colour, width=line_px)
    radius = 1.5 * line_px
    dots: tuple[Point, ...] = (
        points.left_eye,
        points.right_eye,
        points.nose,
        points.left_mouth,
        points.right_mouth,
    )
    for dot in dots:
        pen.ellipse((dot.x - radius, dot.y - radius, dot.x + radius, dot.y + radius), fill=colour)
    label = f"{face.face_no}  {face.confidence:.2f}  q{face.quality.score}"
    left, top, right, bottom = pen.textbbox((0, 0), label, font=font)
    height = bottom - top + 2 * line_px
    at_x, at_y = max(0.0, box.x), max(0.0, box.y - height)
    pen.rectangle((at_x, at_y, at_x + right - left + 2 * line_px, at_y + height), fill=colour)
    pen.text((at_x + line_px - left, at_y + line_px - top), label, fill=INK, font=font)
