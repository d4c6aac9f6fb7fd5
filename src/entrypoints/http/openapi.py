"""Builds the OpenAPI 3.1 document from `operations` and the answer shapes.

Written out rather than derived from the handlers: these read their forms byte for byte, which no signature shows. A
test holds the document against the routes that exist, and real answers against its schemas.
"""

from typing import Any

import msgspec

from facepass.entrypoints.container import Container
from facepass.entrypoints.http import auth, schemas
from facepass.entrypoints.http.operations import Operation, operations
from facepass.entrypoints.http.problems import MEDIA_TYPE, STATUSES

BASE = "/api/v1"
SCHEMA_REF = "#/components/schemas/{name}"
_DESCRIPTION = """\
Index the photos of a session, then find every photo in which a visitor appears, from one selfie.

* Every route also answers under `/api/v2`; health and supported formats at the root as well.
* Ids are the caller's own: 1 to 255 characters of any kind, kept and returned byte for byte. In a path they stand
  percent-encoded.
* `similarity` is calibrated: 0.5 is every model's recommended operating point. `threshold` is inclusive.
* Coordinates are pixels of the upright image, after EXIF orientation.
* Errors are problem details (RFC 9457) with a stable `code`; every answer has `X-Request-ID`.
"""
_WHEN = {
    "invalid_request": "A parameter is missing, malformed or out of range; `errors` names each.",
    "no_face_detected": "No face in the photo or selfie. `POST /index` records the photo all the same.",
    "ambiguous_selfie": "Several faces of similar size and `on_multiple` is `error`, or selfies of different people.",
    "low_quality_face": "The face is too poor to be recognised; `reasons` says why.",
    "unauthorized": "No key, or a wrong one.",
    "not_found": "Unknown session, photo or source photo.",
    "conflict": "The session is of a model that this service cannot run, or session or photo was erased meanwhile.",
    "payload_too_large": "More bytes or pixels than the limit.",
    "unsupported_image": "Not a decodable image of an accepted format.",
    "request_timeout": "The request body arrived too slowly.",
    "overloaded": "Too much is waiting already; `Retry-After` says when to come back.",
    "dependency_unavailable": "The database or the photo store is out of reach; see `Retry-After`.",
    "internal": "Anything else: no details, only the request id.",
}
_EXAMPLE_ID = "6f1c3f0e-3f43-4a55-9d0c-5b2a6f6f5a11"


def openapi_document(container: Container) -> dict[str, Any]:
    """The document, ready for JSON."""
    settings = container.settings()
    listed = operations(settings)
    shapes = [*dict.fromkeys([operation.answer for operation in listed]), schemas.Problem]
    _, components = msgspec.json.schema_components(shapes, ref_template=SCHEMA_REF)
    search_needs_key = settings.security.search_access == auth.KEY
    paths: dict[str, dict[str, Any]] = {}
    for operation in listed:
        described = _operation(
            operation, needs_key=operation.access == auth.KEY or (operation.access == auth.SEARCH and search_needs_key)
        )
        paths.setdefault(BASE + operation.path, {})[operation.method] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": settings.application.app_name,
            "version": settings.application.app_version,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "Sessions", "description": "Putting photos into a session."},
            {"name": "Erasure", "description": "Removing a session, a photo or a person, with a receipt."},
            {"name": "Search", "description": "Finding a visitor."},
            {"name": "Faces", "description": "Looking at pictures without storing anything."},
            {"name": "Service", "description": "What the service accepts and how it is."},
        ],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": auth.HEADER, "description": "One of `API_KEYS`."}
            },
            "headers": {
                "X-Request-ID": {
                    "description": "Names the request in the service's log; the caller's own where it is sane.",
                    "schema": {"type": "string"},
                }
            },
        },
    }


def _operation(operation: Operation, *, needs_key: bool) -> dict[str, Any]:
    described: dict[str, Any] = {
        "tags": [operation.tag],
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.description + "\n\n" + _error_table(operation.errors),
        "security": [{"key": []}] if needs_key else [],
        "responses": {"200": _answer(operation), **_extra(operation), **_problems(operation.errors)},
    }
    if operation.parameters:
        described["parameters"] = list(operation.parameters)
    if operation.body:
        described["requestBody"] = {"required": True, "content": dict(operation.body)}
    return described


def _answer(operation: Operation) -> dict[str, Any]:
    content = {"schema": _ref(operation.answer), "example": msgspec.to_builtins(operation.example)}
    return {"description": "Done.", "headers": _headers(), "content": {"application/json": content}}


def _extra(operation: Operation) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    if operation.revalidates:
        extra["304"] = {"description": "Unchanged since the answer whose `ETag` was sent.", "headers": _headers()}
    if operation.answers_503:
        unhealthy = {"schema": _ref(operation.answer)}
        extra["503"] = {
            "description": "The same shape while a dependency is away.",
            "headers": _headers(),
            "content": {"application/json": unhealthy},
        }
    return extra


def _error_table(codes: tuple[str, ...]) -> str:
    by_status = sorted(codes, key=STATUSES.__getitem__)
    rows = "\n".join(f"| {STATUSES[code]} | `{code}` | {_WHEN[code]} |" for code in by_status)
    return f"| status | code | when |\n|---|---|---|\n{rows}"


def _problems(codes: tuple[str, ...]) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(STATUSES[code], []).append(code)
    return {
        str(status): {
            "description": " ".join(f"`{code}`: {_WHEN[code]}" for code in group),
            "headers": _headers(),
            "content": {
                MEDIA_TYPE: {
                    "schema": _ref(schemas.Problem),
                    "examples": {code: {"value": _problem_example(status, code)} for code in group},
                }
            },
        }
        for status, group in sorted(by_status.items())
    }


def _problem_example(status: int, code: str) -> dict[str, Any]:
    example: dict[str, Any] = {
        "type": f"urn:facepass:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": _WHEN[code],
        "instance": f"{BASE}/search",
        "code": code,
        "request_id": _EXAMPLE_ID,
    }
    if code == "invalid_request":
        example["errors"] = [{"field": "threshold", "message": "must be between 0 and 1, is 2.0"}]
    if code == "low_quality_face":
        example["reasons"] = ["too_small", "blurred"]
    if code in {"overloaded", "dependency_unavailable"}:
        example["retry_after_s"] = 5
    return example


def _ref(shape: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": SCHEMA_REF.format(name=shape.__name__)}


def _headers() -> dict[str, Any]:
    return {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}
