"""Backups in an object store: a real server that checks signatures, on loopback."""

import socket
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from facepass.adapters.s3.address import ObjectStoreAddress
from facepass.adapters.s3.connection import opened
from facepass.adapters.s3.file_store import S3FileStore
from facepass.domain.errors import ConfigurationError, DependencyUnavailable, NotFound
from tests.integration.backup.filling import fill, sessions_in

BUCKET = "backups"
PART_BYTES = 5 << 20  # the least that S3 allows


@pytest.fixture
def address(object_store) -> ObjectStoreAddress:
    return object_store.address


@pytest.fixture
async def client(address):
    async with opened(address) as client:
        if not any(bucket["Name"] == BUCKET for bucket in (await client.list_buckets())["Buckets"]):
            await client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.fixture
def store(client, request) -> S3FileStore:
    """A prefix of the test's own."""
    return S3FileStore(client, BUCKET, request.node.name, part_bytes=PART_BYTES)


async def pieces(*sizes: int):
    for number, size in enumerate(sizes):
        yield bytes([number]) * size


async def content(store: S3FileStore, name: str) -> bytes:
    return b"".join([chunk async for chunk in store.chunks(name)])


@pytest.mark.parametrize("sizes", [(), (5,), (PART_BYTES,), (PART_BYTES - 1, 3), (3 * PART_BYTES + 7, 1, PART_BYTES)])
async def test_what_is_put_is_read_whatever_its_size(store, sizes):
    await store.put("file", pieces(*sizes))

    assert await content(store, "file") == b"".join([chunk async for chunk in pieces(*sizes)])
    assert await store.names() == ("file",)
    await store.delete("file")
    await store.delete("file")
    assert await store.names() == ()


async def test_a_file_that_is_missing(store):
    with pytest.raises(NotFound, match="nothing"):
        await content(store, "nothing")


@pytest.mark.parametrize("before", [0, 2 * PART_BYTES])
async def test_what_fails_on_the_way_leaves_the_file_as_it_was(store, client, before):
    async def failing():
        yield b"x" * before
        raise OSError("the source ended")

    await store.put("file", pieces(3))
    with pytest.raises(OSError, match="the source ended"):
        await store.put("file", failing())

    assert await content(store, "file") == bytes(3)
    assert not (await client.list_multipart_uploads(Bucket=BUCKET)).get("Uploads")


async def test_uploads_of_writers_that_were_killed_are_aborted(store, client, request):
    other = {"Bucket": BUCKET, "Key": f"{request.node.name}/below/file"}
    await client.create_multipart_upload(Bucket=BUCKET, Key=f"{request.node.name}/file")
    theirs = await client.create_multipart_upload(**other)

    await store.clear_unfinished()

    left = (await client.list_multipart_uploads(Bucket=BUCKET))["Uploads"]
    assert [upload["Key"] for upload in left] == [other["Key"]]
    await client.abort_multipart_upload(**other, UploadId=theirs["UploadId"])


@asynccontextmanager
async def at(address: ObjectStoreAddress, bucket: str = BUCKET):
    async with opened(address) as client:
        yield S3FileStore(client, bucket, "prefix")


@pytest.mark.parametrize("wrong", [{"access_key": "another"}, {"secret_key": "another"}])
async def test_a_wrong_key_is_told_by_the_name_of_its_setting(address, client, wrong):
    async with at(replace(address, **wrong)) as store:
        for attempt in (store.names(), store.put("file", pieces(1)), content(store, "file")):
            with pytest.raises(ConfigurationError, match="S3_ACCESS_KEY") as refused:
                await attempt
            assert "another" not in refused.value.detail


async def test_a_bucket_that_does_not_exist_is_told(address, client):
    async with at(address, "elsewhere") as store:
        with pytest.raises(ConfigurationError, match="bucket does not exist"):
            await store.names()


async def test_a_server_out_of_reach_is_unavailable(address):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}"
        async with at(replace(address, endpoint=endpoint)) as store:
            with pytest.raises(DependencyUnavailable, match="cannot be reached"):
                await store.names()


async def test_an_endpoint_that_is_none(address):
    with pytest.raises(ConfigurationError, match="S3_ENDPOINT"):
        async with opened(replace(address, endpoint="nonsense")):
            pass


def test_no_key_shows(address):
    assert "secret" not in repr(address)


async def test_a_backup_comes_back_from_there(operator, revision, store):
    operator.store = store
    await fill(operator.url, revision, "gala", "fair")

    manifest = await operator.take()

    assert await store.names() == ("erasures.json", f"{manifest.name}.dump", f"{manifest.name}.json", "keys.json")
    assert (await operator.verify()).differences == ()
    await operator.restore(replace=True)
    assert await sessions_in(operator.url) == {"gala": 3, "fair": 3}


async def test_a_dump_that_fails_leaves_nothing_there(operator, revision, store):
    operator.store = store
    operator.dump_with("head -c 12000000 /dev/zero; echo 'pg_dump: error: disk on fire' >&2; exit 1")

    with pytest.raises(Exception, match="disk on fire"):
        await operator.take()

    assert await store.names() == ()
