"""Writes `docs/api.md` from the OpenAPI document and the taxonomy of errors, so that it tells of what there is.

    python -m facepass.entrypoints.api_reference docs/openapi.json > docs/api.md

What a caller should do about an error is said here; everything else is said where it is decided.
"""

import inspect
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from facepass.application.visitor_words import advice, explanation
from facepass.domain.errors import FacePassError
from facepass.domain.face import QualityReason
from facepass.domain.identification import SearchReason
from facepass.entrypoints.cli.exit_codes import ExitCode, exit_code_of
from facepass.entrypoints.http.problems import MEDIA_TYPE, STATUSES

LINE_CHARS = 100
"""Of an example in JSON, before it is broken."""
HEADER = """# API reference

<!-- Made by `make docs` from docs/openapi.json and src/entrypoints/api_reference.py: change it there. -->

The same as a running service shows at `/docs`, to be read without one; for machines there is
[openapi.json](openapi.json). Every address below also answers under `/api/v2`; health, metrics and formats at the
root as well. Who may call what, and how often: [Keys, tokens, limits](access.md). Live pictures come over a
[WebSocket](websocket.md).

Ids are the caller's own, 1 to 255 characters, kept byte for byte; in a path they stand percent-encoded. Coordinates are
pixels of the upright picture. Times are RFC 3339, UTC. Every answer has `X-Request-ID`: the caller's own where that is
sane, and the one to look for in the service's log."""
ERRORS_BEFORE = """## Errors

Every error is a problem of [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457), `application/problem+json`. Program
against `code`; `detail` is for people, and of a selfie that cannot be used it may be shown to the visitor as it is."""
ERRORS_AFTER = """\
`errors` names the parameters at fault, `reasons` what is wrong with a face, `retry_after_s` when to come back, as the
header `Retry-After` does. The last column is what commands end with for the same error; `configuration`, which only
they know, ends with 3."""
REMEDIES = {
    "invalid_request": "Correct what `errors` names. Sending it again as it is does not help.",
    "no_face_detected": "Ask for a picture that shows the face. A photo without one needs nothing: it is recorded.",
    "ambiguous_selfie": "Ask for a picture of the visitor alone, or leave out the selfie that `errors` names.",
    "low_quality_face": "Show `detail`, which says what to do better.",
    "unauthorized": "Send a key or token that is valid, and only one of them.",
    "forbidden": "Use a key with the scope, or a token of this session.",
    "not_found": "Check the id, or the `s3_key`. A session exists once a photo of it was indexed.",
    "method_not_allowed": "Use one of the methods that `Allow` names.",
    "request_timeout": "Send it again, faster.",
    "conflict": "Look at the session again; if it was erased or changed meanwhile, decide anew whether to index.",
    "payload_too_large": "Send a smaller picture, or index large photos by `s3_key`.",
    "unsupported_image": "Send JPEG, PNG, WebP or BMP that a viewer can open.",
    "rate_limited": "Come back after `Retry-After`, with some time at random added.",
    "internal": "Report it with `request_id`. Sending it again may help.",
    "overloaded": "Come back after `Retry-After`, with some time at random added.",
    "dependency_unavailable": "Come back after `Retry-After`: the call did nothing, or may be done again.",
}
"""What a caller should do, by code."""
TITLES = {"method_not_allowed": "Method not allowed"}
"""Of errors that the framework raises."""


def page(document: Mapping[str, Any]) -> str:
    """The whole reference, Markdown.

    Args:
        document: OpenAPI 3.1, as `facepass openapi` prints it.
    """
    parts = [HEADER, *_errors(document), *_reasons()]
    for tag in document["tags"]:
        parts += [f"## {tag['name']}\n\n{tag['description']}"]
        parts += [part for operation in _of_tag(document, tag["name"]) for part in _operation(*operation)]
    parts.append("## Shapes\n\nWhat answers are made of.")
    parts += [_shape(name, schema) for name, schema in sorted(document["components"]["schemas"].items())]
    return "\n\n".join(parts) + "\n"


def _of_tag(document: Mapping[str, Any], tag: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield f"{method.upper()} {path}", operation


def _errors(document: Mapping[str, Any]) -> Iterator[str]:
    problems = _problems(document)
    classes = _classes()
    yield ERRORS_BEFORE
    yield _fenced(problems["invalid_request"])
    rows = []
    for code, status in STATUSES.items():
        kind = classes.get(code)
        title = kind.title if kind else TITLES[code]
        when = problems[code]["detail"] if code in problems else "This address does not take this method."
        exit_code = "" if kind is None else int(_exit_code(kind))
        rows.append((f"`{code}`", status, title, when, REMEDIES[code], exit_code))
    yield _table(("code", "status", "title", "when", "what to do", "exit code"), rows)
    yield ERRORS_AFTER


def _exit_code(kind: type[FacePassError]) -> ExitCode:
    """Only the code decides, so how an error of this kind is made is no matter."""
    return exit_code_of(kind.__new__(kind))


def _classes() -> dict[str, type[FacePassError]]:
    """By code, the class that gave it its name: those derived from it share its code."""
    found: dict[str, type[FacePassError]] = {FacePassError.code: FacePassError}
    waiting: list[type[FacePassError]] = [*FacePassError.__subclasses__()]
    while waiting:
        kind = waiting.pop(0)
        found.setdefault(kind.code, kind)
        waiting += kind.__subclasses__()
    return found


def _problems(document: Mapping[str, Any]) -> dict[str, Any]:
    """An example of each problem that an operation may answer with, by code."""
    found: dict[str, Any] = {}
    for methods in document["paths"].values():
        for operation in methods.values():
            for response in operation["responses"].values():
                for code, example in response.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {}).items():
                    found.setdefault(code, example["value"])
    return found


def _reasons() -> Iterator[str]:
    yield "## Reasons\n\nWhy a search came to what it came to (`reason.code`), with the sentence for the visitor:"
    yield _table(("code", "detail"), [(f"`{reason}`", explanation(reason)) for reason in SearchReason])
    yield "What pulls the quality of a face down (`quality.reasons`, and `reasons` of a problem):"
    yield _table(("reason", "what a visitor is told"), [(f"`{reason}`", advice(reason)) for reason in QualityReason])


def _operation(heading: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"### {heading}\n\n{operation['summary']}. {operation['description'].partition('| status | code')[0].strip()}"
    parameters = [
        (
            f"`{one['name']}`",
            f"in the {one['in']}, {_words(one['schema'])}",
            _meaning(one, required=one.get("required")),
        )
        for one in operation.get("parameters", ())
    ]
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        parameters += _fields(content["schema"], media_type)
    if parameters:
        yield _table(("parameter", "what", "meaning"), parameters)
    for status, response in operation["responses"].items():
        for media_type, content in response.get("content", {}).items():
            if media_type != MEDIA_TYPE and "example" in content:
                yield f"Answers {status}, {_named(content['schema'], media_type)}:"
                example = content["example"]
                yield _fenced(example) if media_type == "application/json" else f"```text\n{str(example).rstrip()}\n```"
    codes = [
        code
        for response in operation["responses"].values()
        for code in response.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {})
    ]
    yield f"Errors: {', '.join(f'`{code}`' for code in codes) or 'none of its own'}."


def _fields(schema: Mapping[str, Any], media_type: str) -> Iterator[tuple[str, str, str]]:
    form = "in the form" if media_type == "multipart/form-data" else "in the JSON object"
    either = {name for choice in schema.get("oneOf", ()) for name in choice["required"]}
    for name, one in schema["properties"].items():
        required = name in schema.get("required", ())
        meaning = _meaning(one, required=required)
        if name in either:
            others = ", ".join(f"`{other}`" for other in sorted(either - {name}))
            meaning = f"{meaning} Either this or {others}.".strip()
        yield f"`{name}`", f"{form}, {_words(one)}", meaning


def _meaning(one: Mapping[str, Any], *, required: bool | None) -> str:
    default = one.get("schema", one).get("default")
    parts = [one.get("description", ""), "Required." if required else ""]
    return " ".join([*filter(None, parts), *([f"Default: {default}."] if default is not None else [])])


def _shape(name: str, schema: Mapping[str, Any]) -> str:
    text = f"### {name}"
    if schema.get("description"):
        text += f"\n\n{inspect.cleandoc(schema['description'])}"
    if "enum" in schema:
        return f"{text}\n\nOne of {', '.join(f'`{value}`' for value in schema['enum'])}."
    rows = [
        (f"`{field}`", _words(one), one.get("description", "")) for field, one in schema.get("properties", {}).items()
    ]
    return f"{text}\n\n{_table(('field', 'what', 'meaning'), rows)}" if rows else text


def _named(schema: Mapping[str, Any], media_type: str) -> str:
    return _words(schema) if "$ref" in schema else f"`{media_type}`"


def _words(schema: Mapping[str, Any]) -> str:
    """A schema as a reader calls it."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_words(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    kind = schema.get("type", "anything")
    if isinstance(kind, list):
        return " or ".join("null" if one == "null" else _words({**schema, "type": one}) for one in kind)
    return _MANY[kind](schema) if kind in _MANY else f"{kind}{_bounds(schema, 'minimum', 'maximum')}"


def _list(schema: Mapping[str, Any]) -> str:
    return f"list of {_words(schema['items'])}{_bounds(schema, 'minItems', 'maxItems')}"


def _object(schema: Mapping[str, Any]) -> str:
    if "properties" in schema:
        return "{" + ", ".join(f"`{name}`" for name in schema["properties"]) + "}"
    values = schema.get("additionalProperties")
    return f"object of {_words(values)}" if isinstance(values, Mapping) else "object"


def _text(schema: Mapping[str, Any]) -> str:
    return "file" if schema.get("format") == "binary" else f"text{_bounds(schema, 'minLength', 'maxLength')}"


_MANY: dict[str, Callable[[Mapping[str, Any]], str]] = {"array": _list, "object": _object, "string": _text}


def _bounds(schema: Mapping[str, Any], least: str, most: str) -> str:
    if least in schema and most in schema:
        return f" ({schema[least]} to {schema[most]})"
    return f" (at most {schema[most]})" if most in schema else ""


def _table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    head = [*head]
    lines = [
        head,
        ["---"] * len(head),
        *([str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(cells)} |".replace("  ", " ") for cells in lines)


def _fenced(example: Any) -> str:
    return f"```json\n{_compact(example)}\n```"


def _compact(value: Any, depth: int = 0) -> str:
    """JSON in which whatever fits stands in one line."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + 2 * depth <= LINE_CHARS or not isinstance(value, dict | list) or not value:
        return line
    inner, outer = "  " * (depth + 1), "  " * depth
    if isinstance(value, dict):
        lines = [f"{inner}{json.dumps(key)}: {_compact(item, depth + 1)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{outer}}}"
    return "[\n" + ",\n".join(f"{inner}{_compact(item, depth + 1)}" for item in value) + f"\n{outer}]"


if __name__ == "__main__":
    sys.stdout.write(page(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
