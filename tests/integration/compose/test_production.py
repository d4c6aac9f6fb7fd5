"""What docker-compose.prod.yml adds, as processes: secrets in files, a backup every day, photos copied elsewhere."""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config

from tests.integration.compose.machine import Machine, machine
from tests.integration.compose.model import BASE, PROD, ROOT, containers, merged
from tests.integration.compose.running import wait_for

TIMEOUT_S = 30.0
NOW = datetime(2026, 5, 17, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def production(secrets_dir: Path, onnx_models_dir: Path) -> Iterator[Machine]:
    secrets = {"SECRETS_DIR": str(secrets_dir), "SECRETS_IN_FILES": "", "MIRROR_EVERY_S": "1"}
    each = containers(merged((BASE, PROD), Path(os.devnull), **secrets))
    mirror = each["mirror"]
    each["mirror"] = mirror.told({"MIRROR": "/data/mirror"})  # what mirror.env would say
    with machine(each, onnx_models_dir) as made:
        made.up(without=("rclone", "prometheus", "worker"))
        yield made


def secret(one: Machine, name: str) -> str:
    return Path(one.running["facepass"].environment[f"{name}_FILE"]).read_text()


def test_the_service_answers_with_secrets_from_files(production: Machine) -> None:
    url = f"http://{production.addresses['facepass']}:8000/api/v1/jobs"
    headers = {"X-API-Key": secret(production, "API_KEYS")}
    with httpx.Client(trust_env=False, timeout=TIMEOUT_S) as client:
        assert client.get(url, headers=headers).status_code == 200
        assert client.get(url, headers={"X-API-Key": "of nobody"}).status_code == 401


def test_no_process_has_a_secret_in_its_environment(production: Machine, secrets_dir: Path) -> None:
    values = {path.read_text() for path in secrets_dir.iterdir()}
    for name, one in production.running.items():
        assert not values & set(one.environment.values()), name


def test_the_first_backup_is_made_at_once_and_watched(production: Machine) -> None:
    def healthy() -> bool:
        return production.check_health("backup").returncode == 0

    wait_for(healthy, lambda: f"{production.running['backup'].log}\n{production.check_health('backup')}")
    assert list((production.folder / "volumes" / "backups").glob("facepass-*.dump"))
    wait_for(lambda: "next backup at" in production.running["backup"].log, lambda: production.running["backup"].log)


def test_photos_are_copied_and_what_is_deleted_is_kept(production: Machine) -> None:
    store = boto3.client(
        "s3",
        endpoint_url=production.running["facepass"].environment["S3_ENDPOINT"],
        region_name="us-east-1",
        aws_access_key_id=secret(production, "S3_ACCESS_KEY"),
        aws_secret_access_key=secret(production, "S3_SECRET_KEY"),
        config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
    )
    copies = production.running["mirror"].folder / "data" / "mirror"
    store.put_object(Bucket="photos", Key="gala/1.jpg", Body=b"a picture")

    def copied() -> bool:
        return (copies / "photos" / "gala" / "1.jpg").exists()

    wait_for(copied, lambda: production.running["mirror"].log)
    store.delete_object(Bucket="photos", Key="gala/1.jpg")
    wait_for(lambda: not copied(), lambda: production.running["mirror"].log)
    (kept,) = (copies / "deleted").rglob("1.jpg")
    assert kept.read_bytes() == b"a picture"


@pytest.fixture
def backup() -> Iterator[Any]:
    """The program of the container."""
    spec = importlib.util.spec_from_file_location("backup_of_compose", ROOT / "deploy" / "compose" / "backup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


FACEPASS = """#!/bin/sh
echo "$@" >>"$(dirname "$0")/calls"
case $2 in
    backups) cat "$(dirname "$0")/listed" ;;
    *) exit "$(cat "$(dirname "$0")/status")" ;;
esac
"""


@pytest.fixture
def facepass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """A `facepass` that says what the test wants it to; what is returned lists how it was called."""
    program = tmp_path / "facepass"
    program.write_text(FACEPASS)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}:/usr/bin:/bin")

    def says(*made: datetime, status: int = 0) -> list[str]:
        listed = ", ".join(f'{{"created_at": "{each.isoformat()}"}}' for each in made)
        (tmp_path / "listed").write_text(f"[{listed}]")
        (tmp_path / "status").write_text(str(status))
        calls = tmp_path / "calls"
        return calls.read_text().splitlines() if calls.exists() else []

    return says


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (NOW, NOW.replace(day=18, hour=3, minute=15)),
        (NOW.replace(hour=3, minute=14), NOW.replace(hour=3, minute=15)),
        (NOW.replace(hour=3, minute=15), NOW.replace(day=18, hour=3, minute=15)),
    ],
)
def test_the_next_time(backup: Any, now: datetime, due: datetime) -> None:
    assert backup.next_time(now, "03:15") == due


def test_what_is_wrong_with_backups(backup: Any, facepass: Callable[..., list[str]]) -> None:
    facepass()
    assert backup.check("/backups", now=lambda: NOW) == "there is no backup"
    facepass(NOW - timedelta(hours=50), NOW - timedelta(hours=27))
    assert "2026-05-16 09:00" in backup.check("/backups", now=lambda: NOW)
    facepass(NOW - timedelta(hours=50), NOW - timedelta(hours=25))
    assert backup.check("/backups", now=lambda: NOW) is None


class Enough(Exception):
    pass


@pytest.mark.parametrize(("status", "waits"), [(0, [15.25 * 3600]), (1, [900.0])])
def test_one_is_made_at_once_where_there_is_none(
    backup: Any, facepass: Callable[..., list[str]], status: int, waits: list[float]
) -> None:
    facepass(status=status)
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        raise Enough

    with pytest.raises(Enough):
        backup.run("/backups", "03:15", now=lambda: NOW, sleep=sleep)
    assert waited == waits
    calls = facepass()
    assert calls[:2] == ["db backups --at /backups --json", "db backup --to /backups"]
    assert calls[2:] == (["db verify-backup --from /backups"] if status == 0 else [])  # 17 May 2026 is a Sunday


def test_after_a_restart_the_time_of_day_is_waited_for(backup: Any, facepass: Callable[..., list[str]]) -> None:
    facepass(NOW - timedelta(hours=9))
    clock = [NOW]
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            raise Enough
        clock[0] += timedelta(seconds=seconds)

    with pytest.raises(Enough):
        backup.run("/backups", "03:15", now=lambda: clock[0], sleep=sleep)
    assert waited == [15.25 * 3600, 24 * 3600.0]
    assert facepass()[1:] == ["db backup --to /backups"]  # a Monday: it is not tried
