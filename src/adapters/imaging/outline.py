"""What is known of a picture before anything of it is decoded.

The modules `jpeg`, `png`, `webp` and `bmp` each read one format's structure, in a bounded number of steps, and say
which parts make pixels. Only those reach Pillow: its readers of metadata (EXIF, ICC, XMP, texts, indexes of several
pictures) collect whatever a file claims, as often as it claims it, and nothing but the orientation is of use here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from facepass.domain.errors import UnsupportedImage

NO_PICTURE: Final = "The file is not a complete picture in an accepted format (JPEG, PNG, WebP, BMP)."
ANIMATED: Final = "The file is an animation; send a still picture."


@dataclass(frozen=True, slots=True)
class Outline:
    """A picture as its file describes it.

    Attributes:
        format_name: by Pillow's name.
        width, height: as stored, in pixels; at least 1.
        orientation: EXIF orientation, 1 to 8.
        essence: a file of the same format that holds the pixels and nothing else.
        buffer_bytes: what the format's decoder holds while it works, beside the decoded pixels.
    """

    format_name: str
    width: int
    height: int
    orientation: int
    essence: bytes
    buffer_bytes: int = 0

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 1:
            raise UnsupportedImage(NO_PICTURE)


def joined(data: bytes, parts: Iterable[tuple[int, int]]) -> bytes:
    """The parts of `data` from each first offset up to each second one, in a row; `data` itself where they are all."""
    runs: list[tuple[int, int]] = []
    for start, end in parts:
        if runs and runs[-1][1] == start:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    if runs == [(0, len(data))]:
        return data
    view = memoryview(data)
    return b"".join(view[start:end] for start, end in runs)
