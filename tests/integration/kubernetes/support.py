"""What the tests of the chart share: its own code, what it makes, and what is asked of that again and again."""

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("helm_python", reason="helm-python-sdk is not installed: make test does")
pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed: make test does")

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy" / "kubernetes"
sys.path.append(str(FOLDER))

# needs the two lines above
from helm_chart import CHART, NOTES, VARIANTS, Object, Values, dump, objects, rendered, values_of  # noqa: E402
from settings_schema import OWNED  # noqa: E402

__all__ = [
    "CHART",
    "FOLDER",
    "NOTES",
    "OWNED",
    "ROOT",
    "VARIANTS",
    "Object",
    "Values",
    "dump",
    "objects",
    "rendered",
    "values_of",
]

OTHERS_CRDS = "monitoring.coreos.com/"
"""Of the Prometheus operator: Kubernetes' own schemas do not know them."""
Manifests = list[Object]


@cache
def _made(variant: str) -> tuple[Object, ...]:
    return tuple(found for _, found in objects(rendered(values_of(VARIANTS[variant]))))


def made(variant: str) -> Manifests:
    """All objects of a variant."""
    return list(_made(variant))


def changed(**changes: Any) -> Manifests:
    """All objects of production with other values."""
    return [found for _, found in objects(rendered(values_of(VARIANTS["production"], changes)))]


def of_kind(manifests: Manifests, kind: str) -> dict[str, Object]:
    """By name."""
    return {found["metadata"]["name"]: found for found in manifests if found["kind"] == kind}


def pod_of(found: Object) -> Object | None:
    """The Pod that an object makes, as it would be: metadata and spec."""
    match found["kind"]:
        case "Pod":
            return found
        case "Deployment" | "Job":
            return dict(found["spec"]["template"])
        case "CronJob":
            return dict(found["spec"]["jobTemplate"]["spec"]["template"])
    return None


def pods(manifests: Manifests) -> Iterator[tuple[str, Object]]:
    """Name of what makes it, and the Pod."""
    for found in manifests:
        pod = pod_of(found)
        if pod is not None:
            yield found["metadata"]["name"], pod


def container_of(pod: Object) -> Object:
    """Its only one."""
    assert "initContainers" not in pod["spec"]
    (container,) = pod["spec"]["containers"]
    return dict(container)
