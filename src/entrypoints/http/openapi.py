"""Builds the OpenAPI 3.1 document from `operations` and the answer shapes.

Written out rather than derived from the handlers: these read their forms byte for byte, which no signature shows. A
test holds the document against the routes that exist, and real answers against its schemas.
"""

from typing import Any

import msgspec

from facepass.entrypoints.container import Container
from facepass.entrypoints.http import rate_headers, schemas
from facepass.entrypoints.http.access import Access
from facepass.entrypoints.http.doorkeeper import KEY_HEADER
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
* Live pictures: the WebSocket `/api/v1/ws/detect`, which OpenAPI cannot describe, takes pictures as binary messages and
  answers each with the faces of `POST /detect`, the newest first. It needs a key with the scope `detect` or any token:
  in a header, among the subprotocols (`facepass.v1` with `facepass.key.…` or `facepass.token.…`), or as first message
  `{"type": "auth", "key": "…"}`. Messages, close codes and limits: `docs/websocket.md`.
"""
_WHEN = {
    "invalid_request": "A parameter is missing, malformed or out of range; `errors` names each.",
    "no_face_detected": "No face in the photo or selfie. `POST /index` records the photo all the same.",
    "ambiguous_selfie": "Several faces of similar size and `on_multiple` is `error`, or selfies of different people.",
    "low_quality_face": "The face is too poor to be recognised; `reasons` says why.",
    "unauthorized": "No key or token, or a wrong one.",
    "forbidden": "The key lacks the scope, or the token is for another session or used up.",
    "not_found": "Unknown session, photo or source photo.",
    "conflict": "What was asked for does not fit what is there: a session of a model that this service cannot run, a "
    "session or photo that was erased meanwhile, a key that has ended.",
    "payload_too_large": "More bytes or pixels than the limit.",
    "unsupported_image": "Not a decodable image of an accepted format.",
    "rate_limited": "This key, token or address has called too often; `Retry-After` says when to come back.",
    "request_timeout": "The request body arrived too slowly.",
    "overloaded": "Too much is waiting already; `Retry-After` says when to come back.",
    "dependency_unavailable": "The database or the photo store is out of reach; see `Retry-After`.",
    "internal": "Anything else: no details, only the request id.",
}
_RATE_HEADERS = {
    rate_headers.LIMIT: "Most calls of this kind in a window.",
    rate_headers.REMAINING: "How many are left of it.",
    rate_headers.RESET: "Seconds until there is one more.",
    rate_headers.POLICY: "The same limit with the window in seconds: `1000;w=60`.",
}
_EXAMPLE_ID = "6f1c3f0e-3f43-4a55-9d0c-5b2a6f6f5a11"


def openapi_document(container: Container) -> dict[str, Any]:
    """The document, ready for JSON."""
    settings = container.settings()
    listed = operations(settings)
    answers = [operation.answer for operation in listed if operation.answer]
    accepted = [type(operation.accepted) for operation in listed if operation.accepted]
    shapes = [*dict.fromkeys([*answers, *accepted]), schemas.Problem]
    _, components = msgspec.json.schema_components(shapes, ref_template=SCHEMA_REF)
    paths: dict[str, dict[str, Any]] = {}
    for operation in listed:
        described = _operation(operation, search_access=settings.security.search_access)
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
            {"name": "Jobs", "description": "Batches that are indexed in the background."},
            {"name": "Erasure", "description": "Removing a session, a photo or a person, with a receipt."},
            {"name": "Search", "description": "Finding a visitor."},
            {"name": "Faces", "description": "Looking at pictures without storing anything."},
            {"name": "Access", "description": "Tokens for visitors, and API keys."},
            {"name": "Service", "description": "What the service accepts and how it is."},
        ],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {
                    "type": "apiKey",
                    "in": "header",
                    "name": KEY_HEADER,
                    "description": "One of `API_KEYS`, or one made by `facepass keys create`.",
                },
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A visitor's token of one session, made by `POST /tokens`.",
                },
            },
            "headers": {
                "X-Request-ID": {
                    "description": "Names the request in the service's log; the caller's own where it is sane.",
                    "schema": {"type": "string"},
                },
                **{name: {"description": text, "schema": {"type": "string"}} for name, text in _RATE_HEADERS.items()},
            },
        },
    }


def _operation(operation: Operation, *, search_access: str) -> dict[str, Any]:
    described: dict[str, Any] = {
        "tags": [operation.tag],
        "operationId": operation.name,
        "summary": operation.summary,
        "description": "\n\n".join([operation.description, *_needs(operation), _error_table(operation.codes)]),
        "security": _security(operation.access, search_access),
        "responses": {"200": _answer(operation), **_problems(operation.codes), **_extra(operation)},
    }
    if operation.parameters:
        described["parameters"] = list(operation.parameters)
    if operation.body:
        described["requestBody"] = {"required": True, "content": dict(operation.body)}
    return described


def _needs(operation: Operation) -> tuple[str, ...]:
    """Which key will do, in words."""
    if operation.access is None:
        return ()
    scope = operation.access.scope
    key = "any key" if scope is None else f"a key with the scope `{scope}`"
    if operation.access.searching:
        return (f"`SEARCH_ACCESS` says who may: everybody, a token of the session, or {key}.",)
    if operation.access.open_in_development:
        return (f"In production it needs {key}.",)
    return (f"Needs {key}.",)


def _security(access: Access | None, search_access: str) -> list[dict[str, list[str]]]:
    """Alternatives; an empty one says that nothing is needed."""
    key: list[dict[str, list[str]]] = [{"key": []}]
    if access is None:
        return []
    if access.open_in_development:
        return [{}, *key]
    if not access.searching or search_access == "key":
        return key
    return [*([{}] if search_access == "public" else []), {"token": []}, *key]


def _answer(operation: Operation) -> dict[str, Any]:
    example = msgspec.to_builtins(operation.example)
    if operation.answer is None:
        media_type, content = operation.media_type, {"schema": {"type": "string"}, "example": example}
    else:
        media_type, content = "application/json", {"schema": _ref(operation.answer), "example": example}
    counted = operation.access is not None and operation.access.counted is not None
    headers = _headers(*(_RATE_HEADERS if counted else ()))
    return {"description": "Done.", "headers": headers, "content": {media_type: content}}


def _extra(operation: Operation) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    if operation.accepted:
        content = {"schema": _ref(type(operation.accepted)), "example": msgspec.to_builtins(operation.accepted)}
        where = {"Location": {"description": "As `status_url`.", "schema": {"type": "string"}}}
        extra["202"] = {
            "description": "Goes on in the background.",
            "headers": {**_headers(*_RATE_HEADERS), **where},
            "content": {"application/json": content},
        }
    if operation.revalidates:
        extra["304"] = {"description": "Unchanged since the answer whose `ETag` was sent.", "headers": _headers()}
    if operation.answers_503 and operation.answer:
        refused = _problems(operation.codes).get("503", {}).get("content", {})
        extra["503"] = {
            "description": "The same shape while an essential dependency is away.",
            "headers": _headers(),
            "content": {"application/json": {"schema": _ref(operation.answer)}, **refused},
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
    if code in {"overloaded", "dependency_unavailable", "rate_limited"}:
        example["retry_after_s"] = 5
    return example


def _ref(shape: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": SCHEMA_REF.format(name=shape.__name__)}


def _headers(*more: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-ID", *more)}
