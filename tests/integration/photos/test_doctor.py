"""What `facepass doctor` says of the place where photos are named by key."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from facepass.entrypoints.cli.checks import photos
from facepass.entrypoints.cli.checks.check import State
from facepass.entrypoints.settings import Application, Photos, Settings
from tests.fixtures_s3 import ObjectStore
from tests.integration.serving import in_bucket

BUCKET, PREFIX = "doctors-photos", "2026/party"


def in_folder(data_dir: Path, photo_root: Path | None = None) -> Settings:
    return Settings(application=Application(data_dir=data_dir), photos=Photos(photo_root=photo_root))


async def test_a_folder_of_photos(tmp_path: Path) -> None:
    found = await photos.check(in_folder(tmp_path))
    assert (found.state, found.remedy) == (State.OK, None)
    assert f"{tmp_path}/photos, not made yet" in found.detail
    assert not (tmp_path / "photos").exists()
    (tmp_path / "photos").mkdir()
    for settings in (in_folder(tmp_path), in_folder(tmp_path, tmp_path / "photos")):
        assert (await photos.check(settings)).detail == f"folder {tmp_path}/photos"


@pytest.mark.parametrize("name", ["gone", "file"])
async def test_a_folder_that_was_named_and_is_none(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    found = await photos.check(in_folder(tmp_path, tmp_path / name))
    assert found.state is State.FAIL
    assert "PHOTO_ROOT" in (found.remedy or "")


async def test_a_bucket_that_can_be_read(object_store: ObjectStore) -> None:
    object_store.put(BUCKET, {f"{PREFIX}/a.jpg": b"photo"})
    found = await photos.check(Settings(object_store=in_bucket(object_store.address, BUCKET, PREFIX)))
    assert (found.state, found.detail, found.remedy) == (State.OK, f"bucket {BUCKET}, below {PREFIX}", None)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"s3_access_key": None}, "needs S3_ACCESS_KEY"),
        ({"s3_bucket": "doctors-phots"}, "bucket does not exist"),
        ({"s3_bucket": "no/bucket"}, "S3_BUCKET"),
        ({"s3_prefix": "/2026"}, "S3_PREFIX"),
        ({"s3_endpoint": "http://127.0.0.1:1"}, "does not answer (ConnectError"),
    ],
)
async def test_a_bucket_that_cannot(object_store: ObjectStore, wrong: dict[str, str], reason: str) -> None:
    store = msgspec.structs.replace(in_bucket(object_store.address, BUCKET, PREFIX), **wrong)
    found = await photos.check(Settings(object_store=store))
    assert found.state is State.FAIL
    assert reason in found.detail
    assert "s3:GetObject" in (found.remedy or "")


async def test_a_wrong_key_does_not_show(object_store: ObjectStore) -> None:
    address = replace(object_store.address, access_key="another", secret_key="another")  # noqa: S106 - as it says
    found = await photos.check(Settings(object_store=in_bucket(address, BUCKET, PREFIX)))
    assert found.detail == "the object store does not know S3_ACCESS_KEY"
