"""What the chart's schema says of settings, made of the settings themselves: name, kind, bounds and meaning."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from facepass.entrypoints.environment import secret_names, slices
from facepass.entrypoints.settings import Network, Origin, Secret

OWNED = frozenset({"API_HOST", "API_PORT", "APP_VERSION", "DATA_DIR", "METRICS_PORT", "MODELS_DIR", "PHOTO_ROOT"})
"""Settings that the chart or the image decides on, so that ports, volumes and probes agree with them."""


def settings_properties() -> dict[str, Any]:
    """JSON Schema of each setting that may stand in `settings`."""
    return {name: _plain(schema) for name, schema in _schemas() if name not in OWNED | secret_names()}


def secrets_properties() -> dict[str, Any]:
    """JSON Schema of each secret that may stand in `secrets`."""
    return {
        name: {"description": schema["description"], "allOf": [{"$ref": "#/definitions/secretKey"}]}
        for name, schema in _schemas()
        if name in secret_names()
    }


def _schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    for _, struct in slices():
        for name, annotation in get_type_hints(struct, include_extras=True).items():
            (schema,), _ = msgspec.json.schema_components([annotation], schema_hook=_custom)
            yield name.upper(), schema


def _custom(kind: type) -> dict[str, Any]:
    if kind in {Path, Secret, Origin, Network}:
        return {"type": "string", "minLength": 1}
    raise NotImplementedError(kind)


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Without None: what is not set is left out."""
    alternatives = [each for each in schema.get("anyOf", []) if each.get("type") != "null"]
    if not alternatives:
        return schema
    (only,) = alternatives
    return {key: value for key, value in schema.items() if key != "anyOf"} | only
