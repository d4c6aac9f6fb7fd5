"""The API's documentation, served from files of our own: no other host is ever asked.

Each page has a policy of its own, as strict as its script allows: both inject style elements, nothing else.
"""

import asyncio
import functools
import hashlib
from dataclasses import dataclass
from importlib.resources import files

import msgspec
from litestar import Response, Router, get
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from facepass.entrypoints.container import Container
from facepass.entrypoints.http.answers import HttpRequest, accepts_gzip, compress
from facepass.entrypoints.http.openapi import openapi_document

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
GZIP_LEVEL = 9
"""Compressed once, in a thread."""
ASSETS = {
    "swagger-ui/swagger-ui-bundle.js": "text/javascript",
    "swagger-ui/swagger-ui.css": "text/css",
    "swagger-ui/favicon-32x32.png": "image/png",
    "redoc/redoc.standalone.js": "text/javascript",
    "pages/swagger.js": "text/javascript",
    "pages/redoc.js": "text/javascript",
    "pages/redoc.css": "text/css",
}
"""What the pages load, and its type."""


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    gzipped: bytes
    tag: str


@functools.cache
def _load(name: str) -> _File:
    return _packed(files("facepass.entrypoints.http").joinpath("assets", *name.split("/")).read_bytes())


def _packed(content: bytes) -> _File:
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    return _File(content, compress(content, GZIP_LEVEL), f'W/"{digest}"')


def _file_answer(request: HttpRequest, file: _File, media_type: str) -> Response[bytes]:
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": POLICY,
        "ETag": file.tag,
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == file.tag:
        return Response(b"", status_code=304, headers=headers)
    content = file.content
    if accepts_gzip(request.headers.get("accept-encoding")):
        content, headers["Content-Encoding"] = file.gzipped, "gzip"
    return Response(content, media_type=media_type, headers=headers)


@get("/")
async def home() -> Redirect:
    """Nothing lives here but a person's first guess."""
    return Redirect("/docs", status_code=307)


@get("/docs")
async def swagger(request: HttpRequest) -> Response[bytes]:
    """Swagger UI: read and try."""
    return _file_answer(request, await asyncio.to_thread(_load, "pages/swagger.html"), "text/html")


@get("/redoc")
async def redoc(request: HttpRequest) -> Response[bytes]:
    """Redoc: read."""
    return _file_answer(request, await asyncio.to_thread(_load, "pages/redoc.html"), "text/html")


def _asset_route(name: str, media_type: str) -> HTTPRouteHandler:
    @get(f"/docs/assets/{name}")
    async def asset(request: HttpRequest) -> Response[bytes]:
        return _file_answer(request, await asyncio.to_thread(_load, name), media_type)

    return asset


def docs_routes(container: Container) -> Router:
    """The pages, what they load, and the OpenAPI document they show."""

    @functools.cache
    def document() -> _File:
        return _packed(msgspec.json.encode(openapi_document(container)))

    @get("/openapi.json")
    async def openapi(request: HttpRequest) -> Response[bytes]:
        """The OpenAPI document."""
        return _file_answer(request, await asyncio.to_thread(document), "application/json")

    assets = [_asset_route(name, media_type) for name, media_type in ASSETS.items()]
    return Router(path="/", route_handlers=[home, swagger, redoc, openapi, *assets])
