"""The structure of a JPEG file (ITU-T T.81, annex B), bounded.

Whatever the size of file and picture, two things are cheap to write and dear to read: segments, of which four bytes
make one, and scans, each of which costs a pass over the whole picture.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from facepass.adapters.imaging.exif import HEADER as EXIF
from facepass.adapters.imaging.exif import UPRIGHT, orientation
from facepass.adapters.imaging.outline import NO_PICTURE, Outline, joined
from facepass.adapters.imaging.search import search
from facepass.domain.errors import UnsupportedImage

MAGIC: Final = b"\xff\xd8\xff"
MAX_SEGMENTS: Final = 4096
"""A file of 64 MB full of metadata has a thousand segments, of 64 KB each."""
MAX_SCANS: Final = 64
"""Encoders write 1 to some 20."""
MAX_TABLES_BYTES: Final = 256 << 10
"""Of all that the decoder needs before the first scan: a few kilobytes, and 64 KB where there is a thumbnail."""

_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""Not: a stuffed byte of coded data, a restart marker, a fill byte."""
_SOI, _EOI, _SOS, _APP1 = 0xD8, 0xD9, 0xDA, 0xE1
_PROGRESSIVE: Final = 0xC2
_FRAMES: Final = frozenset({0xC0, 0xC1, _PROGRESSIVE})
"""Baseline, extended and progressive, in Huffman codes, as browsers read them."""
_OTHER_FRAMES: Final = frozenset({0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
"""Lossless, hierarchical, in arithmetic codes."""
_TABLES: Final = frozenset({0xC4, 0xDB, 0xDD})
"""Huffman codes, quantisation, restart interval."""
_COLOURS: Final = {0xE0: (b"JFIF\x00", 14), 0xEE: (b"Adobe", 12)}
"""What says which colours components are: how it begins, and how many bytes it has at least."""
_FIRST_WITH_LENGTH: Final = 0xC0
_FACTORS: Final = range(1, 5)
"""Of sampling."""
_BLOCK_SIDE_PX: Final = 8
_BLOCK_BYTES: Final = 128
"""Of 64 coefficients, 16 bits each."""


class _Segment(NamedTuple):
    code: int
    start: int
    """Of the marker."""
    body: int
    """After the length."""
    end: int


@dataclass(frozen=True, slots=True)
class _Frame:
    width: int
    height: int
    progressive: bool
    sampling: tuple[tuple[int, int], ...]
    """Of each component: horizontal and vertical factor."""

    @property
    def coefficient_bytes(self) -> int:
        """What is held where the picture takes more than one scan: every coefficient of every component."""
        widest = max(horizontal for horizontal, _ in self.sampling)
        tallest = max(vertical for _, vertical in self.sampling)
        columns = -(-self.width // (_BLOCK_SIDE_PX * widest))
        rows = -(-self.height // (_BLOCK_SIDE_PX * tallest))
        return _BLOCK_BYTES * columns * rows * sum(horizontal * vertical for horizontal, vertical in self.sampling)


def jpeg_outline(data: bytes) -> Outline:
    """What a JPEG says of itself.

    Of a file with several pictures (MPO) the first one counts; what follows its end is left out, as is all metadata.

    Raises:
        UnsupportedImage: damaged, incomplete, of a rare kind, or beyond the bounds above.
    """
    segments = _segments(data)
    frame, turned, parts, first = _header(data, segments)
    scans = 1
    end = first.end
    for segment in segments:
        scans += segment.code == _SOS
        end = segment.end
    if scans > MAX_SCANS:
        raise UnsupportedImage(f"The JPEG has {scans} scans; at most {MAX_SCANS} are accepted.")
    in_one_scan = not frame.progressive and data[first.body] == len(frame.sampling)
    return Outline(
        format_name="JPEG",
        width=frame.width,
        height=frame.height,
        orientation=turned,
        essence=joined(data, [*parts, (first.start, end)]),
        buffer_bytes=0 if in_one_scan else frame.coefficient_bytes,
    )


def _segments(data: bytes) -> Iterator[_Segment]:
    """All up to the end of the first picture, that included; coded data between them is passed over."""
    at = 2
    for _ in range(MAX_SEGMENTS):
        match = search(_MARKER, data, at, longest=2)
        if match is None:
            raise UnsupportedImage(NO_PICTURE)
        start, body = match.span()
        code = data[body - 1]
        if code == _EOI:
            yield _Segment(code, start, body, body)
            return
        if code < _FIRST_WITH_LENGTH or code == _SOI:
            raise UnsupportedImage(NO_PICTURE)
        at = body + int.from_bytes(data[body : body + 2], "big")
        if at < body + 2 or at > len(data):
            raise UnsupportedImage(NO_PICTURE)
        yield _Segment(code, start, body + 2, at)
    raise UnsupportedImage(f"The JPEG has more than {MAX_SEGMENTS} segments.")


def _header(data: bytes, segments: Iterator[_Segment]) -> tuple[_Frame, int, list[tuple[int, int]], _Segment]:
    """All before the first scan: its frame, the orientation, the parts to keep, and the first scan's segment."""
    frame: _Frame | None = None
    turned: int | None = None
    parts = [(0, 2)]
    kept_bytes = 0
    for segment in segments:
        if segment.code == _SOS and frame is not None and segment.body < segment.end:
            return frame, turned or UPRIGHT, parts, segment
        if segment.code in {_SOS, _EOI} or segment.code in _OTHER_FRAMES:
            break
        if segment.code in _FRAMES:
            if frame is not None:
                break
            frame = _frame(data, segment)
        elif segment.code == _APP1 and turned is None and data.startswith(EXIF, segment.body, segment.end):
            turned = orientation(data[segment.body : segment.end])
        if _makes_pixels(data, segment):
            parts.append((segment.start, segment.end))
            kept_bytes += segment.end - segment.start
            if kept_bytes > MAX_TABLES_BYTES:
                break
    raise UnsupportedImage(NO_PICTURE)


def _makes_pixels(data: bytes, segment: _Segment) -> bool:
    """Whether the decoder needs it: frame, tables, and the two segments that say which colours are meant."""
    if segment.code in _FRAMES or segment.code in _TABLES:
        return True
    name, least_bytes = _COLOURS.get(segment.code, (b"", 0))
    whole = segment.end - segment.body >= least_bytes > 0
    return whole and data.startswith(name, segment.body, segment.end)


def _frame(data: bytes, segment: _Segment) -> _Frame:
    body = data[segment.body : segment.end]
    try:
        _, height, width, components = struct.unpack_from(">BHHB", body)
    except struct.error:
        raise UnsupportedImage(NO_PICTURE) from None
    listed = body[6:]
    if components == 0 or len(listed) != 3 * components:
        raise UnsupportedImage(NO_PICTURE)
    sampling = tuple((factors >> 4, factors & 15) for factors in listed[1::3])
    if any(factor not in _FACTORS for factors in sampling for factor in factors):
        raise UnsupportedImage(NO_PICTURE)
    return _Frame(width, height, segment.code == _PROGRESSIVE, sampling)
