"""The reference of the API is made of the API, complete, and committed as made."""

import json
import re
from pathlib import Path

import pytest

from facepass.entrypoints import api_reference
from facepass.entrypoints.http.problems import STATUSES

DOCS = Path(__file__).parents[3] / "docs"
DOCUMENT = json.loads((DOCS / "openapi.json").read_text(encoding="utf-8"))
PAGE = api_reference.page(DOCUMENT)


def test_the_committed_file_is_what_the_document_gives() -> None:
    assert (DOCS / "api.md").read_text(encoding="utf-8") == PAGE, "run `make docs`"


def test_every_code_is_explained_with_its_status() -> None:
    assert api_reference.REMEDIES.keys() == STATUSES.keys()
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \|", PAGE, re.MULTILINE))
    assert {code: int(status) for code, status in rows.items()} == STATUSES


def test_every_operation_and_shape_is_there_once() -> None:
    headings = re.findall(r"^### (.+)$", PAGE, re.MULTILINE)
    operations = [f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods]
    assert sorted(headings) == sorted([*operations, *DOCUMENT["components"]["schemas"]])


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"$ref": "#/components/schemas/Box"}, "[Box](#box)"),
        ({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]}, "integer or null"),
        ({"type": "number", "minimum": 0, "maximum": 1}, "number (0 to 1)"),
        (
            {"type": "array", "items": {"type": "string", "maxLength": 9}, "maxItems": 5},
            "list of text (at most 9) (at most 5)",
        ),
        ({"enum": ["ann", "exact"]}, "`ann` or `exact`"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "object of integer"),
        ({"type": "string", "format": "binary"}, "file"),
    ],
)
def test_schemas_in_words(schema: dict[str, object], words: str) -> None:
    assert api_reference._words(schema) == words


def test_examples_are_broken_where_they_are_long() -> None:
    assert api_reference._compact({"a": [1, 2]}) == '{"a": [1, 2]}'
    long = {"a": ["x" * 60, "y" * 60], "b": {}}
    assert json.loads(api_reference._compact(long)) == long
    assert all(len(line) < 100 for line in api_reference._compact(long).splitlines())
