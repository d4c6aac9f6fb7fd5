"""What an upload may be."""

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from facepass.entrypoints.http.answers import HttpRequest, revalidated
from facepass.entrypoints.http.schemas import ImageFormat, SupportedFormats
from facepass.entrypoints.settings import Settings

FORMATS = [
    ImageFormat("JPEG", "image/jpeg", ["jpg", "jpeg"]),
    ImageFormat("PNG", "image/png", ["png"]),
    ImageFormat("WebP", "image/webp", ["webp"]),
    ImageFormat("BMP", "image/bmp", ["bmp"]),
]
"""What the decoder accepts; a test sends one of each."""


@get("/upload/supported-formats")
async def supported_formats(
    request: HttpRequest, settings: NamedDependency[SkipValidation[Settings]]
) -> Response[bytes]:
    """Formats and limits of uploads."""
    limits = settings.uploads
    body = SupportedFormats(FORMATS, limits.max_upload_bytes, limits.max_image_side, limits.max_image_side)
    return revalidated(request, body)
