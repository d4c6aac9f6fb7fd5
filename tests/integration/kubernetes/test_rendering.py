"""The chart is good for Helm, what it makes is good for Kubernetes, and the plain manifests are what it makes."""

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from facepass import __version__
from tests.integration.kubernetes.support import (
    CHART,
    FOLDER,
    NOTES,
    OTHERS_CRDS,
    VARIANTS,
    Manifests,
    container_of,
    pods,
    rendered,
    values_of,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own imports
    import kubernetes_validate

KUBERNETES = ("1.27", "1.37")
"""The oldest that Chart.yaml admits, and the newest whose schemas there are."""


def test_lint_finds_nothing(variant: str) -> None:
    report = helm_python.lint(CHART, values_of(VARIANTS[variant]), strict=True)
    # severity 1 is information: that the chart has no icon
    assert [message for message in report["messages"] if message["severity"] != 1] == []
    assert report["errors"] in ([], None)


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_object_fits_its_schema_strictly(manifests: Manifests, version: str) -> None:
    for found in manifests:
        if not found["apiVersion"].startswith(OTHERS_CRDS):
            kubernetes_validate.validate(found, version, strict=True)


def test_strictness_is_no_word_only(manifests: Manifests) -> None:
    wrong = {**manifests[0], "surprise": 1}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES[1], strict=True)


def test_every_object_names_the_namespace_and_is_alone_with_its_name(manifests: Manifests) -> None:
    assert {found["metadata"]["namespace"] for found in manifests} == {"facepass"}
    names = [(found["kind"], found["metadata"]["name"]) for found in manifests]
    assert len(names) == len(set(names))


def test_versions_are_those_of_the_package(manifests: Manifests) -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["version"] == chart["appVersion"] == __version__
    for name, pod in pods(manifests):
        image = container_of(pod)["image"]
        assert image.endswith(f"facepass:{__version__}"), name


def test_a_digest_wins_over_the_tag() -> None:
    digest = "sha256:" + "0" * 64
    files = rendered(values_of(VARIANTS["production"], {"image": {"digest": digest}}))
    images = {line.split()[-1] for text in files.values() for line in text.splitlines() if "image: " in line}
    assert images == {f"registry.example.org/facepass@{digest}"}


def test_the_plain_manifests_and_the_schema_are_current() -> None:
    ran = subprocess.run(  # noqa: S603 our own script
        [sys.executable, str(FOLDER / "render.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, f"run `python deploy/kubernetes/render.py`\n{ran.stdout}{ran.stderr}"


def test_the_plain_manifests_are_the_chart_without_helm(variant: str) -> None:
    plain = [
        document
        for name in ("migrate.yaml", "facepass.yaml")
        for document in yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8"))
    ]
    assert "helm" not in yaml.dump(plain).lower()
    kinds = {(found["kind"], found["metadata"]["name"]) for found in plain}
    assert ("Job", "facepass-migrate") in kinds
    assert ("Deployment", "facepass-api") in kinds


def test_a_packaged_chart_makes_the_same(tmp_path: Path) -> None:
    """Its link to the alerts leads out of it, and has to become a file."""
    values = values_of(VARIANTS["monitoring"])
    with helm_python.Chart.load(helm_python.package(CHART, destination=tmp_path)) as packaged:
        assert packaged.render(values, name="facepass", namespace="facepass", is_install=True) == rendered(values)


def test_a_long_release_name_makes_names_that_kubernetes_takes() -> None:
    values = values_of(VARIANTS["production"])
    for text in rendered(values, release="r" * 53).values():
        for line in text.splitlines():
            if line.startswith("  name: "):
                assert len(line.split()[1]) <= 52, line  # a CronJob's name has room for the time of its Jobs


NOTHING: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        (NOTHING, False),
        ({"settings": {"REDIS_HOST": None}, "secrets": {"REDIS_PASSWORD": None}}, True),
        ({"backup": {"enabled": False}}, True),
        ({"secrets": {"ENCRYPTION_KEY": None}}, True),
        ({"settings": {"TRUSTED_PROXIES": None}}, True),
        ({"ingress": {"tlsSecret": ""}}, True),
        ({"networkPolicy": {"enabled": False}}, True),
    ],
)
def test_the_notes_warn_of_what_is_missing(changes: dict[str, Any], warned: bool) -> None:
    notes = rendered(values_of(VARIANTS["production"], changes))[NOTES]
    assert ("WARNING" in notes) is warned
    assert "facepass keys create" in notes
    assert "must allow 220 connections" in notes  # (10 replicas + 10 workers + 1) x 10, and 10
