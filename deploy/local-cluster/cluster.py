"""A whole installation on one machine: PostgreSQL, Valkey, an object store, replicas, workers, and a balancer in front.

For `up`, for the tests of several replicas and for benchmarks: all of them start the same thing with this code.
"""

import csv
import io
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config
from botocore.exceptions import ClientError
from parts import LOOPBACK, ClusterError, Part, free_port, wait_for
from recipes import BUCKET, REGION, ROOT, Recipes, write_secret

from facepass.adapters.embedded_postgres import postmaster
from facepass.adapters.embedded_postgres.server import Server, TimeLimits
from facepass.domain.errors import FacePassError

DATA_DIR = ROOT / ".facepass" / "cluster"
MODELS_DIR = ROOT / ".facepass" / "models"
START_TIMEOUT_S = 60.0
READY_TIMEOUT_S = 600.0
"""The first start prepares the models; later ones take seconds."""
ANSWER_TIMEOUT_S = 5.0

Says = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What is started.

    Attributes:
        data_dir: of everything that is kept, with logs and the state file.
        models_dir: prepared models; prepared there when they are not yet.
        replicas: processes of the API.
        workers: processes that work on jobs.
        port: of the balancer; 0 for a free one.
        settings: further settings of replicas and workers, by their names in the environment.
    """

    data_dir: Path = DATA_DIR
    models_dir: Path = MODELS_DIR
    replicas: int = 3
    workers: int = 2
    port: int = 8000
    settings: Mapping[str, str] = field(default_factory=dict)


class Cluster:
    """What runs. Made by `running`.

    Attributes:
        parts: by name, in the order of their start; PostgreSQL, which has a launcher of its own, is none of them.
        url: of the balancer.
    """

    def __init__(self, options: Options, says: Says) -> None:
        self._options = options
        self._says = says
        self._folder = options.data_dir.absolute()
        self._recipes = Recipes.in_folder(self._folder)
        self._postgres = Server(self._folder, port=None, limits=TimeLimits())
        self._stats_port = free_port()
        self.database_url = ""
        self.parts: dict[str, Part] = {}
        self.port = options.port or free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"

    @property
    def api_key(self) -> str:
        """A key for everything."""
        return self._recipes.secrets["API_KEYS"]

    @property
    def replicas(self) -> list[Part]:
        """The processes of the API."""
        return [part for name, part in self.parts.items() if name.startswith("api")]

    @property
    def state_file(self) -> Path:
        """Tells people and programs what runs where; secret, as the API key is in it."""
        return self._folder / "state.json"

    @property
    def postgres_pid(self) -> int:
        """Of the database server at this moment; 0 while it does not run."""
        known = postmaster.read_pid_file(self._folder / "postgres" / "data")
        return known.pid if known is not None else 0

    def url_of(self, part: Part) -> str:
        """Of one replica, past the balancer."""
        return f"http://{part.address}"

    def up(self) -> None:
        """Start everything, and wait until the balancer has every replica.

        Raises:
            ClusterError: something does not start; what did is still to be stopped by `down`.
        """
        self._refuse_another()
        self.database_url = self._postgres.open()
        self._says(
            f"{'postgres':10} {self.database_url.rpartition('@')[2].partition('/')[0]:22} pid {self.postgres_pid}"
        )
        for part in (self._recipes.valkey(), self._recipes.objects()):
            self._start(part)
            wait_for(part.listening, timeout_s=START_TIMEOUT_S, what=part.name)
        self._make_bucket()
        settings = {
            **self._recipes.settings(
                database_url=self.database_url,
                valkey=self.parts["valkey"],
                objects=self.parts["objects"],
                models_dir=self._options.models_dir,
            ),
            **self._options.settings,
        }
        self._migrate(settings)
        for number in range(1, self._options.replicas + 1):
            self._start(self._recipes.facepass(f"api{number}", "serve", settings=settings, port=free_port()))
        for number in range(1, self._options.workers + 1):
            self._start(self._recipes.facepass(f"worker{number}", "worker", "--concurrency", "1", settings=settings))
        for part in self.replicas:
            self.await_ready(part)
        self._start(self._recipes.balancer(self.replicas, port=self.port, stats_port=self._stats_port))
        self.await_balanced()
        self.write_state(ready=True)

    def _refuse_another(self) -> None:
        """Two in one folder would take each other's secrets and files; one that was killed leaves its parts behind."""
        if not self.state_file.exists():
            return
        state = json.loads(self.state_file.read_text(encoding="utf-8"))
        pids = [state["pid"], *(part["pid"] for part in state["parts"].values())]
        alive = " ".join(str(pid) for pid in pids if _lives(pid))
        if alive:
            raise ClusterError(
                f"{self._folder} is in use by processes {alive}: end them, or choose another --data-dir. Are they not "
                f"of a cluster, remove {self.state_file}."
            )

    def down(self) -> None:
        """End everything: the balancer first, so that nobody waits for it to notice, and the database last."""
        balancer = self.parts.get("balancer")
        if balancer is not None:
            balancer.stop()
        ours = [part for part in self.parts.values() if part.name.startswith(("api", "worker"))]
        for part in ours:
            part.signal(signal.SIGINT)
        for part in ours:
            part.ended()
        for part in reversed(self.parts.values()):
            part.stop()
        self._postgres.close()
        if self.parts:
            self.state_file.unlink(missing_ok=True)

    def restart(self, part: Part) -> int:
        """End a replica by SIGTERM, start it again, wait until it is sent requests; the exit status of the old one."""
        status = part.stop()
        part.start()
        self.await_ready(part)
        self.await_balanced()
        self.write_state(ready=True)
        return status

    def await_ready(self, part: Part) -> None:
        """Wait until a replica says that it is ready."""

        def ready() -> bool:
            part.check()
            return _status(f"{self.url_of(part)}/health/ready") == httpx.codes.OK

        wait_for(ready, timeout_s=READY_TIMEOUT_S, what=f"{part.name} ready")

    def await_balanced(self) -> None:
        """Wait until the balancer sends requests to every replica."""

        def balanced() -> bool:
            self.parts["balancer"].check()
            seen = self.seen_by_balancer()
            return all(seen.get(part.name) == "UP" for part in self.replicas)

        wait_for(balanced, timeout_s=START_TIMEOUT_S, what="the balancer has every replica")

    def seen_by_balancer(self) -> dict[str, str]:
        """The state of each replica, as the balancer calls it; empty while it does not answer."""
        try:
            answer = httpx.get(f"http://{LOOPBACK}:{self._stats_port}/;csv", timeout=ANSWER_TIMEOUT_S, trust_env=False)
        except httpx.TransportError:
            return {}
        rows = csv.DictReader(io.StringIO(answer.text.removeprefix("# ")))
        return {row["svname"]: row["status"] for row in rows if row["pxname"] == "replicas"}

    def write_state(self, *, ready: bool) -> None:
        """Tell what runs where, and whether all of it answers."""
        state = {
            "ready": ready,
            "url": self.url,
            "balancer_page": f"http://{LOOPBACK}:{self._stats_port}/",
            "api_key": self.api_key,
            "database_url": self.database_url,
            "pid": os.getpid(),
            "postgres_pid": self.postgres_pid,
            "parts": {
                name: {"address": part.address, "pid": part.pid, "log": str(part.log)}
                for name, part in self.parts.items()
            },
        }
        write_secret(self.state_file, json.dumps(state, indent=2))

    def _start(self, part: Part) -> None:
        self.parts[part.name] = part
        part.start()
        self.write_state(ready=False)
        self._says(f"{part.name:10} {part.address:22} pid {part.pid}")

    def bucket_client(self) -> Any:
        """The vendor's client of the object store."""
        return boto3.client(
            "s3",
            endpoint_url=f"http://{self.parts['objects'].address}",
            region_name=REGION,
            aws_access_key_id=self._recipes.secrets["S3_ACCESS_KEY"],
            aws_secret_access_key=self._recipes.secrets["S3_SECRET_KEY"],
            config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
        )

    def _make_bucket(self) -> None:
        client = self.bucket_client()
        try:
            client.head_bucket(Bucket=BUCKET)
        except ClientError:
            client.create_bucket(Bucket=BUCKET)

    def _migrate(self, settings: Mapping[str, str]) -> None:
        part = self._recipes.facepass("migrate", "db", "upgrade", settings=settings)
        part.start()
        if part.process is not None and part.process.wait(START_TIMEOUT_S):
            raise ClusterError(f"`facepass db upgrade` failed:\n{part.last_words()}")


@contextmanager
def running(options: Options, says: Says = lambda _: None) -> Iterator[Cluster]:
    """A cluster, until the block is left.

    Args:
        options: what is started.
        says: told in a line of each part that is started.

    Raises:
        ClusterError: it cannot be started.
    """
    cluster = Cluster(options, says)
    try:
        try:
            cluster.up()
        except (FacePassError, OSError, subprocess.SubprocessError) as error:
            raise ClusterError(str(error)) from error
        yield cluster
    finally:
        cluster.down()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _status(url: str) -> int:
    try:
        return httpx.get(url, timeout=ANSWER_TIMEOUT_S, trust_env=False).status_code
    except httpx.TransportError:
        return 0
