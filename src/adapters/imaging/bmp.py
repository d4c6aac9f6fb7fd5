"""The header of a BMP file (BITMAPFILEHEADER, BITMAPINFOHEADER and its successors, BITMAPCOREHEADER).

Pillow unpacks run-length coding in Python, a hundred times slower than anything else here; no program writes photos so.
"""

import struct
from typing import Final

from facepass.adapters.imaging.exif import UPRIGHT
from facepass.adapters.imaging.outline import NO_PICTURE, Outline
from facepass.domain.errors import UnsupportedImage

MAGIC: Final = b"BM"

_FILE_HEADER_BYTES: Final = 14
_CORE: Final = 12
_HEADERS: Final = frozenset({40, 52, 56, 64, 108, 124})
_PLAIN, _MASKS = 0, 3
_DEPTHS: Final = frozenset({1, 4, 8, 16, 24, 32})


def bmp_outline(data: bytes) -> Outline:
    """What a BMP says of itself.

    Raises:
        UnsupportedImage: damaged, incomplete, or compressed.
    """
    try:
        offset, header = struct.unpack_from("<II", data, 10)
        if header == _CORE:
            width, height, _, depth = struct.unpack_from("<HHHH", data, _FILE_HEADER_BYTES + 4)
            compression = _PLAIN
        else:
            width, height, _, depth, compression = struct.unpack_from("<iiHHI", data, _FILE_HEADER_BYTES + 4)
    except struct.error:
        raise UnsupportedImage(NO_PICTURE) from None
    if compression not in {_PLAIN, _MASKS}:
        raise UnsupportedImage("The BMP is compressed; only plain ones are accepted.")
    height = abs(height)  # negative where the first row is the uppermost
    row_bytes = (width * depth + 31) // 32 * 4
    if (
        header not in {_CORE, *_HEADERS}
        or depth not in _DEPTHS
        or offset < _FILE_HEADER_BYTES + header
        or offset + row_bytes * (height - 1) > len(data)  # the last row need not be padded
    ):
        raise UnsupportedImage(NO_PICTURE)
    return Outline("BMP", width, height, UPRIGHT, data)
