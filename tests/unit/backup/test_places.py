"""How an operator says where backups are."""

import pytest

from facepass.entrypoints.backups import Place
from facepass.entrypoints.object_store import endpoint_of
from facepass.entrypoints.settings import ObjectStore

NAME = "facepass-20260517-120000-123456"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("/var/backups", Place("/var/backups")),
        (f"/var/backups/{NAME}", Place("/var/backups", NAME)),
        (f"backups/{NAME}.dump", Place("backups", NAME)),
        (f"{NAME}.json", Place(".", NAME)),
        ("s3://bucket/prefix", Place("s3://bucket/prefix")),
        (f"s3://bucket/prefix/{NAME}/", Place("s3://bucket/prefix", NAME)),
        (f"s3://bucket/{NAME}", Place("s3://bucket", NAME)),
        ("s3://bucket/facepass-2026", Place("s3://bucket/facepass-2026")),
    ],
)
def test_a_place_and_perhaps_one_backup(text, place):
    assert Place.parse(text) == place


@pytest.mark.parametrize(
    ("settings", "endpoint"),
    [
        (ObjectStore(), None),
        (ObjectStore(s3_endpoint="minio:9000"), "https://minio:9000"),
        (ObjectStore(s3_endpoint="minio:9000", s3_secure=False), "http://minio:9000"),
        (ObjectStore(s3_endpoint="http://minio:9000"), "http://minio:9000"),
    ],
)
def test_the_scheme_of_the_object_store(settings, endpoint):
    assert endpoint_of(settings) == endpoint
