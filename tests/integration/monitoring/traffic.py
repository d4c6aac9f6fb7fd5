"""A service that is used in every way the dashboards tell of."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from PIL import Image
from websockets.sync.client import connect

from facepass.entrypoints.demo.service_process import free_port
from tests.fixtures_models import Pixels
from tests.integration.monitoring import rules
from tests.integration.monitoring.prometheus import Prometheus, wait_until
from tests.kills.machines import KEY, Installation, installed

HEADERS = {"X-API-Key": KEY}
SESSION = "gala"
READY_TIMEOUT_S = 120.0
DONE_TIMEOUT_S = 60.0
COUNTS = {
    "search_requests_total": "search_requests_total",
    "job_units_total": 'job_units_total{outcome="done"}',
    "live_frames_total": 'live_frames_total{outcome="answered"}',
    "photos_stored_total": 'photos_stored_total{outcome="replaced"}',
}
"""What a round moves, as Prometheus is asked for it."""


@dataclass(frozen=True)
class Used:
    """A service and a worker.

    Attributes:
        client: of the service, with a key for everything.
        addresses: of what tells numbers, by job.
        picture: of a person, as JPEG.
    """

    installation: Installation
    client: httpx.Client
    addresses: dict[str, list[str]]
    picture: Callable[[int], bytes]

    def round(self) -> None:
        """One of each: photos, searches, a detection, a job, a frame."""
        for person in (1, 2, 1):
            self._index(f"p{person}", self.picture(person))
        for person in (1, 2, 3):
            form = {"session_id": SESSION}
            self._post("/search", data=form, files={"file": ("me.jpg", self.picture(person))})
        self._post("/detect", files={"file": ("d.jpg", self.picture(1))})
        listed = [{"photo_id": f"j{number}", "s3_key": f"{number}.jpg"} for number in (1, 2)]
        job = self._post(
            "/index/batch", json={"session_id": SESSION, "photos": listed}, headers={"Prefer": "respond-async"}
        ).json()
        wait_until(
            lambda: self.client.get(f"/jobs/{job['job_id']}").json()["finished_at"] is not None,
            timeout_s=DONE_TIMEOUT_S,
            what="the job has ended",
        )
        with connect(
            f"{self.installation.url.replace('http', 'ws', 1)}/ws/detect", additional_headers=HEADERS
        ) as socket:
            assert json.loads(socket.recv())["type"] == "ready"
            socket.send(self.picture(1))
            assert json.loads(socket.recv())["type"] == "detections"

    def seen_by(self, prometheus: Prometheus, rounds: int) -> bool:
        """Whether it has collected what so many rounds do."""
        least = {"search_requests_total": 3, "job_units_total": 2, "live_frames_total": 1, "photos_stored_total": 1}
        return all((prometheus.value(f"sum({query})") or 0) >= rounds * least[name] for name, query in COUNTS.items())

    def _index(self, photo_id: str, picture: bytes) -> None:
        form = {"session_id": SESSION, "photo_id": photo_id}
        self._post("/index", data=form, files={"file": ("p.jpg", picture)})

    def _post(self, path: str, **request: object) -> httpx.Response:
        return self.client.post(path, **request).raise_for_status()  # type: ignore[arg-type]


@contextmanager
def used(folder: Path, models_dir: Path, orl: Callable[..., Pixels]) -> Iterator[Used]:
    """A service and a worker on loopback that are ready to be used, and a backup of their database."""

    def picture(person: int) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(orl(person, 1, enlarge=2, border=60)).save(buffer, "JPEG", quality=90)
        return buffer.getvalue()

    photos = folder / "photos"
    photos.mkdir()
    for person in (1, 2):
        (photos / f"{person}.jpg").write_bytes(picture(person))
    port = free_port()
    with (
        installed(photos, models_dir, workers=1, settings={"FACEPASS_METRICS_PORT": str(port)}) as installation,
        httpx.Client(base_url=f"{installation.url}/api/v1", headers=HEADERS, trust_env=False, timeout=60.0) as client,
    ):
        back_up(installation, folder / "backups")

        def ready() -> bool:
            try:
                return client.get("/health/ready").status_code == httpx.codes.OK
            except httpx.TransportError:
                return False

        wait_until(ready, timeout_s=READY_TIMEOUT_S, what="the service is ready")
        addresses = {
            "facepass": [installation.url.removeprefix("http://")],
            "facepass-worker": [f"127.0.0.1:{port}"],
        }
        yield Used(installation, client, addresses, picture)


def back_up(installation: Installation, place: Path) -> None:
    """By the command, while the processes start."""
    place.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FACEPASS_")}
    environment |= {"FACEPASS_DATABASE_URL": installation.database.url, "PYTHONPATH": str(rules.REPOSITORY)}
    command = [sys.executable, "-m", "facepass", "db", "backup", "--to", str(place)]
    made = subprocess.run(command, env=environment, cwd=place, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 - ourselves
    assert made.returncode == 0, made.stderr
