"""Writes what is made of the chart and of the settings, so that nothing stands in two places.

    python deploy/kubernetes/render.py            # write
    python deploy/kubernetes/render.py --check    # write nothing; end with 1 where something is not current

- `migrate.yaml` and `facepass.yaml` beside this file: the chart for those without Helm, with values-production.yaml
- the settings in `deploy/helm/facepass/values.schema.json`
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helm_chart import CHART, VARIANTS, Object, dump, objects, rendered, values_of
from settings_schema import secrets_properties, settings_properties

HERE = Path(__file__).parent
SCHEMA = CHART / "values.schema.json"
HEADER = "# Made of the chart with values-production.yaml by `python deploy/kubernetes/render.py`: change it there.\n"
OF_HELM = ("helm.sh/", "app.kubernetes.io/managed-by")


def schema_text() -> str:
    """The schema with what the settings are now."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    schema["definitions"]["settings"]["properties"] = settings_properties()
    schema["definitions"]["secrets"]["properties"] = secrets_properties()
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def manifests() -> dict[str, str]:
    """Text of each plain file: what comes before an installation, and the installation."""
    parts: dict[str, list[Object]] = {"migrate.yaml": [], "facepass.yaml": []}
    for _, found in objects(rendered(values_of(VARIANTS["production"]))):
        hooks = found["metadata"].get("annotations", {}).get("helm.sh/hook", "")
        if hooks != "test":
            parts["migrate.yaml" if hooks else "facepass.yaml"].append(_without_helm(found))
    return {name: HEADER + "".join(f"---\n{dump(each)}" for each in found) for name, found in parts.items()}


def _without_helm(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_helm(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {name: _without_helm(value) for name, value in node.items() if not name.startswith(OF_HELM)}
    if not kept.get("annotations", True):
        del kept["annotations"]
    return kept


def outputs() -> Iterator[tuple[Path, str]]:
    """Each file with its text. The schema first, and when writing written first: rendering asks it."""
    yield SCHEMA, schema_text()
    for name, text in manifests().items():
        yield HERE / name, text


def main() -> int:
    """Write, or check."""
    check = "--check" in sys.argv[1:]
    stale = []
    for path, text in outputs():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path)
            if not check:
                path.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{'not current' if check else 'written'}: {path.relative_to(HERE.parents[1])}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
