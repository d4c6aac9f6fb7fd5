"""The Helm chart from Python: value files merged as `helm -f` does it, rendered, and read back as objects.

Helm itself comes as a library (helm-python-sdk), so that neither a binary nor a cluster is needed.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import helm_python
import yaml

CHART = Path(__file__).parents[1] / "helm" / "facepass"
NOTES = "facepass/templates/NOTES.txt"
VARIANTS = {
    "minimal": ("values-minimal.yaml",),
    "production": ("values-production.yaml",),
    "monitoring": ("values-production.yaml", "values-monitoring.yaml"),
}
"""What is checked: the files of each, the later ones on top."""

Values = dict[str, Any]
Object = dict[str, Any]


class Readable(yaml.SafeDumper):
    """Indents lists, and writes texts of several lines as such."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 as it is called
        """Never without an indent."""
        return super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


Readable.add_representer(str, _text)


def dump(document: Any) -> str:
    """YAML for people."""
    return yaml.dump(document, Dumper=Readable, sort_keys=False, width=120, allow_unicode=True)


def overlay(below: Mapping[str, Any], above: Mapping[str, Any]) -> Values:
    """Values over values as Helm lays them: tables are merged, everything else is replaced. None takes a value away."""
    merged = dict(below)
    for name, value in above.items():
        under = merged.get(name)
        if value is None and name in merged:
            del merged[name]
        else:
            merged[name] = overlay(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


def values_of(files: Sequence[str], changes: Mapping[str, Any] | None = None) -> Values:
    """What `-f FILE -f FILE` and then `changes` make."""
    values: Values = {}
    for name in files:
        values = overlay(values, yaml.safe_load((CHART / name).read_text(encoding="utf-8")))
    return overlay(values, changes or {})


def rendered(values: Values, *, release: str = "facepass", namespace: str = "facepass") -> dict[str, str]:
    """What `helm template` makes of each file, the notes included.

    Raises:
        helm_python.HelmError: the schema or a check refuses the values, or a template is wrong.
    """
    with helm_python.Chart.load(CHART) as chart:
        chart.validate_schema(values)
        return chart.render(values, name=release, namespace=namespace, is_install=True)


def objects(files: Mapping[str, str]) -> Iterator[tuple[str, Object]]:
    """Every object with the template that it comes from."""
    for path, text in sorted(files.items()):
        if path != NOTES:
            for document in yaml.safe_load_all(text):
                if document:
                    yield path, document
