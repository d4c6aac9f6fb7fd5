"""The process that is fuzzed: arguments are libFuzzer's."""

import struct
import sys
import zlib

import atheris

with atheris.instrument_imports(include=["PIL", "facepass.adapters.imaging"]):
    from PIL import BmpImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin  # noqa: F401 - to be instrumented

    from facepass.adapters.imaging.decode import decode_image

from facepass.domain.errors import PayloadTooLarge, UnsupportedImage
from tests.hostile.largest import UPLOADS
from tests.hostile.pieces import PNG_MAGIC


def decode(data: bytes) -> None:
    """Whatever the bytes, there is a picture within the limits or one of two refusals."""
    try:
        image = decode_image(data, UPLOADS)
    except (UnsupportedImage, PayloadTooLarge):
        return
    height, width, colours = image.pixels.shape
    if colours != 3 or not 0 < width <= UPLOADS.max_side or not 0 < height <= UPLOADS.max_side:
        raise AssertionError(f"a picture of {image.pixels.shape}")


def mutated(data: bytes, max_size: int, _seed: int) -> bytes:
    """A change that checksums and lengths do not give away at once, two times out of three."""
    changed = atheris.Mutate(data, max_size)
    if _seed % 3 == 0:
        return changed
    if changed.startswith(PNG_MAGIC):
        return _checksums_put_right(changed)
    if changed.startswith(b"RIFF") and len(changed) >= 8:
        return b"RIFF" + struct.pack("<I", len(changed) - 8) + changed[8:]
    return changed


def _checksums_put_right(png: bytes) -> bytes:
    repaired = bytearray(png)
    at = len(PNG_MAGIC)
    while at + 12 <= len(png):
        end = at + 12 + int.from_bytes(png[at : at + 4], "big")
        if end > len(png):
            break
        repaired[end - 4 : end] = struct.pack(">I", zlib.crc32(png[at + 4 : end - 4]))
        at = end
    return bytes(repaired)


if __name__ == "__main__":
    atheris.Setup(sys.argv, decode, custom_mutator=mutated)
    atheris.Fuzz()
