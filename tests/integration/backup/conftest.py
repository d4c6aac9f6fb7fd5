import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from facepass.adapters.backup.address import DatabaseAddress
from facepass.adapters.backup.documents import Manifest
from facepass.adapters.backup.folder import FolderStore
from facepass.adapters.backup.programs import Programs, find_programs
from facepass.adapters.backup.restore import Restored, Verification, restore, verify
from facepass.adapters.backup.store import BackupStore
from facepass.adapters.backup.take import back_up
from facepass.adapters.embedded_postgres.account import Account
from facepass.adapters.embedded_postgres.binaries import program_folder
from facepass.adapters.pgvector import migrate
from facepass.adapters.pgvector.engine import PoolSettings
from tests.integration.backup.cluster import Cluster


class Operator:
    """Somebody who backs up one database to one folder.

    Attributes:
        said: the lines of progress.
    """

    def __init__(self, url: str, tmp_path: Path) -> None:
        self.url = url
        self.source = DatabaseAddress(url)
        self.folder = tmp_path / "backups"
        self.store: BackupStore = FolderStore(self.folder)
        self.said: list[str] = []
        programs = program_folder(tmp_path, Account(os.geteuid(), os.getegid()))
        self.programs = find_programs([programs], least_major=1)

    def dump_with(self, script: str) -> None:
        """Let a shell script stand for `pg_dump`."""
        path = self.folder.parent / "pg_dump"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        self.programs = Programs(path, self.programs.pg_restore, self.programs.major)

    async def take(self, *, retention_days: int = 30) -> Manifest:
        return await back_up(
            self.source, self.store, self._find, retention_days=retention_days, progress=self.said.append
        )

    async def restore(
        self, name: str | None = None, *, target: DatabaseAddress | None = None, replace: bool = False
    ) -> Restored:
        return await restore(
            self.store, name, target or self.source, self._find, replace=replace, progress=self.said.append
        )

    async def verify(self, name: str | None = None, *, server: DatabaseAddress | None = None) -> Verification:
        return await verify(self.store, name, server or self.source, self._find, progress=self.said.append)

    def _find(self, least_major: int) -> Programs:
        assert self.programs.major >= least_major
        return self.programs


@pytest.fixture
def operator(empty_database_url, tmp_path) -> Operator:
    return Operator(empty_database_url, tmp_path)


@pytest.fixture(params=["0001", "0004"])
async def revision(request, empty_database_url) -> str:
    """The schema before and after sessions had keys and remembered erasures; the database is migrated to it."""
    await migrate.upgrade(empty_database_url, PoolSettings(), request.param)
    return request.param


@pytest.fixture
async def newest_schema(empty_database_url) -> str:
    """The URL of a database migrated as far as it goes."""
    await migrate.upgrade(empty_database_url, PoolSettings())
    return empty_database_url


@pytest.fixture
def own_cluster(data_dir) -> Iterator[Cluster]:
    """A PostgreSQL of the test's own, not started yet."""
    cluster = Cluster(data_dir)
    yield cluster
    cluster.stop()
