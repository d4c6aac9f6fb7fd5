"""Where blocks are run: a copy of the repository with a service beside it, as `make run` starts it.

The folder looks like a checkout, and like an installation below /opt/facepass. In it lie what documents speak of:
`selfie.jpg`, `another.jpg`, `photo.jpg`, `photos/` with three pictures (also below PHOTO_ROOT as `gala/1.jpg` …), the
session `gala` with them, the service's address in `URL`, its key in `KEY`, a visitor's token of that session in
`TOKEN`. Everything is temporary.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from facepass.entrypoints.demo.service_process import free_port
from facepass.entrypoints.environment import ALIASES, PREFIX, known_names

START_TIMEOUT_S = 240
"""A first start prepares the models."""
STOP_TIMEOUT_S = 60
PHOTOS = 12
SESSION = "gala"
LEFT_BEHIND = (
    ".git",
    ".venv",
    ".facepass",
    "site",
    "out",
    "*.egg-info",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
    ".env",
)


@dataclass(frozen=True, slots=True)
class World:
    """A service and a folder to run things in.

    Attributes:
        folder: the working directory of every block.
        url: of the service.
        environment: of every block.
    """

    folder: Path
    url: str
    environment: dict[str, str]

    def spoken_of_here(self, text: str) -> str:
        """A block as it is to be run: addresses and folders that documents name, replaced by those of this world."""
        host = self.url.removeprefix("http://")
        text = re.sub(r"\b(?:127\.0\.0\.1|localhost):8000\b", host, text)
        text = text.replace("/opt/facepass", str(self.folder))
        return text.replace("/var/backups/facepass", str(self.folder / "backups"))


@contextmanager
def world(root: Path, folder: Path, models: Path) -> Iterator[World]:
    """Start a service in an empty folder, and end it.

    Args:
        root: of the repository.
        folder: takes the copy; must be empty.
        models: prepared models, which are copied; where there are none, the service prepares them.

    Raises:
        RuntimeError: it did not start; its last words are quoted.
    """
    shutil.copytree(root, folder, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    (folder / ".venv").symlink_to(Path(sys.prefix))
    data = folder / ".facepass"
    data.mkdir()
    for each in (folder, data):  # started by root, the database runs under another account
        each.chmod(0o711)
    if models.is_dir():
        shutil.copytree(models, data / "models")
    port = free_port()
    environment = _environment(data, port)
    with folder.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "facepass", "demo", "--serve", "--photos", str(PHOTOS)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    made = World(folder, f"http://127.0.0.1:{port}", environment)
    try:
        _await_session(made, process, Path(log.name))
        _lay_out_pictures(folder, data)
        yield made
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment(data: Path, port: int) -> dict[str, str]:
    ours = {*known_names(), *ALIASES}
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PREFIX) and name.removesuffix("_FILE") not in ours
    }
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "DATA_DIR": str(data),
        "API_PORT": str(port),
        "NO_COLOR": "1",
    }


def _await_session(made: World, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    with httpx.Client(base_url=made.url, trust_env=False, timeout=10) as client:
        while True:
            with suppress(httpx.TransportError):
                answer = client.get("/api/v1/search/status/demo")
                if answer.status_code == httpx.codes.OK and answer.json()["photo_count"] >= PHOTOS:
                    return
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the service did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)


def _lay_out_pictures(folder: Path, data: Path) -> None:
    drawn = next((data / "demo").glob("seed*"))
    pictures = sorted((drawn / "photos").iterdir())[:3]
    selfies = sorted((drawn / "selfies").iterdir())
    (folder / "photos").mkdir()
    (data / "photos" / SESSION).mkdir(parents=True)
    for number, picture in enumerate(pictures, 1):
        shutil.copy(picture, folder / "photos" / f"IMG_{number}.jpg")
        shutil.copy(picture, data / "photos" / SESSION / f"{number}.jpg")
    shutil.copy(pictures[0], folder / "photo.jpg")
    shutil.copy(selfies[0], folder / "selfie.jpg")
    shutil.copy(selfies[0], folder / "another.jpg")


@contextmanager
def fresh(made: World) -> Iterator[dict[str, str]]:
    """The variables of one document: its session is as it was at first, and the files it leaves are removed."""
    key = (made.folder / ".facepass" / "api-key").read_text(encoding="ascii").strip()
    before = {*made.folder.iterdir()}
    with httpx.Client(base_url=f"{made.url}/api/v1", trust_env=False, timeout=60, headers={"X-API-Key": key}) as client:
        client.delete(f"/index/{SESSION}").raise_for_status()
        for picture in sorted((made.folder / "photos").iterdir()):
            with picture.open("rb") as file:
                fields = {"session_id": SESSION, "photo_id": picture.stem}
                client.post("/index", data=fields, files={"file": file}).raise_for_status()
        token = client.post("/tokens", json={"session_id": SESSION, "ttl_s": 3600}).raise_for_status().json()["token"]
    try:
        yield {**made.environment, "URL": made.url, "KEY": key, "TOKEN": token}
    finally:
        for left in {*made.folder.iterdir()} - before:
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
            else:
                left.unlink()
