"""Two real object stores for the tests: both check signatures, are on loopback and ended by their own process ids."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.handlers import add_expect_header

from facepass.adapters.s3.address import ObjectStoreAddress

REGION = "us-east-1"
ACCESS_KEY, SECRET_KEY = "access-of-tests", "secret-of-tests"
PROGRAMS = Path(sys.executable).parent
START_TIMEOUT_S = 60.0
POLL_S = 0.05


class ObjectStore:
    """nanio with its data in a folder, on a port it keeps when it is started again.

    Attributes:
        address: with the one key it knows.
    """

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.address = ObjectStoreAddress(f"http://127.0.0.1:{self.port}", REGION, ACCESS_KEY, SECRET_KEY)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = self._folder / "log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments, no shell
                [str(PROGRAMS / self._arguments()[0]), *self._arguments()[1:]],
                stdout=output,
                stderr=output,
                env={"PATH": os.defpath, **self._environment()},
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            assert self._process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(POLL_S)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=START_TIMEOUT_S)
            self._process = None

    def kill(self) -> None:
        """What a power cut does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(timeout=START_TIMEOUT_S)
        self._process = None

    def put(self, bucket: str, objects: dict[str, bytes], **options: Any) -> None:
        """Store objects by their whole names, in a bucket that is made unless it exists; `options` as the vendor's."""
        client = self._client()
        with suppress(ClientError):
            client.create_bucket(Bucket=bucket)
        for name, data in objects.items():
            client.put_object(Bucket=bucket, Key=name, Body=data, **options)

    def _arguments(self) -> list[str]:
        return [
            *("nanio", "serve", "--host", "127.0.0.1", "--port", str(self.port)),
            *("--data-dir", str(self._folder / "data")),
        ]

    def _environment(self) -> dict[str, str]:
        return {"NANIO_ACCESS_KEY": ACCESS_KEY, "NANIO_SECRET_KEY": SECRET_KEY}

    def _client(self) -> Any:
        """Of the vendor, so that what ours reads was not written by ours."""
        client = boto3.client(
            "s3",
            endpoint_url=self.address.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                read_timeout=START_TIMEOUT_S,
                retries={"total_max_attempts": 1},
            ),
        )
        # rclone's two answers to an empty body that was announced with this header are more than the client waits for
        client.meta.events.unregister("before-call.s3", add_expect_header)
        return client


class RcloneStore(ObjectStore):
    """`rclone serve s3`: another implementation, whose objects are plain files of one folder a bucket."""

    def _arguments(self) -> list[str]:
        data = self._folder / "data"
        data.mkdir(exist_ok=True)
        return [
            *("rclone", "serve", "s3", "--addr", f"127.0.0.1:{self.port}", "--config", str(self._folder / "config")),
            *("--cache-dir", str(self._folder / "cache"), str(data)),
        ]

    def _environment(self) -> dict[str, str]:
        return {"RCLONE_AUTH_KEY": f'"{ACCESS_KEY},{SECRET_KEY}"'}


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """One server for all tests that keep to buckets or prefixes of their own."""
    store = ObjectStore(tmp_path_factory.mktemp("object-store"))
    store.start()
    try:
        yield store
    finally:
        store.stop()


@pytest.fixture(scope="session")
def rclone_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RcloneStore]:
    """As `object_store`, of the other make."""
    store = RcloneStore(tmp_path_factory.mktemp("rclone-store"))
    store.start()
    try:
        yield store
    finally:
        store.stop()


@pytest.fixture
def own_object_store(tmp_path: Path) -> Iterator[ObjectStore]:
    """A server of the test's own, which it may end; started."""
    store = ObjectStore(tmp_path)
    store.start()
    try:
        yield store
    finally:
        store.stop()
