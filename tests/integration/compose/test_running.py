"""From the compose files alone, as processes: it indexes, searches, works on jobs, is watched, and somebody is told."""

import io
import json
from collections.abc import Callable
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from PIL import Image

from tests.fixtures_models import Pixels
from tests.integration.compose.machine import Machine
from tests.integration.compose.programs import TABLE
from tests.integration.compose.running import wait_for

PEOPLE = 3
TIMEOUT_S = 60.0


@pytest.fixture(scope="module")
def portrait(orl: Callable[..., Pixels]) -> Callable[[int, int], bytes]:
    def jpeg(person: int, number: int) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(orl(person, number, enlarge=2, border=60)).save(buffer, "JPEG", quality=90)
        return buffer.getvalue()

    return jpeg


def api(machine: Machine) -> httpx.Client:
    key = machine.running["facepass"].environment["API_KEYS"]
    return httpx.Client(
        base_url=f"http://{machine.addresses['facepass']}:8000/api/v1",
        headers={"X-API-Key": key},
        timeout=TIMEOUT_S,
        trust_env=False,
    )


def prometheus(machine: Machine, path: str, **query: str) -> Any:
    if "prometheus" not in machine.running:
        pytest.skip(machine.left_out()["prometheus"])
    url = f"http://{machine.addresses['prometheus']}:9090/api/v1/{path}"
    return httpx.get(url, params=query, timeout=TIMEOUT_S, trust_env=False).json()["data"]


def found(client: httpx.Client, session: str, selfie: bytes) -> list[str]:
    answer = client.post("/search", data={"session_id": session}, files={"file": ("me.jpg", selfie)})
    assert answer.status_code == 200, answer.text
    return [match["photo_id"] for match in answer.json()["matches"]]


def test_what_cannot_be_run_here_has_its_reason(started: Machine) -> None:
    assert set(started.left_out()) <= {
        *("grafana", "jaeger"),
        *(name for name, each in started.containers.items() if TABLE[each.image].needs),
    }
    assert all(started.left_out().values())
    assert {"facepass", "worker", "database", "valkey", "objects"} <= set(started.running)


@pytest.mark.parametrize(
    "name", ["facepass", "worker", "database", "valkey", "prometheus", "alertmanager", "postgres-exporter"]
)
def test_health_checks_of_the_files_succeed(started: Machine, name: str) -> None:
    if name in started.left_out():
        pytest.skip(started.left_out()[name])
    done = started.check_health(name)
    assert done.returncode == 0, done


def test_a_photo_is_indexed_and_its_person_found(started: Machine, portrait: Callable[[int, int], bytes]) -> None:
    with api(started) as client:
        for person in range(1, PEOPLE + 1):
            answer = client.post(
                "/index",
                data={"session_id": "gala", "photo_id": f"photo-{person}"},
                files={"file": ("p.jpg", portrait(person, 1))},
            )
            assert answer.status_code in {200, 201}, answer.text
        assert found(client, "gala", portrait(2, 5))[0] == "photo-2"


def test_a_job_reads_photos_from_the_bucket_and_is_done_by_the_worker(
    started: Machine, portrait: Callable[[int, int], bytes]
) -> None:
    environment = started.running["facepass"].environment
    store = boto3.client(
        "s3",
        endpoint_url=environment["S3_ENDPOINT"],
        region_name="us-east-1",
        aws_access_key_id=environment["S3_ACCESS_KEY"],
        aws_secret_access_key=environment["S3_SECRET_KEY"],
        config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
    )
    for person in range(1, PEOPLE + 1):
        store.put_object(Bucket=environment["S3_BUCKET"], Key=f"wedding/{person}.jpg", Body=portrait(person, 1))
    photos = [{"photo_id": str(person), "s3_key": f"wedding/{person}.jpg"} for person in range(1, PEOPLE + 1)]
    with api(started) as client:
        answer = client.post(
            "/index/batch", json={"session_id": "wedding", "photos": photos}, headers={"Prefer": "respond-async"}
        )
        assert answer.status_code == 202, answer.text
        job_id = answer.json()["job_id"]
        job: dict[str, Any] = {}

        def ended() -> bool:
            nonlocal job
            job = client.get(f"/jobs/{job_id}").json()
            return job["state"] in {"finished", "cancelled"}

        wait_for(ended, lambda: f"{job}\n{started.running['worker'].log}")
        assert (job["done"], job["failed"]) == (PEOPLE, 0), job
        assert found(client, "wedding", portrait(3, 4))[0] == "3"
        # and as docs/compose.md says
        done = started.run_in("facepass", "facepass", "index", "s3://photos/wedding", "--session", "again")
        assert done.returncode == 0, done
        assert found(client, "again", portrait(1, 6))[0].startswith(("1", "wedding/1"))


def test_doctor_finds_nothing_that_production_would_refuse(started: Machine) -> None:
    done = started.run_in("facepass", "facepass", "doctor", "--production")
    assert done.returncode == 0, done


def test_containers_write_into_their_volumes_and_nowhere_else(started: Machine) -> None:
    for name, one in started.running.items():
        if one.container.image != "facepass":
            continue
        allowed = {one.folder / "log", *(one.folder / target.lstrip("/") for target in one.container.files)}
        written = {
            path
            for path in one.folder.rglob("*")
            if path.is_file() and path not in allowed and not path.is_relative_to(one.folder / "data")
        }
        assert not written, name


def test_prometheus_has_every_target_up(started: Machine) -> None:
    expected = {"prometheus", "facepass", "facepass-worker"}
    expected |= {
        job
        for job, name in (("alertmanager", "alertmanager"), ("postgres", "postgres-exporter"))
        if name in started.running
    }
    targets: dict[str, str] = {}

    def all_up() -> bool:
        active = prometheus(started, "targets", state="active")["activeTargets"]
        targets.update({each["labels"]["job"]: f"{each['health']} {each['lastError']}".strip() for each in active})
        return {job: targets.get(job) for job in expected} == dict.fromkeys(expected, "up")

    wait_for(all_up, lambda: json.dumps(targets))
    assert set(targets) == expected | {job for job in ("alertmanager", "postgres") if job in targets}
    (version,) = prometheus(started, "query", query='count by (job) (facepass_build_info{job="facepass"})')["result"]
    assert version["value"][1] == "1"


def test_everybody_is_told_when_the_api_has_stopped(started: Machine) -> None:
    """The last one here: it ends what the others use."""
    prometheus(started, "query", query="up")
    started.kill("facepass")
    assert started.check_health("facepass").returncode != 0
    alerts: list[dict[str, Any]] = []

    def fires() -> bool:
        alerts[:] = prometheus(started, "alerts")["alerts"]
        return any(each["labels"]["alertname"] == "FacePassDown" and each["state"] == "firing" for each in alerts)

    wait_for(fires, lambda: json.dumps(alerts))
    if "alertmanager" in started.running:
        url = f"http://{started.addresses['alertmanager']}:9093/api/v2/alerts"

        def told() -> bool:
            answer = httpx.get(url, timeout=TIMEOUT_S, trust_env=False).json()
            return any(each["labels"]["alertname"] == "FacePassDown" for each in answer)

        wait_for(told, lambda: started.running["alertmanager"].log)
    one = started.start("facepass")
    started.await_condition("facepass", "service_healthy")

    def over() -> bool:
        alerts[:] = prometheus(started, "alerts")["alerts"]
        return not any(each["labels"]["alertname"] == "FacePassDown" for each in alerts)

    wait_for(over, lambda: one.log)
