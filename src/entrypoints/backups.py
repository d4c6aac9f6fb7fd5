"""What an operator does about backups, wired: which database, where the backups are, whose programs.

Like `upkeep` it knows adapters, so that the command line need not.
"""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from facepass.adapters.backup import restore as restoring
from facepass.adapters.backup import take
from facepass.adapters.backup.address import DatabaseAddress
from facepass.adapters.backup.documents import Manifest, time_of
from facepass.adapters.backup.folder import FolderStore
from facepass.adapters.backup.programs import Programs, find_programs
from facepass.adapters.backup.restore import Restored, Verification
from facepass.adapters.backup.store import BackupStore, backups_in, manifest_at
from facepass.adapters.embedded_postgres.account import Account
from facepass.adapters.embedded_postgres.binaries import program_folder
from facepass.adapters.pgvector.errors import vendor_errors
from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.container import Container
from facepass.entrypoints.object_store import address_of
from facepass.entrypoints.settings import Settings
from facepass.entrypoints.upkeep import Progress, migrations

__all__ = ["Manifest", "Place", "Restored", "Verification", "back_up", "backups", "restore", "verify"]

SCHEME = "s3://"


@dataclass(frozen=True, slots=True)
class Place:
    """Where backups are, and perhaps which one.

    Attributes:
        folder: of the machine, or `s3://bucket/prefix`.
        backup: its name; None for the newest.
    """

    folder: str
    backup: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Place":
        """From `DIR`, `DIR/NAME`, `s3://bucket/prefix` or `s3://bucket/prefix/NAME`; NAME with or without ending."""
        parent, _, last = text.rstrip("/").rpartition("/")
        name = last.removesuffix(".dump").removesuffix(".json")
        return cls(parent or ".", name) if time_of(name) else cls(text)


async def back_up(settings: Settings, to: str, *, progress: Progress) -> Manifest:
    """Back up the configured database.

    Raises:
        ProgramFailed, Conflict, ConfigurationError, DependencyUnavailable: see `take.back_up`.
    """
    async with _source(settings, progress) as source, _store(settings, to) as store:
        with vendor_errors():
            return await take.back_up(
                source,
                store,
                _programs_of(settings),
                retention_days=settings.retention.backup_retention_days,
                progress=progress,
            )


async def restore(settings: Settings, place: Place, *, into: str | None, replace: bool, progress: Progress) -> Restored:
    """Put a backup in the place of the configured database, or of the one at the URL `into`.

    Raises:
        NotFound, DamagedBackup, Conflict, ConfigurationError, DependencyUnavailable: see `restore.restore`.
    """
    async with _target(settings, into, progress) as target, _store(settings, place.folder) as store:
        with vendor_errors():
            return await restoring.restore(
                store, place.backup, target, _programs_of(settings), replace=replace, progress=progress
            )


async def verify(settings: Settings, place: Place, *, progress: Progress) -> Verification:
    """Rehearse a restore beside the configured database, and compare.

    Raises:
        NotFound, DamagedBackup, ConfigurationError, DependencyUnavailable: see `restore.verify`.
    """
    async with _source(settings, progress) as server, _store(settings, place.folder) as store:
        with vendor_errors():
            return await restoring.verify(store, place.backup, server, _programs_of(settings), progress=progress)


async def backups(settings: Settings, at: str) -> tuple[Manifest, ...]:
    """Every backup in a place, oldest first.

    Raises:
        DamagedBackup: a manifest cannot be read.
        ConfigurationError, DependencyUnavailable: the place cannot be reached.
    """
    async with _store(settings, at) as store:
        return tuple([await manifest_at(store, name) for name in await backups_in(store)])


@asynccontextmanager
async def _source(settings: Settings, progress: Progress) -> AsyncIterator[DatabaseAddress]:
    """The configured database, or its embedded server for as long as the block lasts."""
    async with migrations(settings, progress=progress) as schema:
        pool = Container(settings=settings).pool()
        yield DatabaseAddress(schema.url, pool.sslmode, pool.timeout_s)


@asynccontextmanager
async def _target(settings: Settings, into: str | None, progress: Progress) -> AsyncIterator[DatabaseAddress]:
    if into is not None:
        yield DatabaseAddress(into, timeout_s=settings.database.db_timeout_s)
        return
    async with _source(settings, progress) as source:
        yield source


@asynccontextmanager
async def _store(settings: Settings, folder: str) -> AsyncIterator[BackupStore]:
    if not folder.startswith(SCHEME):
        yield FolderStore(_folder(folder))
        return
    from facepass.adapters.s3.connection import opened  # noqa: PLC0415 heavy, and only for this
    from facepass.adapters.s3.file_store import S3FileStore  # noqa: PLC0415 as above

    bucket, _, prefix = folder.removeprefix(SCHEME).partition("/")
    if not bucket:
        raise ConfigurationError(f"{folder} names no bucket: write s3://bucket/prefix")
    async with opened(address_of(settings.object_store, needed_for="an s3:// address")) as client:
        yield S3FileStore(client, bucket, prefix.strip("/"))


def _folder(text: str) -> Path:
    return Path(text).expanduser()


def _programs_of(settings: Settings) -> Callable[[int], Programs]:
    """Finds the programs for a release: of the embedded package for its own server, otherwise rather those of PATH."""
    path = [Path(folder) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder]

    def find(least_major: int) -> Programs:
        embedded = list(_embedded_folder(settings))
        folders = [*embedded, *path] if settings.database.is_embedded else [*path, *embedded]
        return find_programs(folders, least_major=least_major)

    return find


def _embedded_folder(settings: Settings) -> Iterator[Path]:
    with suppress(ConfigurationError):  # the package is not installed
        yield program_folder(settings.application.data_dir, Account(os.geteuid(), os.getegid()))
